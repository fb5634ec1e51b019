"""What became of every file that landed: a small SQLite table in `FRAUD_HOME`.

It is what grows with history, so that the sensor's cursor need not. It decides nothing about
runs: Dagster's own storage says what was run, and a ledger that is lost is made again from
the files and from there.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

from fraud_assets.intake.landing.drop_folder import State


class Outcome(StrEnum):
    """The states of a landed file; it is always in exactly one."""

    waiting = "waiting"
    running = "running"
    done = "done"
    failed = "failed"
    duplicate = "duplicate"
    refused = "refused"


TAKEN = (Outcome.waiting, Outcome.running, Outcome.done)
"""States in which a file's content belongs to its batch."""


@dataclass(frozen=True)
class Entry:
    """What is known of a landed file.

    Attributes
    ----------
    name : str
        Its name in the drop folder, unique.
    batch : str
        The batch that it becomes.
    size, modified_ns, inode : int
        Its state when it was last read.
    content_hash : str
        SHA-256 in hexadecimal; empty while it could not be read.
    outcome : Outcome
    detail : str
        The reason, for a person.
    run_key : str
        Names the run that was asked for; empty before.
    requested_at : float
        When that run was last requested, in seconds since 1970; 0 when it never was, and in
        entries of releases that did not note it.
    """

    name: str
    batch: str
    size: int
    modified_ns: int
    inode: int
    content_hash: str
    outcome: Outcome
    detail: str = ""
    run_key: str = ""
    requested_at: float = 0.0

    @property
    def state(self) -> State:
        """The file's state when it was last read."""
        return self.size, self.modified_ns, self.inode


EXPIRED = "its batch was removed by age"

_COLUMNS = tuple(field.name for field in fields(Entry))
_PLACES = ", ".join("?" * len(_COLUMNS))
_SAME = " AND ".join(f"{name} = ?" for name in _COLUMNS)
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
    """The entries, by file name.

    Parameters
    ----------
    connection : sqlite3.Connection
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
        """Add the column that ledgers of older releases lack."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # Another process may have added it before this one got the write lock.
            if not self._has_requested_at():
                self._connection.execute(f"ALTER TABLE files ADD COLUMN {_REQUESTED_AT}")

    def entries(self) -> dict[str, Entry]:
        """Return all entries by name."""
        return {entry.name: entry for entry in self._select("")}

    def with_content(self, content_hash: str) -> list[Entry]:
        """Return the entries of a content, in order of their names."""
        return list(self._select("WHERE content_hash = ? ORDER BY name", content_hash))

    def owner_of(self, content_hash: str, batch: str) -> Entry | None:
        """Return the entry of another batch that a content belongs to; None when there is none."""
        found = self.with_content(content_hash)
        return next((e for e in found if e.batch != batch and e.outcome in TAKEN), None)

    def with_outcome(self, outcome: Outcome) -> list[Entry]:
        """Return the entries in a state, the oldest file first, ties by name."""
        return list(self._select("WHERE outcome = ? ORDER BY modified_ns, name", outcome))

    def put(self, entries: Iterable[Entry]) -> None:
        """Write entries, each in place of the one of the same name."""
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO files ({', '.join(_COLUMNS)}) VALUES ({_PLACES})",
                [astuple(entry) for entry in entries],
            )

    def replace_unchanged(self, before: Entry | None, after: Entry | None) -> bool:
        """Replace an entry, unless another process has changed it since it was read.

        Of several processes that decide about the same file at the same time, as two daemons
        do that were started by mistake, one succeeds.

        Parameters
        ----------
        before : Entry or None
            The entry as it was read; None when the file had none.
        after : Entry or None
            The entry of the same file to write; None to delete it.

        Returns
        -------
        bool
            Whether the entry was replaced. If not, the ledger is as it was.
        """
        if before is None:
            if after is None:
                return False
            statement = f"INSERT OR IGNORE INTO files ({', '.join(_COLUMNS)}) VALUES ({_PLACES})"
            values = astuple(after)
        elif after is None:
            statement, values = f"DELETE FROM files WHERE {_SAME}", astuple(before)
        else:
            changes = ", ".join(f"{name} = ?" for name in _COLUMNS)
            statement = f"UPDATE files SET {changes} WHERE {_SAME}"
            values = (*astuple(after), *astuple(before))
        with self._connection:
            return self._connection.execute(statement, values).rowcount == 1

    def forget(self, names: Iterable[str]) -> None:
        """Remove entries."""
        with self._connection:
            self._connection.executemany(
                "DELETE FROM files WHERE name = ?", [(name,) for name in names]
            )

    def expire(self, batch: str, present: Set[str]) -> list[str]:
        """Remove the entries of a batch that was removed by age, but for files that are there.

        An entry is what tells that a file was taken: without it, the file would be taken again.

        Parameters
        ----------
        batch : str
        present : set of str
            Names of the files in the drop folder.

        Returns
        -------
        list of str
            Names of the files whose entries stay.
        """
        entries = [entry for entry in self.entries().values() if entry.batch == batch]
        self.forget(entry.name for entry in entries if entry.name not in present)
        kept = [entry for entry in entries if entry.name in present]
        # A file whose run is no longer known would be asked for again.
        self.put(
            replace(entry, outcome=Outcome.done, detail=EXPIRED, run_key="")
            for entry in kept
            if entry.outcome in (Outcome.running, Outcome.done)
        )
        return [entry.name for entry in kept]

    def _select(self, condition: str, *values: str) -> Iterator[Entry]:
        found = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM files {condition}", values
        )
        for name, batch, size, modified_ns, inode, content_hash, outcome, *others in found:
            state = size, modified_ns, inode
            yield Entry(name, batch, *state, content_hash, Outcome(outcome), *others)


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open the ledger of a file, made if it is missing.

    Parameters
    ----------
    path : Path
    """
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        yield Ledger(connection)
