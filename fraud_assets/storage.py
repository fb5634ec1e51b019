"""Where things are kept: the paths, the Parquet tables by batch, and the JSON reports.

A table is committed in two steps, each of them atomic: its rows and the facts about them
are renamed into a folder named after the content hash of the CSV that they came from, then
`current.json` is replaced to point there. A crash between the two leaves the old version
in charge, and an accepted version stays readable after a newer one has arrived.
"""

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import duckdb
from filelock import FileLock, Timeout
from pydantic import Field

from fraud_assets import config, object_store
from fraud_assets.engine import MEMORY_PATTERN, open_duckdb
from fraud_assets.files import (
    PRIVATE,
    PRIVATE_FOLDER,
    SHARED_FOLDER,
    private_files,
    private_folder,
    whole_file,
)
from fraud_assets.launcher import OLD_SECONDS, hold
from fraud_assets.masking import masking
from fraud_assets.sql import parquet
from fraud_assets.text import named

ROWS_FILE, FACTS_FILE, CURRENT_FILE = "rows.parquet", "facts.json", "current.json"
CONTENT_HASH = re.compile(r"[0-9A-Za-z]{1,64}")
"""What names the folder of a version; all of ours are SHA-256."""


@dataclass(frozen=True)
class Table:
    """A Parquet file and what is known of it.

    Attributes
    ----------
    path : Path
        The Parquet file.
    facts : dict
        JSON-like description; always holds `batch` and `content_hash`.
    """

    path: Path
    facts: Mapping[str, Any]


# --- paths ------------------------------------------------------------------------------


def report_folder(batch: str) -> Path:
    """Return the folder of a batch's reports, made if it is missing."""
    return _made(reports_folder() / _plain(batch))


def reports_folder() -> Path:
    """Return the folder of all reports."""
    return config.home_folder() / "reports"


def report_path(asset: str, batch: str) -> Path:
    """Return the JSON file that holds an asset's report about a batch."""
    return report_folder(batch) / f"{asset}.json"


def save_report(asset: str, batch: str, report: Mapping[str, Any]) -> Path:
    """Keep an asset's report about a batch; return its local path.

    Parameters
    ----------
    asset, batch : str
    report : mapping

    Returns
    -------
    Path
    """
    return write_report_file(batch, f"{asset}.json", to_json(report))


def find_report(asset: str, batch: str) -> dict[str, Any] | None:
    """Return an asset's latest report about a batch; None when there is none.

    Parameters
    ----------
    asset, batch : str

    Returns
    -------
    dict or None
    """
    report: dict[str, Any] | None = read_json(latest(report_path(asset, batch)))
    return report


def write_report_file(batch: str, name: str, content: str | bytes) -> Path:
    """Write a file into a batch's report folder, and into the store; return its local path.

    Parameters
    ----------
    batch, name : str
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    Path
    """
    path = report_folder(batch) / name
    write_atomically(path, content)
    object_store.push(path)
    return path


def find_report_file(batch: str, name: str) -> Path | None:
    """Return a file beside a batch's reports; None when there is none.

    Parameters
    ----------
    batch, name : str

    Returns
    -------
    Path or None
    """
    path = latest(report_folder(batch) / name)
    return path if path.exists() else None


def latest(path: Path) -> Path:
    """Return a file's local path, after the store's version was copied there, if it has one.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
    """
    object_store.pull(path)
    return path


def assignments_path() -> Path:
    """Return the index of all splits that were assigned."""
    return _made(config.home_folder() / "training") / "assignments.json"


def rejected_path(batch: str) -> Path:
    """Return the CSV that holds a batch's rejected rows."""
    return _made(config.home_folder() / "rejected") / f"{_plain(batch)}.csv"


def metrics_folder() -> Path:
    """Return the folder of the OpenMetrics textfiles, which another account may collect."""
    return _made(config.home_folder() / "metrics", SHARED_FOLDER)


def decisions_path() -> Path:
    """Return the append-only log of promotion decisions."""
    return _made(config.home_folder() / "registry") / "decisions.jsonl"


def alerts_path() -> Path:
    """Return the file that notes which messages were sent."""
    return _made(config.home_folder() / "alerts") / "sent.txt"


def ledger_path() -> Path:
    """Return the SQLite file that says what became of every landed file."""
    return _made(config.home_folder() / "intake") / "files.sqlite"


def tuning_folder() -> Path:
    """Return the folder of the studies and of the best parameters by estimator."""
    return _made(config.home_folder() / "tuning")


def comparison_folder() -> Path:
    """Return the folder of the comparison of challengers."""
    return _made(reports_folder() / "comparison")


def read_json(path: Path) -> Any:
    """Read a JSON file; None when there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _plain(batch: str) -> str:
    """Return a batch as the name of a folder or file.

    Raises
    ------
    ValueError
        When the batch would lead out of its folder; a person can add any partition by hand.
    """
    if batch in ("", ".", "..") or set(batch) & set("/\\\0") or not _is_unicode(batch):
        raise ValueError(
            f"{named(batch)} cannot be a batch, because it cannot name a folder; delete this "
            "partition, and drop a file whose name has no slash and no backslash"
        )
    return batch


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _version(content_hash: str) -> str:
    """Return a content hash as the name of a folder.

    Raises
    ------
    ValueError
        When it is none: it also comes from events and files that a person can write.
    """
    if not CONTENT_HASH.fullmatch(content_hash):
        raise ValueError(
            f"{named(content_hash[:80])} is not a content hash; materialize the batch again from "
            "its file"
        )
    return content_hash


def _made(folder: Path, mode: int = PRIVATE_FOLDER) -> Path:
    return private_folder(folder, config.home_folder(), mode)


def write_atomically(path: Path, content: str | bytes, mode: int = PRIVATE) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path : Path
    content : str or bytes
        Text is written as UTF-8.
    mode : int, optional
        Permissions of the file; default: its owner alone may read it.
    """
    with whole_file(path, mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def to_json(value: Any) -> str:
    """Return readable JSON with sorted keys, the same text for the same value."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


# --- the engine -------------------------------------------------------------------------


class Engine(dg.ConfigurableResource):  # type: ignore[type-arg]
    """DuckDB in process, with a memory limit beyond which it spills to disk.

    Attributes
    ----------
    memory_limit : str
        In DuckDB's notation.
    """

    memory_limit: str = Field(
        default="1GB",
        pattern=MEMORY_PATTERN,
        description="Memory beyond which DuckDB spills to disk: a number and KB, MB, GB or TB.",
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Engine"]:
        """Let run monitoring see that this run's process lives, and nobody read what it writes."""
        if context.run_id is not None:
            hold(context.run_id)
        with private_files():
            yield self

    @contextmanager
    def connect(
        self, *assets: str, folders: Sequence[Path] = ()
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that reaches the tables of some assets, and masks card numbers in SQL.

        Its temporary files, in which card numbers may be, are removed afterwards, and so are those
        of processes that were killed.

        Parameters
        ----------
        *assets : str
            Whose tables the step reads and writes.
        folders : sequence of Path
            Further folders that it may read and write.
        """
        home = config.home_folder()
        reached = [*(_made(home / "tables" / asset) for asset in assets), *folders]
        with (
            _scratch() as scratch,
            open_duckdb(reached, scratch, self.memory_limit) as connection,
            _without_values(),
        ):
            masking().install(connection)
            yield connection


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder of this process' own; it is locked as long as the process lives."""
    parent = _made(config.home_folder() / "scratch")
    for left in parent.iterdir():
        # Another process may be as quick.
        with suppress(FileNotFoundError):
            if left.is_dir():
                _clear_scratch_of_the_dead(left)
    own = parent / uuid4().hex
    # The lock comes first: a folder without its lock held is nobody's.
    with FileLock(_lock_of(own)):
        own.mkdir(PRIVATE_FOLDER)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            _lock_of(own).unlink(missing_ok=True)


def _clear_scratch_of_the_dead(folder: Path) -> None:
    # A folder without a lock is one of an older version, whose process may live.
    if not _lock_of(folder).exists() and time.time() - folder.stat().st_mtime < OLD_SECONDS:
        return
    with suppress(Timeout), FileLock(_lock_of(folder), timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


@contextmanager
def _without_values() -> Iterator[None]:
    """Say what DuckDB could not do without the value that it names: errors are shown and sent."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        kind = (
            "cannot be converted"
            if isinstance(error, duckdb.ConversionException)
            else ("is out of range")
        )
        raise ValueError(
            f"a value of the batch {kind}; compare its columns with the contract "
            "(check schema_contract), correct the file and drop it again"
        ) from None


# --- tables -----------------------------------------------------------------------------


def tables_folder(asset: str, batch: str) -> Path:
    """Return the folder that holds all versions of an asset's table for a batch."""
    return config.home_folder() / "tables" / asset / _plain(batch)


def table_assets() -> list[str]:
    """Return the names of the assets that keep tables."""
    return sorted(folder.name for folder in (config.home_folder() / "tables").glob("*"))


def folders_of(batch: str) -> list[Path]:
    """Return the folders that hold a batch's tables and reports, those of earlier versions too.

    Parameters
    ----------
    batch : str

    Returns
    -------
    list of Path
    """
    return [*(tables_folder(asset, batch) for asset in table_assets()), report_folder(batch)]


def new_rows_file(asset: str, batch: str) -> Path:
    """Return where an asset may write the rows of a table that is yet to be committed.

    What an earlier, interrupted run left there is removed.
    """
    clear_incoming(asset, batch)
    return _made(tables_folder(asset, batch)) / f"incoming-{uuid4().hex}.parquet"


@contextmanager
def incoming(asset: str, batch: str) -> Iterator[Path]:
    """Yield where to write rows; whatever else was written beside is gone afterwards.

    So are the rows, when the block fails.
    """
    rows = new_rows_file(asset, batch)
    try:
        yield rows
    except BaseException:
        clear_incoming(asset, batch)
        raise
    clear_incoming(asset, batch, keep=rows)


def clear_incoming(asset: str, batch: str, keep: Path | None = None) -> None:
    """Remove what interrupted runs left beside an asset's tables; rejected lines may be in it.

    Parameters
    ----------
    asset, batch : str
    keep : Path, optional
        A file that stays.
    """
    for leftover in tables_folder(asset, batch).glob("incoming-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover != keep:
            leftover.unlink()


def explain(error: OSError) -> str:
    """Return what a failure of the file system means to a person, with the remedy."""
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        free = shutil.disk_usage(config.home_folder()).free
        return (
            f"the disk is full: {free:,} bytes are left for {config.home_folder()}; free some "
            "space there, then materialize the batch again. Nothing half-written is in use"
        )
    return f"{error.filename or config.home_folder()}: {error.strerror or error}"


def save_table(asset: str, table: Table) -> Table:
    """Commit a table: move its rows into place and make it the current version.

    Parameters
    ----------
    asset : str
    table : Table
        Its rows as written to `new_rows_file`.

    Returns
    -------
    Table
        The same table at its final place.
    """
    folder = tables_folder(asset, table.facts["batch"])
    version = _made(folder / _version(table.facts["content_hash"]))
    with open(table.path, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(table.path, PRIVATE)
    os.replace(table.path, version / ROWS_FILE)
    write_atomically(version / FACTS_FILE, to_json(table.facts))
    write_atomically(folder / CURRENT_FILE, to_json({"content_hash": version.name}))
    object_store.push(version / ROWS_FILE, version / FACTS_FILE, folder / CURRENT_FILE)
    return Table(version / ROWS_FILE, table.facts)


def load_table(asset: str, batch: str, content_hash: str | None = None) -> Table:
    """Find a committed table.

    Parameters
    ----------
    asset, batch : str
    content_hash : str, optional
        Which version; default: the current one.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        When the batch has no such table.
    """
    folder = tables_folder(asset, batch)
    try:
        if content_hash is None:
            # Another machine may have written a newer one.
            object_store.pull(folder / CURRENT_FILE)
            content_hash = json.loads((folder / CURRENT_FILE).read_text())["content_hash"]
        rows = rows_path(asset, batch, str(content_hash))
        facts = json.loads(rows.with_name(FACTS_FILE).read_text())
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{asset} of batch {named(batch)} has not been materialized (looked in {folder}); "
            f"materialize {asset} for this batch first"
        ) from error
    return Table(rows, facts)


def rows_path(asset: str, batch: str, content_hash: str) -> Path:
    """Return the Parquet file of a committed version of a table; its facts are not read.

    Parameters
    ----------
    asset, batch, content_hash : str

    Returns
    -------
    Path
    """
    version = tables_folder(asset, batch) / _version(content_hash)
    if not (version / FACTS_FILE).exists():
        object_store.pull(version / ROWS_FILE, version / FACTS_FILE)
    return version / ROWS_FILE


def find_table(asset: str, batch: str, content_hash: str) -> Table | None:
    """Find a version of a table; None when it is not kept."""
    if not has_table(asset, batch, content_hash):
        return None
    return load_table(asset, batch, content_hash)


def has_table(asset: str, batch: str, content_hash: str) -> bool:
    """Tell whether a version of a table has been committed."""
    facts = tables_folder(asset, batch) / _version(content_hash) / FACTS_FILE
    return facts.exists() or object_store.has(facts)


def versions(asset: str, batch: str) -> list[str]:
    """Return the content hashes of the committed versions of a table, sorted."""
    folder = tables_folder(asset, batch)
    local = {facts.parent.name for facts in folder.glob(f"*/{FACTS_FILE}")}
    remote = {name for name in object_store.names(folder) if CONTENT_HASH.fullmatch(name)}
    return sorted(local | {name for name in remote if has_table(asset, batch, name)})


def prune_versions(batch: str, content_hash: str) -> None:
    """Remove old versions of a batch's tables, as `FRAUD_KEEP_VERSIONS` says.

    Parameters
    ----------
    batch : str
    content_hash : str
        The version that has just been accepted. It is kept, and so is what is newer than the
        oldest accepted version that is kept.
    """
    keep = config.kept_versions()
    if keep is None:
        return
    accepted = sorted(
        (facts.parent.stat().st_mtime, facts.parent.name)
        for facts in tables_folder("features", batch).glob(f"*/{FACTS_FILE}")
        if facts.parent.name != content_hash
    )
    for _, old in accepted[: max(0, len(accepted) + 1 - keep)]:
        for folder in (config.home_folder() / "tables").iterdir():
            shutil.rmtree(folder / _plain(batch) / old, ignore_errors=True)
            object_store.remove(folder / _plain(batch) / old)


class TableIOManager(dg.ConfigurableIOManager):
    """Keeps `Table` outputs as Parquet, by asset and batch."""

    def handle_output(self, context: dg.OutputContext, obj: Table) -> None:
        """Commit the table and describe it on the asset's page."""
        table = save_table(context.asset_key.to_user_string(), obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(table.path)})

    def load_input(self, context: dg.InputContext) -> Table:
        """Find the table of the run's batch."""
        return load_table(context.asset_key.to_user_string(), context.partition_key)


class ReportIOManager(dg.ConfigurableIOManager):
    """Keeps JSON-like outputs in the batch's report folder, under the asset's name."""

    def handle_output(self, context: dg.OutputContext, obj: dict[str, Any]) -> None:
        """Write the report."""
        path = save_report(context.asset_key.to_user_string(), context.partition_key, obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(path)})

    def load_input(self, context: dg.InputContext) -> dict[str, Any]:
        """Read the report of the run's batch."""
        name, batch = context.asset_key.to_user_string(), context.partition_key
        report = find_report(name, batch)
        if report is None:
            raise FileNotFoundError(
                f"{name} of batch {named(batch)} has not been materialized (looked for "
                f"{report_path(name, batch)}); materialize {name} for this batch first"
            )
        return report


# --- metadata ---------------------------------------------------------------------------


def table_metadata(engine: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """Describe a Parquet file for the asset's page: row count and column schema.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    path : Path

    Returns
    -------
    dict
        Dagster metadata under Dagster's own keys.
    """
    source = parquet(path)
    columns = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    rows = engine.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name=name, type=kind) for name, kind, *_ in columns]
        ),
    }
