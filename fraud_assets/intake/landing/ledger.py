"""The ledger: one row per file that landed, in a small SQLite database in `FRAUD_HOME`.

The sensor keeps its history here and needs no cursor. The ledger is not the record of what ran:
that is Dagster's run storage, and a ledger that is lost is rebuilt from the drop folder and the
runs.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from pathlib import Path

from fraud_assets.intake.landing.drop_folder import FileStat


class FileState(StrEnum):
    """State of a file that landed; a file is in exactly one.

    `waiting` for its run, `running`, `done`, `failed`, a `duplicate` of another batch's file, or
    `refused` because it cannot be ingested.
    """

    waiting = "waiting"
    running = "running"
    done = "done"
    failed = "failed"
    duplicate = "duplicate"
    refused = "refused"


OWNING_STATES = (FileState.waiting, FileState.running, FileState.done)
"""In these states the content of a file belongs to its batch; a copy of it is a duplicate."""


@dataclass(frozen=True)
class LedgerEntry:
    """A file that landed.

    Attributes
    ----------
    name : str
        File name in the drop folder; unique.
    batch : str
        Batch (partition key) that the file becomes.
    size, modified_ns, inode : int
        The file's size in bytes, modification time in nanoseconds and inode when last read.
    content_hash : str
        SHA-256 in hexadecimal; empty when the file could not be read.
    state : FileState
        Stored and shown in the column `outcome`.
    detail : str
        Explanation of the state, or the run that led to it.
    run_key : str
        Key of the run that was requested; empty before the first request.
    requested_at : float
        When that run was last requested, in seconds since 1970. 0 when no run was requested, and
        in entries written by releases without this column.
    """

    name: str
    batch: str
    size: int
    modified_ns: int
    inode: int
    content_hash: str
    state: FileState
    detail: str = ""
    run_key: str = ""
    requested_at: float = 0.0

    @property
    def stat(self) -> FileStat:
        """Size, modification time and inode of the file when it was last read."""
        return self.size, self.modified_ns, self.inode


EXPIRED = "its batch was deleted because of its age"

_COLUMNS = (
    *("name", "batch", "size", "modified_ns", "inode"),
    *("content_hash", "outcome", "detail", "run_key", "requested_at"),
)
"""Columns of the table, in the order of the attributes of `LedgerEntry`."""
_PLACEHOLDERS = ", ".join("?" * len(_COLUMNS))
_ALL_EQUAL = " AND ".join(f"{name} = ?" for name in _COLUMNS)
_ALL_SET = ", ".join(f"{name} = ?" for name in _COLUMNS)
_REQUESTED_AT = "requested_at REAL NOT NULL DEFAULT 0"
_TABLE = f"""
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY,
    batch TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    run_key TEXT NOT NULL,
    {_REQUESTED_AT}
);
CREATE INDEX IF NOT EXISTS by_content ON files (content_hash);
"""


class Ledger:
    """Ledger entries by file name.

    Parameters
    ----------
    connection : sqlite3.Connection
        An open database. The table is created, or upgraded from an older release, if necessary.

    See Also
    --------
    open_ledger : Opens the database too.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        connection.executescript(_TABLE)
        if not self._has_requested_at():
            self._add_requested_at()

    def _has_requested_at(self) -> bool:
        columns = self._connection.execute("PRAGMA table_info(files)").fetchall()
        return "requested_at" in {name for _, name, *_ in columns}

    def _add_requested_at(self) -> None:
        """Upgrade a ledger of a release that did not have the column."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # Another process may have added it before this one got the write lock.
            if not self._has_requested_at():
                self._connection.execute(f"ALTER TABLE files ADD COLUMN {_REQUESTED_AT}")

    def entries(self) -> dict[str, LedgerEntry]:
        """Return all entries.

        Returns
        -------
        dict of str to LedgerEntry
            By file name.
        """
        return {entry.name: entry for entry in self._select("")}

    def with_content(self, content_hash: str) -> list[LedgerEntry]:
        """Return the entries of files with the same content.

        Parameters
        ----------
        content_hash : str
            SHA-256 in hexadecimal.

        Returns
        -------
        list of LedgerEntry
            Sorted by name.
        """
        return list(self._select("WHERE content_hash = ? ORDER BY name", content_hash))

    def owner_of(self, content_hash: str, batch: str) -> LedgerEntry | None:
        """Return the file of another batch that already has this content.

        Parameters
        ----------
        content_hash : str
            SHA-256 in hexadecimal.
        batch : str
            The batch whose own files do not count.

        Returns
        -------
        LedgerEntry or None
            An entry in one of `OWNING_STATES`; None when the content is new.
        """
        same = self.with_content(content_hash)
        return next((e for e in same if e.batch != batch and e.state in OWNING_STATES), None)

    def in_state(self, state: FileState) -> list[LedgerEntry]:
        """Return the entries in a state.

        Parameters
        ----------
        state : FileState
            The state to select.

        Returns
        -------
        list of LedgerEntry
            The oldest file first, ties by name.
        """
        return list(self._select("WHERE outcome = ? ORDER BY modified_ns, name", state))

    def put(self, entries: Iterable[LedgerEntry]) -> None:
        """Insert entries, or overwrite those of the same names.

        Parameters
        ----------
        entries : iterable of LedgerEntry
            Written in one transaction.

        See Also
        --------
        replace_unchanged : Where another process may write the same entry.
        """
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO files ({', '.join(_COLUMNS)}) VALUES ({_PLACEHOLDERS})",
                [astuple(entry) for entry in entries],
            )

    def replace_unchanged(self, before: LedgerEntry | None, after: LedgerEntry | None) -> bool:
        """Replace an entry, unless another process has changed it since it was read.

        When several processes decide about the same file at once, as two daemons started by
        mistake do, exactly one of them succeeds.

        Parameters
        ----------
        before : LedgerEntry or None
            The entry as it was read; None when the file had no entry.
        after : LedgerEntry or None
            The new entry of the same file; None to delete the entry.

        Returns
        -------
        bool
            Whether the entry was replaced. If not, the ledger is unchanged.

        See Also
        --------
        put : where no other process writes the entry.
        """
        if before is None:
            if after is None:
                return False
            columns = ", ".join(_COLUMNS)
            statement = f"INSERT OR IGNORE INTO files ({columns}) VALUES ({_PLACEHOLDERS})"
            values = astuple(after)
        elif after is None:
            statement, values = f"DELETE FROM files WHERE {_ALL_EQUAL}", astuple(before)
        else:
            statement = f"UPDATE files SET {_ALL_SET} WHERE {_ALL_EQUAL}"
            values = (*astuple(after), *astuple(before))
        with self._connection:
            return self._connection.execute(statement, values).rowcount == 1

    def delete(self, names: Iterable[str]) -> None:
        """Delete entries.

        Parameters
        ----------
        names : iterable of str
            File names; unknown ones are ignored.
        """
        with self._connection:
            self._connection.executemany(
                "DELETE FROM files WHERE name = ?", [(name,) for name in names]
            )

    def expire(self, batch: str, present: Set[str]) -> list[str]:
        """Delete the entries of an expired batch, except those of files that still exist.

        Without its entry, a file that is still in the drop folder would be ingested again.

        Parameters
        ----------
        batch : str
            The batch whose data was deleted because of its age.
        present : set of str
            Names of the files in the drop folder.

        Returns
        -------
        list of str
            Names of the files whose entries were kept.

        See Also
        --------
        delete : deletes entries by file name.
        """
        entries = [entry for entry in self.entries().values() if entry.batch == batch]
        self.delete(entry.name for entry in entries if entry.name not in present)
        kept = [entry for entry in entries if entry.name in present]
        # The runs are deleted too, so the run of a file in another state would be requested again.
        self.put(
            replace(entry, state=FileState.done, detail=EXPIRED, run_key="")
            for entry in kept
            if entry.state in (FileState.running, FileState.done)
        )
        return [entry.name for entry in kept]

    def _select(self, condition: str, *values: str) -> Iterator[LedgerEntry]:
        rows = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM files {condition}", values
        )
        for name, batch, size, modified_ns, inode, content_hash, state, *others in rows:
            stat = size, modified_ns, inode
            yield LedgerEntry(name, batch, *stat, content_hash, FileState(state), *others)


@contextmanager
def open_ledger(path: Path | str) -> Iterator[Ledger]:
    """Open a ledger; the file is created if it does not exist.

    Parameters
    ----------
    path : Path or str
        The SQLite database; ":memory:" for one that lives as long as the block.

    Yields
    ------
    Ledger
        Closed when the block ends.

    See Also
    --------
    Ledger : the entries of an open database.

    Examples
    --------
    >>> entry = LedgerEntry("june.csv", "june", 8, 100, 5, "ab" * 32, FileState.waiting)
    >>> with open_ledger(":memory:") as ledger:
    ...     ledger.put([entry])
    ...     requested = replace(entry, state=FileState.running, run_key="june:1")
    ...     first = ledger.replace_unchanged(entry, requested)
    ...     second = ledger.replace_unchanged(entry, requested)
    ...     running = ledger.in_state(FileState.running)
    >>> first, second, [entry.name for entry in running]
    (True, False, ['june.csv'])
    """
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        yield Ledger(connection)
