"""Takes one card or customer out of all that is kept of every batch, and says what changed."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from fraud_assets.config import environment
from fraud_assets.intake.csv.decoding import open_csv, sha256
from fraud_assets.intake.landing import drop_folder
from fraud_assets.intake.landing.runs import is_busy
from fraud_assets.intake.partitions import batches
from fraud_assets.platform.masking import masking
from fraud_assets.platform.retention import replace_events
from fraud_assets.privacy.sought import WITHIN_TEXT, Sought
from fraud_assets.records.batches import Features, RawTransactions, TableFacts
from fraud_assets.records.decisions import ErasureEntry, now
from fraud_assets.store import files, object_store, paths, reports, resources, tables
from fraud_assets.store.decision_log import append_entry, registry_lock
from fraud_assets.store.spreadsheet import csv_line, without_apostrophes
from fraud_assets.store.sql import identifier, literal, parquet
from fraud_assets.text import named

LINE = "source_line"
READ_BYTES = 1 << 20
RAW = "raw_transactions"
SCORED = dg.AssetKey("scored_transactions")
"""The one asset whose events show rows: its page lists the first entries of the worklist."""
REPORT_OF = {
    "scored_transactions": "scored_transactions",
    "worklist": "scored_transactions",
    "test_predictions": "evaluation_report",
}
"""The lists of a batch that name lines, and the report that says which version those are of."""
STAYS = (
    "models as they were fitted: what they keep of rows are hashes with a secret key",
    "figures of reports, metrics and MLflow: they count the transactions and name nobody",
    "the decision log: it notes a keyed hash in place of what was typed",
    "backups, and old versions that an object store keeps: remove those yourself",
)
"""What is left as it is in every case, and why."""
Row = Mapping[str, str]


@dataclass(frozen=True)
class Forgotten:
    """What was changed of a batch.

    Attributes
    ----------
    batch : str
    rows : int
        Accepted rows that were removed, in all versions of the batch together.
    files : mapping of Path to int
        Files that were written anew, and how many rows less each has.
    stays : tuple of str
        What was found and left, and why.
    still_in : Path or None
        The CSV in the drop folder, if it still holds the card: the platform only reads it.
    """

    batch: str
    rows: int
    files: Mapping[Path, int]
    stays: tuple[str, ...]
    still_in: Path | None


@dataclass(frozen=True)
class ForgetSummary:
    """What came of a request.

    Attributes
    ----------
    batches : list of Forgotten
        One for each batch in which something was found.
    suppressions : int
        Entries that were removed of the file of suppressions.
    stays : tuple of str
        What was left in every case or not searched, and why.
    """

    batches: list[Forgotten]
    suppressions: int
    stays: tuple[str, ...]


def forget(
    instance: dg.DagsterInstance, engine: resources.Engine, card: str, actor: str
) -> ForgetSummary:
    """Take a card or customer out of tables, lists, rejected rows and suppressions of all batches.

    A row goes as a whole, from every table of its version of the batch and from the lists made of
    it. Nothing is changed in models, in figures of reports, in backups and in the drop folder.

    Parameters
    ----------
    instance : DagsterInstance
    engine : Engine
    card : str
        As the CSV has it, however its digits are grouped, or the token that lists show.
    actor : str
        Who asked for it; kept in the decision log, with a keyed hash of the card.

    Returns
    -------
    ForgetSummary

    Raises
    ------
    RuntimeError
        When a run is in progress: it would write anew what is removed.
    ValueError
        When nothing was given.
    """
    if not card.strip():
        raise ValueError("no card was given")
    if is_busy(instance):
        raise RuntimeError("a run is in progress; run this again when it is over")
    found, sought = [], Sought(card, masking())
    with engine.connect(*paths.table_assets(), folders=[paths.reports_folder()]) as connection:
        for batch in _known_batches(instance):
            forgotten = _forget_in(instance, connection, batch, sought)
            if forgotten.files or forgotten.stays or forgotten.still_in:
                found.append(forgotten)
    suppressions = _without(environment.suppressions_path(), _suppresses(sought))
    log = paths.decisions_path()
    with registry_lock(log):
        rows = {one.batch: one.rows for one in found if one.rows}
        append_entry(
            log, ErasureEntry(time=now(), actor=actor, card=sought.mark, rows_removed=rows)
        )
    return ForgetSummary(found, suppressions, (*STAYS, sought.not_searched()))


def _known_batches(instance: dg.DagsterInstance) -> list[str]:
    """Return all batches of which something is kept, those without a partition too."""
    home = environment.home_folder()
    known = dict.fromkeys(instance.get_dynamic_partitions(str(batches.name)))
    known |= dict.fromkeys(sorted(f.name for f in (home / "tables").glob("*/*") if f.is_dir()))
    known |= dict.fromkeys(sorted(f.stem for f in (home / "rejected").glob("*.csv")))
    return list(known)


def _forget_in(
    instance: dg.DagsterInstance,
    connection: duckdb.DuckDBPyConnection,
    batch: str,
    sought: Sought,
) -> Forgotten:
    for asset in paths.table_assets():
        tables.clear_incoming(asset, batch)
    versions = {found: _Version.of(connection, batch, found, sought) for found in _versions(batch)}
    rows = {content_hash: version.rows for content_hash, version in versions.items()}
    lines = {content_hash: version.lines for content_hash, version in versions.items()}
    # Lists first: a line is found again by its tables as long as one of those has it.
    files = _lists_without(connection, batch, lines, sought)
    for version in versions.values():
        files |= version.removed(connection)
    stays = [text for version in versions.values() for text in version.stays]
    mentions = _rejected_mentions(paths.rejected_path(batch), sought)
    if mentions:
        stays.append(f"{paths.rejected_path(batch)}: {_have_it(mentions)}")
    if any(lines.values()):
        replace_events(instance, batch, SCORED, {"rows_forgotten": sum(rows.values())})
    return Forgotten(batch, sum(rows.values()), files, tuple(stays), _still_in(batch, sought))


def _have_it(count: int) -> str:
    return f"{count} rows have it {WITHIN_TEXT}; correct or remove them yourself"


# --- tables -----------------------------------------------------------------------------


def _versions(batch: str) -> list[str]:
    """Return the content hashes of all versions of a batch's tables."""
    found = (tables.versions(asset, batch) for asset in paths.table_assets())
    return sorted({content_hash for some in found for content_hash in some})


@dataclass(frozen=True)
class _Version:
    """The tables of one version of a batch; line numbers mean the same row in all of them."""

    tables: Mapping[str, tables.Table[Any]]
    found: Mapping[str, set[int]]
    stays: tuple[str, ...]

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        batch: str,
        content_hash: str,
        sought: Sought,
    ) -> "_Version":
        kept = {
            asset: tables.find_table(kind, batch, content_hash)
            for asset, kind in tables.TABLES.items()
        }
        present = {asset: table for asset, table in kept.items() if table is not None}
        found = {
            asset: _lines_of(connection, table.path, _card_column(table.facts), sought)
            for asset, table in present.items()
        }
        stays = _mentions(connection, present[RAW], sought) if RAW in present else ()
        return cls(present, found, tuple(stays))

    @property
    def lines(self) -> set[int]:
        return set().union(*self.found.values())

    @property
    def rows(self) -> int:
        return len(self.lines)

    def removed(self, connection: duckdb.DuckDBPyConnection) -> dict[Path, int]:
        """Write the tables anew, those last by which the lines were found."""
        files = {}
        for asset in sorted(self.tables, key=lambda asset: (len(self.found[asset]), asset)):
            table = self.tables[asset]
            if count := _rewrite(connection, table.path, self.lines):
                _note(table, count)
                files[table.path] = count
        return files


def _card_column(facts: TableFacts) -> str | None:
    return facts.roles.card if isinstance(facts, RawTransactions | Features) else None


def _lines_of(
    connection: duckdb.DuckDBPyConnection, path: Path, card: str | None, sought: Sought
) -> set[int]:
    """Return the lines of a Parquet file in whose texts a card is named."""
    columns = _columns(connection, path)
    if LINE not in columns:
        return set()
    conditions = [
        sought.condition(f"CAST({identifier(name)} AS VARCHAR)", name == card)
        for name, kind in columns.items()
        if name == card or kind == "VARCHAR"
    ]
    wanted = " OR ".join(condition for condition in conditions if condition)
    if not wanted:
        return set()
    rows = connection.execute(f"SELECT {LINE} FROM {parquet(path)} WHERE {wanted}").fetchall()
    return {line for (line,) in rows}


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE FROM {parquet(path)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def _mentions(
    connection: duckdb.DuckDBPyConnection, table: tables.Table[Any], sought: Sought
) -> list[str]:
    """Say in which other columns of text a card may stand."""
    found, card = [], _card_column(table.facts)
    for name, kind in _columns(connection, table.path).items():
        condition = sought.mention(identifier(name))
        if kind == "VARCHAR" and name != card and condition:
            query = f"SELECT count(*) FROM {parquet(table.path)} WHERE {condition}"
            ((count,),) = connection.execute(query).fetchall()
            if count:
                found.append(
                    f"{table.path}, column {named(name)}: {count} rows have it where other names "
                    "stand, and it may be another's; correct the CSV and drop it again"
                )
    return found


def _note(table: tables.Table[Any], count: int) -> None:
    """Write down what is known of a table that has fewer rows."""
    facts = table.facts
    changes: dict[str, Any] = {"rows_forgotten": facts.rows_forgotten + count}
    if isinstance(facts, RawTransactions):
        changes |= {"rows_hash": sha256(table.path), "rows": facts.rows - count}
    facts_file = table.path.with_name(tables.FACTS_FILE)
    files.write_atomically(facts_file, facts.model_copy(update=changes).to_json())
    object_store.push(table.path, facts_file)


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, lines: set[int]) -> int:
    """Write a Parquet file anew without some lines; return how many of them it had."""
    if not lines or LINE not in _columns(connection, path):
        return 0
    source = parquet(path)
    chosen = f"list_contains({sorted(lines)}, {LINE})"
    ((count,),) = connection.execute(f"SELECT count(*) FROM {source} WHERE {chosen}").fetchall()
    if not count:
        return 0
    part = path.with_suffix(".part")
    connection.execute(
        f"COPY (SELECT * FROM {source} WHERE NOT {chosen}) TO {literal(part)} (FORMAT parquet)"
    )
    part.replace(path)
    return int(count)


# --- lists ------------------------------------------------------------------------------


def _lists_without(
    connection: duckdb.DuckDBPyConnection,
    batch: str,
    lines: Mapping[str, set[int]],
    sought: Sought,
) -> dict[Path, int]:
    """Write the lists of a batch and its rejected rows anew; return how many rows less each has."""
    folder = paths.report_folder(batch)
    removed = {
        table: _rewrite(
            connection,
            table,
            _lines_behind(table, lines) | _lines_of(connection, table, "card", sought),
        )
        for table in sorted(folder.glob("*.parquet"))
    }
    for name in ("scored_transactions.csv", "worklist.csv"):
        removed[folder / name] = _without(
            folder / name, _lists(_lines_behind(folder / name, lines), sought)
        )
    removed[folder / "suppressions.csv"] = _without(
        folder / "suppressions.csv", _suppresses(sought)
    )
    rejected = paths.rejected_path(batch)
    removed[rejected] = _without(rejected, lambda row: sought.is_in_line(_raw_text(row)))
    return {path: count for path, count in removed.items() if count}


def _lines_behind(listed: Path, lines: Mapping[str, set[int]]) -> set[int]:
    """Return the lines to remove from a list: those of the version that it was made of.

    Of a list of before that does not say, those of all versions.
    """
    report = reports.read_json(listed.with_name(f"{REPORT_OF.get(listed.stem, listed.stem)}.json"))
    version = (report or {}).get("content_hash")
    return lines.get(version, set()) if version else set().union(*lines.values())


def _lists(lines: set[int], sought: Sought) -> Callable[[Row], bool]:
    def leaves(row: Row) -> bool:
        named_lines = (row.get(LINE) or row.get("source_lines") or "").split()
        if any(line.isdecimal() and int(line) in lines for line in named_lines):
            return True
        values = row.values() if sought.is_distinct else [row.get("card", "")]
        return any(sought.is_named_by(without_apostrophes(value)) for value in values)

    return leaves


def _suppresses(sought: Sought) -> Callable[[Row], bool]:
    def leaves(row: Row) -> bool:
        if row.get("kind", "").strip() == "card" and sought.is_named_by(row.get("name", "")):
            return True
        return sought.is_distinct and any(map(sought.is_named_by, row.values()))

    return leaves


def _raw_text(row: Row) -> str:
    """Return a rejected row; nothing of the first, which holds the names of the columns."""
    return "" if row.get("line_number") == "1" else without_apostrophes(row.get("raw_text", ""))


def _rejected_mentions(rejected: Path, sought: Sought) -> int:
    if not rejected.exists():
        return 0
    header, rows = _read(rejected)
    return sum(sought.is_mentioned_in(_raw_text(_as_row(header, values))) for values in rows)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    except csv.Error:  # older releases put no quotes around a carriage return
        header, *rows = csv.reader(io.StringIO(text.replace("\r", " "), newline=""))
    return header, rows


def _as_row(header: list[str], values: list[str]) -> Row:
    """Return values by column; what has none is under the empty name."""
    return dict(zip(header, values, strict=False)) | {"": ",".join(values[len(header) :])}


def _without(path: Path, leaves: Callable[[Row], bool]) -> int:
    """Write a CSV anew without some rows; return how many of them it had."""
    if not path.exists() or not path.stat().st_size:
        return 0
    header, rows = _read(path)
    kept = [values for values in rows if not leaves(_as_row(header, values))]
    if len(kept) == len(rows):
        return 0
    files.write_atomically(path, "".join(map(csv_line, [header, *kept])))
    return len(rows) - len(kept)


def _still_in(batch: str, sought: Sought) -> Path | None:
    """Return the batch's CSV in the drop folder when it holds the card."""
    file = drop_folder.file_of(environment.drop_folder(), batch, None)
    if file is None or file.problem:
        return None
    path = environment.drop_folder() / file.name
    with open_csv(path) as source:
        rest = ""
        while chunk := source.read(READ_BYTES):
            *lines, rest = (rest + chunk.decode("utf-8", "replace")).split("\n")
            if any(map(sought.is_in_line, lines)):
                return path
    return path if sought.is_in_line(rest) else None
