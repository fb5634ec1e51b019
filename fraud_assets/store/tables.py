"""Parquet tables by batch, each with a record of facts about it.

A table is committed in two steps, each of them atomic: its rows and the facts about them
are renamed into a folder named after the content hash of the CSV that they came from, then
`current.json` is replaced to point there. A crash between the two leaves the old version
current, and an accepted version stays readable after a newer one has arrived.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

from fraud_assets.records.base import to_json
from fraud_assets.records.batches import (
    ChampionScores,
    Features,
    RawTransactions,
    Splits,
    TableFacts,
)
from fraud_assets.store import object_store
from fraud_assets.store.files import (
    PRIVATE,
    write_atomically,
)
from fraud_assets.store.paths import (
    CONTENT_HASH,
    made_folder,
    table_assets,
    tables_folder,
    version_name,
)
from fraud_assets.text import named

ROWS_FILE, FACTS_FILE, CURRENT_FILE = "rows.parquet", "facts.json", "current.json"


F = TypeVar("F", bound=TableFacts)
T = TypeVar("T", bound="Table[Any]")


@dataclass(frozen=True)
class Table(Generic[F]):
    """A Parquet file and the facts about it.

    Attributes
    ----------
    path : Path
        The Parquet file.
    facts : TableFacts
        A record of the type that belongs to its asset.
    """

    ASSET: ClassVar[str]
    RECORD: ClassVar[type[TableFacts]]

    path: Path
    facts: F


class RawTable(Table[RawTransactions]):
    """Table of `raw_transactions`."""

    ASSET, RECORD = "raw_transactions", RawTransactions


class FeatureTable(Table[Features]):
    """Table of `features`."""

    ASSET, RECORD = "features", Features


class SplitTable(Table[Splits]):
    """Table of `splits`."""

    ASSET, RECORD = "splits", Splits


class ScoreTable(Table[ChampionScores]):
    """Table of `champion_scores`."""

    ASSET, RECORD = "champion_scores", ChampionScores


TABLES: dict[str, type[Table[Any]]] = {
    table.ASSET: table for table in (RawTable, FeatureTable, SplitTable, ScoreTable)
}
"""The tables by asset; a new one is an entry here."""


def new_rows_file(asset: str, batch: str) -> Path:
    """Return the path to which an asset writes the rows of a table before it is committed.

    Files that an earlier, interrupted run left there are removed.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `features`.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Path
        The file does not exist yet; its folder does.

    See Also
    --------
    incoming : also cleans up afterwards.
    save_table : commits the rows.
    """
    clear_incoming(asset, batch)
    return made_folder(tables_folder(asset, batch)) / f"incoming-{uuid4().hex}.parquet"


@contextmanager
def incoming(asset: str, batch: str) -> Iterator[Path]:
    """Yield the path for new rows; other files written next to them are removed afterwards.

    The rows are removed, too, when the block fails.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `features`.
    batch : str
        Name of the batch, which is its partition.

    Yields
    ------
    Path
        The file does not exist yet; its folder does.

    See Also
    --------
    new_rows_file : returns such a path without cleaning up.
    """
    rows = new_rows_file(asset, batch)
    try:
        yield rows
    except BaseException:
        clear_incoming(asset, batch)
        raise
    clear_incoming(asset, batch, keep=rows)


def clear_incoming(asset: str, batch: str, keep: Path | None = None) -> None:
    """Remove the files that interrupted runs left next to an asset's tables.

    They may hold rejected lines.

    Parameters
    ----------
    asset, batch : str
        Name of the asset, such as `features`, and of the batch.
    keep : Path, optional
        A file that is not removed.
    """
    for leftover in tables_folder(asset, batch).glob("incoming-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        elif leftover != keep:
            leftover.unlink()


def save_table(table: T) -> T:
    """Commit a table: move its rows into place and make it the current version.

    Parameters
    ----------
    table : Table
        Its path is one that `new_rows_file` returned.

    Returns
    -------
    Table
        The same table, with the path of the committed file.

    Raises
    ------
    ValueError
        When its content hash cannot be the name of a folder.

    See Also
    --------
    load_table : reads it back.
    """
    folder = tables_folder(table.ASSET, table.facts.batch)
    version = made_folder(folder / version_name(table.facts.content_hash))
    with open(table.path, "rb") as file:
        os.fsync(file.fileno())
    os.chmod(table.path, PRIVATE)
    os.replace(table.path, version / ROWS_FILE)
    write_atomically(version / FACTS_FILE, table.facts.to_json())
    write_atomically(folder / CURRENT_FILE, to_json({"content_hash": version.name}))
    object_store.push(version / ROWS_FILE, version / FACTS_FILE, folder / CURRENT_FILE)
    return replace(table, path=version / ROWS_FILE)


def load_table(kind: type[T], batch: str, content_hash: str | None = None) -> T:
    """Find a committed table.

    Parameters
    ----------
    kind : type of Table
        The table of which asset, such as `FeatureTable`.
    batch : str
        Name of the batch, which is its partition.
    content_hash : str, optional
        Which version; default: the current one.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        When the batch has no such table.
    ValueError
        When its facts are not in this release's format.

    See Also
    --------
    find_table : returns None when there is none.
    """
    folder = tables_folder(kind.ASSET, batch)
    try:
        if content_hash is None:
            # Another machine may have written a newer one.
            object_store.pull(folder / CURRENT_FILE)
            content_hash = json.loads((folder / CURRENT_FILE).read_text())["content_hash"]
        rows = rows_path(kind.ASSET, batch, str(content_hash))
        facts = rows.with_name(FACTS_FILE).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{kind.ASSET} of batch {named(batch)} has not been materialized (looked in {folder}); "
            f"materialize {kind.ASSET} for this batch first"
        ) from error
    return kind(rows, kind.RECORD.from_json(facts, f"{rows.with_name(FACTS_FILE)}"))


def rows_path(asset: str, batch: str, content_hash: str) -> Path:
    """Return the Parquet file of a committed version of a table; its facts are not read.

    Parameters
    ----------
    asset, batch, content_hash : str
        Name of the asset, such as `features`, and of the batch; SHA-256 of the batch's CSV, in
        hexadecimal.

    Returns
    -------
    Path
        Copied from the object store if it is missing locally; it may not exist.

    See Also
    --------
    load_table : reads the facts, too.
    """
    version = tables_folder(asset, batch) / version_name(content_hash)
    if not (version / FACTS_FILE).exists():
        object_store.pull(version / ROWS_FILE, version / FACTS_FILE)
    return version / ROWS_FILE


def find_table(kind: type[T], batch: str, content_hash: str) -> T | None:
    """Find a version of a table; None when it is not kept.

    Parameters
    ----------
    kind : type of Table
        The table of which asset, such as `FeatureTable`.
    batch, content_hash : str
        Name of the batch, and the SHA-256 of its CSV, in hexadecimal.

    Returns
    -------
    Table or None

    Raises
    ------
    ValueError
        When its facts are not in this release's format.

    See Also
    --------
    load_table : raises when there is none.
    """
    if not has_table(kind.ASSET, batch, content_hash):
        return None
    return load_table(kind, batch, content_hash)


def has_table(asset: str, batch: str, content_hash: str) -> bool:
    """Tell whether a version of a table has been committed.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `features`.
    batch : str
        Name of the batch, which is its partition.
    content_hash : str
        SHA-256 of the CSV that the rows came from, in hexadecimal.

    Returns
    -------
    bool
        Whether it is stored locally or in the object store.

    See Also
    --------
    versions : all versions of a table.
    """
    facts = tables_folder(asset, batch) / version_name(content_hash) / FACTS_FILE
    return facts.exists() or object_store.has(facts)


def versions(asset: str, batch: str) -> list[str]:
    """Return the content hashes of the committed versions of a table, sorted.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `features`.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    list of str
        From the local folder and the object store together.

    See Also
    --------
    has_table : whether one version is there.
    """
    folder = tables_folder(asset, batch)
    local = {facts.parent.name for facts in folder.glob(f"*/{FACTS_FILE}")}
    remote = {name for name in object_store.names(folder) if CONTENT_HASH.fullmatch(name)}
    return sorted(local | {name for name in remote if has_table(asset, batch, name)})


def prune_versions(batch: str, accepted: Sequence[str], keep: int) -> None:
    """Remove old accepted versions of a batch's tables, of every asset.

    Versions that were never accepted are kept: a rejected correction may still be examined.

    Parameters
    ----------
    batch : str
        Name of the batch, which is its partition.
    accepted : sequence of str
        Content hashes of the accepted versions, the latest last.
    keep : int
        How many of the latest accepted versions are kept, 1 or more.
    """
    for content_hash in accepted[:-keep]:
        for asset in table_assets():
            version = tables_folder(asset, batch) / version_name(content_hash)
            shutil.rmtree(version, ignore_errors=True)
            object_store.remove(version)
