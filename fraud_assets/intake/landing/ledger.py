"""What became of every file that landed: a small SQLite table in `FRAUD_HOME`.

It is what grows with history, so that the sensor's cursor need not. It decides nothing about
runs: Dagster's own storage says what was run, and a ledger that is lost is made again from
the files and from there.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, replace
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

    @property
    def state(self) -> State:
        """The file's state when it was last read."""
        return self.size, self.modified_ns, self.inode


EXPIRED = "its batch was removed by age"

_COLUMNS = tuple(Entry.__dataclass_fields__)
_TABLE = f"""
CREATE TABLE IF NOT EXISTS files (
    {
    ", ".join(
        f"{name} {'INTEGER' if name in ('size', 'modified_ns', 'inode') else 'TEXT'}"
        f"{' PRIMARY KEY' if name == 'name' else ' NOT NULL'}"
        for name in _COLUMNS
    )
}
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
        places = ", ".join("?" * len(_COLUMNS))
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO files ({', '.join(_COLUMNS)}) VALUES ({places})",
                [astuple(entry) for entry in entries],
            )

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
        for name, batch, size, modified, inode, content, outcome, detail, run_key in found:
            yield Entry(
                name, batch, size, modified, inode, content, Outcome(outcome), detail, run_key
            )


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
