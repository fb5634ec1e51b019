"""Takes one card out of all that is kept of every batch, and says what changed."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb

from fraud_assets import config, object_store, storage
from fraud_assets.decisions import append_entry, registry_lock
from fraud_assets.intake import landing
from fraud_assets.intake.resources import batches, is_busy
from fraud_assets.intake.source import open_source, sha256
from fraud_assets.masking import MASK_CARD, masking
from fraud_assets.retention import replace_events
from fraud_assets.sql import identifier, literal, parquet

LINE = "source_line"
READ_BYTES = 1 << 20
SCORED = dg.AssetKey("scored_transactions")
"""The one asset whose events show rows: its page lists the first entries of the worklist."""


@dataclass(frozen=True)
class Forgotten:
    """What was changed of a batch.

    Attributes
    ----------
    batch : str
    rows : int
        Accepted rows of the card that were removed.
    files : tuple of Path
        Files that were written anew without them.
    still_in : Path or None
        The CSV in the drop folder, if it still holds the card: the platform only reads it.
    """

    batch: str
    rows: int
    files: tuple[Path, ...]
    still_in: Path | None


def forget(
    instance: dg.DagsterInstance, engine: storage.Engine, card: str, actor: str
) -> list[Forgotten]:
    """Take a card out of tables, lists, rejected rows and suppressions of every batch.

    Models stay as they were fitted; what they keep of rows are hashes with a secret key. Reports
    keep their figures, which count the card's transactions. Backups are not touched.

    Parameters
    ----------
    instance : DagsterInstance
    engine : Engine
    card : str
        As the CSV has it, however its digits are grouped, or the token that lists show.
    actor : str
        Who asked for it; kept in the decision log, with the card's token.

    Returns
    -------
    list of Forgotten
        One for each batch in which something was found.

    Raises
    ------
    RuntimeError
        When a run is in progress: it would write anew what is removed.
    """
    if is_busy(instance):
        raise RuntimeError("a run is in progress; run this again when it is over")
    found, token = [], masking().entry(card)
    with engine.connect(*storage.table_assets(), folders=[storage.reports_folder()]) as connection:
        for batch in instance.get_dynamic_partitions(str(batches.name)):
            forgotten = _forget_in(instance, connection, batch, token)
            if forgotten.files or forgotten.still_in:
                found.append(forgotten)
    _without(config.suppressions_path(), _suppresses(token))
    log = storage.decisions_path()
    with registry_lock(log):
        rows = {one.batch: one.rows for one in found}
        about = {"event": "forgotten", "actor": actor, "card": token, "rows_removed": rows}
        append_entry(log, about)
    return found


def _forget_in(
    instance: dg.DagsterInstance,
    connection: duckdb.DuckDBPyConnection,
    batch: str,
    token: str,
) -> Forgotten:
    changed: list[Path] = []
    gone: set[int] = set()
    for content_hash in storage.versions("raw_transactions", batch):
        raw = storage.load_table("raw_transactions", batch, content_hash)
        lines = _lines_of(connection, raw, token)
        gone |= lines
        if lines:
            changed += _tables_without(connection, batch, content_hash, lines)
    changed += _reports_without(connection, batch, gone, token)
    if gone:
        replace_events(instance, batch, SCORED, {"rows_forgotten": len(gone)})
    return Forgotten(batch, len(gone), tuple(changed), _still_in(batch, token))


def _lines_of(connection: duckdb.DuckDBPyConnection, raw: storage.Table, token: str) -> set[int]:
    column = raw.facts["roles"]["card"]
    if column is None:
        return set()
    shown = f"{MASK_CARD}(CAST({identifier(column)} AS VARCHAR))"
    found = connection.execute(
        f"SELECT {LINE} FROM {parquet(raw.path)} WHERE {shown} = {literal(token)}"
    ).fetchall()
    return {line for (line,) in found}


def _tables_without(
    connection: duckdb.DuckDBPyConnection, batch: str, content_hash: str, lines: set[int]
) -> Iterator[Path]:
    """Write a version of every table of a batch anew, without some lines of its file."""
    for asset in storage.table_assets():
        table = storage.find_table(asset, batch, content_hash)
        if table is not None and _rewrite(connection, table.path, lines):
            facts = {**table.facts, "rows_forgotten": len(lines)}
            if "rows_hash" in facts:
                facts["rows_hash"] = sha256(table.path)
                facts["rows"] -= len(lines)
            facts_file = table.path.with_name(storage.FACTS_FILE)
            storage.write_atomically(facts_file, storage.to_json(facts))
            object_store.push(table.path, facts_file)
            yield table.path


def _reports_without(
    connection: duckdb.DuckDBPyConnection, batch: str, lines: set[int], token: str
) -> Iterator[Path]:
    folder = storage.report_folder(batch)
    for table in sorted(folder.glob("*.parquet")):
        if lines and _rewrite(connection, table, lines):
            yield table
    of_line = _names_a_line(lines)
    for name, leaves in (
        ("scored_transactions.csv", of_line),
        ("worklist.csv", of_line),
        ("suppressions.csv", _suppresses(token)),
    ):
        if _without(folder / name, leaves):
            yield folder / name
    rejected = storage.rejected_path(batch)
    if _without(rejected, lambda row: _holds(row.get("raw_text") or "", token)):
        yield rejected


def _names_a_line(lines: set[int]) -> Callable[[dict[str, str]], bool]:
    def leaves(row: dict[str, str]) -> bool:
        named = (row.get(LINE) or row.get("source_lines") or "").split()
        return any(line.isdecimal() and int(line) in lines for line in named)

    return leaves


def _suppresses(token: str) -> Callable[[dict[str, str]], bool]:
    return lambda row: masking().entry((row.get("name") or "").strip()) == token


def _holds(text: str, token: str) -> bool:
    """Tell whether a line of a CSV has the card as a value, whatever parts its values."""
    return any(
        masking().card(value.strip()) == token
        for delimiter in ",;\t|"
        for value in next(csv.reader([text.replace("\n", " ")], delimiter=delimiter), [])
    )


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, lines: set[int]) -> bool:
    """Write a Parquet file anew without some lines; tell whether it had any of them."""
    source = parquet(path)
    names = {name for name, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
    if LINE not in names:
        return False
    chosen = f"list_contains({sorted(lines)}, {LINE})"
    (count,) = connection.execute(f"SELECT count(*) FROM {source} WHERE {chosen}").fetchall()[0]
    if not count:
        return False
    part = path.with_suffix(".part")
    connection.execute(
        f"COPY (SELECT * FROM {source} WHERE NOT {chosen}) TO {literal(part)} (FORMAT parquet)"
    )
    part.replace(path)
    return True


def _without(path: Path, leaves: Callable[[dict[str, str]], bool]) -> bool:
    """Write a CSV anew without some rows; tell whether it had any of them."""
    if not path.exists():
        return False
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header, rows = reader.fieldnames or [], list(reader)
    kept = [row for row in rows if not leaves(row)]
    if len(kept) == len(rows):
        return False
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    storage.write_atomically(path, text.getvalue())
    return True


def _still_in(batch: str, token: str) -> Path | None:
    """Return the batch's CSV in the drop folder when it holds the card."""
    file = landing.file_of(config.drop_folder(), batch, None)
    if file is None or file.problem:
        return None
    path = config.drop_folder() / file.name
    # The last four digits of a card number stand in its token; reading fields takes long.
    tail = token.removeprefix("…")[:4] if token.startswith("…") else token
    with open_source(path) as source:
        rest = ""
        while chunk := source.read(READ_BYTES):
            *lines, rest = (rest + chunk.decode("utf-8", "replace")).split("\n")
            if any(_holds(line, token) for line in lines if tail in line):
                return path
    return path if tail in rest and _holds(rest, token) else None
