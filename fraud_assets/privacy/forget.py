"""Deletes one card or customer from everything stored of every batch, and reports it."""

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
from fraud_assets.privacy.card_search import WITHIN_TEXT, CardSearch
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
"""The only asset whose events show rows: the first entries of the worklist."""
REPORT_OF = {
    "scored_transactions": "scored_transactions",
    "worklist": "scored_transactions",
    "test_predictions": "evaluation_report",
}
"""Lists of a batch that refer to lines, and the report that names the version of these lines."""
KEPT = (
    "trained models: they hold only hashes of rows, with a secret key",
    "figures in reports, metrics and MLflow: they count transactions and name nobody",
    "the decision log: it records a keyed hash instead of what was typed",
    "backups, and old versions in an object store: delete them yourself",
)
"""What is kept in every case, and why."""
Row = Mapping[str, str]


@dataclass(frozen=True)
class BatchDeletion:
    """What was deleted from a batch.

    Attributes
    ----------
    batch : str
    rows : int
        Deleted accepted rows, in all versions of the batch.
    files : mapping of Path to int
        Rewritten files, and how many rows were deleted from each.
    kept : tuple of str
        What was found but not deleted, and why.
    still_in : Path or None
        The CSV in the drop folder, if it still holds the card: the platform only reads it.
    """

    batch: str
    rows: int
    files: Mapping[Path, int]
    kept: tuple[str, ...]
    still_in: Path | None


@dataclass(frozen=True)
class ForgetSummary:
    """The result of a deletion request.

    Attributes
    ----------
    batches : list of BatchDeletion
        One for each batch in which something was found.
    suppressions : int
        Entries deleted from the file of suppressions.
    kept : tuple of str
        What was not deleted or not searched, and why.
    """

    batches: list[BatchDeletion]
    suppressions: int
    kept: tuple[str, ...]


def forget(
    instance: dg.DagsterInstance, engine: resources.Engine, card: str, actor: str
) -> ForgetSummary:
    """Delete a card or customer from tables, lists, rejected rows and suppressions of all batches.

    Whole rows are deleted, from every table of their version of the batch and from the lists made
    from it. Models, figures in reports, backups and the drop folder are not changed.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores batches and runs.
    engine : Engine
        DuckDB, which rewrites the tables.
    card : str
        As in the CSV, with any grouping of its digits, or the token shown in lists.
    actor : str
        Who asked for it; recorded in the decision log with a keyed hash of the card.

    Returns
    -------
    ForgetSummary
        What was deleted, what was kept, and why.

    Raises
    ------
    RuntimeError
        When a run is in progress: it could write again what is deleted.
    ValueError
        When the card is blank.

    See Also
    --------
    fraud_assets.privacy.expiry.expire : deletes whole batches.
    """
    if not card.strip():
        raise ValueError("no card was given")
    if is_busy(instance):
        raise RuntimeError("a run is in progress; run this again when it is over")
    deletions, search = [], CardSearch(card, masking())
    with engine.connect(*paths.table_assets(), folders=[paths.reports_folder()]) as connection:
        for batch in _known_batches(instance):
            deletion = _delete_from(instance, connection, batch, search)
            if deletion.files or deletion.kept or deletion.still_in:
                deletions.append(deletion)
    suppressions = _without(environment.suppressions_path(), _suppresses(search))
    log = paths.decisions_path()
    with registry_lock(log):
        rows = {deletion.batch: deletion.rows for deletion in deletions if deletion.rows}
        append_entry(
            log, ErasureEntry(time=now(), actor=actor, card=search.mark, rows_removed=rows)
        )
    return ForgetSummary(deletions, suppressions, (*KEPT, search.not_searched()))


def _known_batches(instance: dg.DagsterInstance) -> list[str]:
    """Return all batches with stored files, including those without a partition."""
    home = environment.home_folder()
    known = dict.fromkeys(instance.get_dynamic_partitions(str(batches.name)))
    known |= dict.fromkeys(sorted(f.name for f in (home / "tables").glob("*/*") if f.is_dir()))
    known |= dict.fromkeys(sorted(f.stem for f in (home / "rejected").glob("*.csv")))
    return list(known)


def _delete_from(
    instance: dg.DagsterInstance,
    connection: duckdb.DuckDBPyConnection,
    batch: str,
    search: CardSearch,
) -> BatchDeletion:
    for asset in paths.table_assets():
        tables.clear_incoming(asset, batch)
    versions = {found: _Version.of(connection, batch, found, search) for found in _versions(batch)}
    rows = {content_hash: version.rows for content_hash, version in versions.items()}
    lines = {content_hash: version.lines for content_hash, version in versions.items()}
    # Lists first: after an interruption, lines can still be found in the tables.
    files = _lists_without(connection, batch, lines, search)
    for version in versions.values():
        files |= version.removed(connection)
    kept = [text for version in versions.values() for text in version.mentions]
    mentions = _rejected_mentions(paths.rejected_path(batch), search)
    if mentions:
        kept.append(f"{paths.rejected_path(batch)}: {_mentioned(mentions)}")
    if any(lines.values()):
        replace_events(instance, batch, SCORED, {"rows_forgotten": sum(rows.values())})
    return BatchDeletion(batch, sum(rows.values()), files, tuple(kept), _still_in(batch, search))


def _mentioned(count: int) -> str:
    return f"{count} rows have it {WITHIN_TEXT}; correct or delete them yourself"


# --- tables -----------------------------------------------------------------------------


def _versions(batch: str) -> list[str]:
    """Return the content hashes of all versions of a batch's tables."""
    found = (tables.versions(asset, batch) for asset in paths.table_assets())
    return sorted({content_hash for some in found for content_hash in some})


@dataclass(frozen=True)
class _Version:
    """The tables of one version of a batch; line numbers mean the same row in all of them."""

    tables: Mapping[str, tables.Table[Any]]
    found_lines: Mapping[str, set[int]]
    mentions: tuple[str, ...]

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        batch: str,
        content_hash: str,
        search: CardSearch,
    ) -> "_Version":
        all_tables = {
            asset: tables.find_table(kind, batch, content_hash)
            for asset, kind in tables.TABLES.items()
        }
        present = {asset: table for asset, table in all_tables.items() if table is not None}
        lines = {
            asset: _lines_of(connection, table.path, _card_column(table.facts), search)
            for asset, table in present.items()
        }
        mentions = _mentions(connection, present[RAW], search) if RAW in present else ()
        return cls(present, lines, tuple(mentions))

    @property
    def lines(self) -> set[int]:
        return set().union(*self.found_lines.values())

    @property
    def rows(self) -> int:
        return len(self.lines)

    def removed(self, connection: duckdb.DuckDBPyConnection) -> dict[Path, int]:
        """Rewrite the tables; those in which the lines were found come last."""
        files = {}
        for asset in sorted(self.tables, key=lambda asset: (len(self.found_lines[asset]), asset)):
            table = self.tables[asset]
            if count := _rewrite(connection, table.path, self.lines):
                _update_facts(table, count)
                files[table.path] = count
        return files


def _card_column(facts: TableFacts) -> str | None:
    return facts.roles.card if isinstance(facts, RawTransactions | Features) else None


def _lines_of(
    connection: duckdb.DuckDBPyConnection, path: Path, card: str | None, search: CardSearch
) -> set[int]:
    """Return the lines of a Parquet file with a text that matches."""
    columns = _columns(connection, path)
    if LINE not in columns:
        return set()
    conditions = [
        search.condition(f"CAST({identifier(name)} AS VARCHAR)", name == card)
        for name, kind in columns.items()
        if name == card or kind == "VARCHAR"
    ]
    condition = " OR ".join(one for one in conditions if one)
    if not condition:
        return set()
    rows = connection.execute(f"SELECT {LINE} FROM {parquet(path)} WHERE {condition}").fetchall()
    return {line for (line,) in rows}


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE FROM {parquet(path)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def _mentions(
    connection: duckdb.DuckDBPyConnection, table: tables.Table[Any], search: CardSearch
) -> list[str]:
    """Return a phrase for each other text column in which a card may occur."""
    mentions, card = [], _card_column(table.facts)
    for name, kind in _columns(connection, table.path).items():
        condition = search.mention(identifier(name))
        if kind == "VARCHAR" and name != card and condition:
            query = f"SELECT count(*) FROM {parquet(table.path)} WHERE {condition}"
            ((count,),) = connection.execute(query).fetchall()
            if count:
                mentions.append(
                    f"{table.path}, column {named(name)}: {count} rows have it in a column "
                    "of other names, where it may be another's; correct the CSV and drop it again"
                )
    return mentions


def _update_facts(table: tables.Table[Any], count: int) -> None:
    """Update the facts of a table from which rows were deleted."""
    facts = table.facts
    changes: dict[str, Any] = {"rows_forgotten": facts.rows_forgotten + count}
    if isinstance(facts, RawTransactions):
        changes |= {"rows_hash": sha256(table.path), "rows": facts.rows - count}
    facts_file = table.path.with_name(tables.FACTS_FILE)
    files.write_atomically(facts_file, facts.model_copy(update=changes).to_json())
    object_store.push(table.path, facts_file)


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, lines: set[int]) -> int:
    """Rewrite a Parquet file without some lines; return how many were deleted."""
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
    search: CardSearch,
) -> dict[Path, int]:
    """Rewrite the lists and rejected rows of a batch; return how many rows each lost."""
    folder = paths.report_folder(batch)
    removed = {
        table: _rewrite(
            connection,
            table,
            _lines_behind(table, lines) | _lines_of(connection, table, "card", search),
        )
        for table in sorted(folder.glob("*.parquet"))
    }
    for name in ("scored_transactions.csv", "worklist.csv"):
        removed[folder / name] = _without(
            folder / name, _lists(_lines_behind(folder / name, lines), search)
        )
    removed[folder / "suppressions.csv"] = _without(
        folder / "suppressions.csv", _suppresses(search)
    )
    rejected = paths.rejected_path(batch)
    removed[rejected] = _without(rejected, lambda row: search.is_in_line(_raw_text(row)))
    return {path: count for path, count in removed.items() if count}


def _lines_behind(listed: Path, lines: Mapping[str, set[int]]) -> set[int]:
    """Return the lines to delete from a list: those of the version that it was made from.

    Lists of earlier releases do not name their version: then the lines of all versions.
    """
    report = reports.read_json(listed.with_name(f"{REPORT_OF.get(listed.stem, listed.stem)}.json"))
    version = (report or {}).get("content_hash")
    return lines.get(version, set()) if version else set().union(*lines.values())


def _lists(lines: set[int], search: CardSearch) -> Callable[[Row], bool]:
    def is_deleted(row: Row) -> bool:
        named_lines = (row.get(LINE) or row.get("source_lines") or "").split()
        if any(line.isdecimal() and int(line) in lines for line in named_lines):
            return True
        values = row.values() if search.is_distinct else [row.get("card", "")]
        return any(search.is_named_by(without_apostrophes(value)) for value in values)

    return is_deleted


def _suppresses(search: CardSearch) -> Callable[[Row], bool]:
    def is_deleted(row: Row) -> bool:
        if row.get("kind", "").strip() == "card" and search.is_named_by(row.get("name", "")):
            return True
        return search.is_distinct and any(map(search.is_named_by, row.values()))

    return is_deleted


def _raw_text(row: Row) -> str:
    """Return the text of a rejected row; empty for the first, which holds the column names."""
    return "" if row.get("line_number") == "1" else without_apostrophes(row.get("raw_text", ""))


def _rejected_mentions(rejected: Path, search: CardSearch) -> int:
    if not rejected.exists():
        return 0
    header, rows = _read(rejected)
    return sum(search.is_mentioned_in(_raw_text(_as_row(header, values))) for values in rows)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    except csv.Error:  # earlier releases did not quote carriage returns
        header, *rows = csv.reader(io.StringIO(text.replace("\r", " "), newline=""))
    return header, rows


def _as_row(header: list[str], values: list[str]) -> Row:
    """Return values by column; surplus ones are under the empty name."""
    return dict(zip(header, values, strict=False)) | {"": ",".join(values[len(header) :])}


def _without(path: Path, is_deleted: Callable[[Row], bool]) -> int:
    """Rewrite a CSV without some rows; return how many were deleted."""
    if not path.exists() or not path.stat().st_size:
        return 0
    header, rows = _read(path)
    kept = [values for values in rows if not is_deleted(_as_row(header, values))]
    if len(kept) == len(rows):
        return 0
    files.write_atomically(path, "".join(map(csv_line, [header, *kept])))
    return len(rows) - len(kept)


def _still_in(batch: str, search: CardSearch) -> Path | None:
    """Return the batch's CSV in the drop folder when it holds the card."""
    file = drop_folder.file_of(environment.drop_folder(), batch, None)
    if file is None or file.problem:
        return None
    path = environment.drop_folder() / file.name
    with open_csv(path) as source:
        rest = ""
        while chunk := source.read(READ_BYTES):
            *lines, rest = (rest + chunk.decode("utf-8", "replace")).split("\n")
            if any(map(search.is_in_line, lines)):
                return path
    return path if search.is_in_line(rest) else None
