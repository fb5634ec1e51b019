"""Which files in the drop folder have arrived whole and are to be taken.

A file is known by its name, its state (size and modification time) and its content hash,
never by being newer than something: a file that was moved in with an old date is taken
like any other.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fraud_assets.intake.ingest import sha256

State = tuple[int, int]
"""Size in bytes and modification time in nanoseconds."""


@dataclass(frozen=True)
class Seen:
    """What is remembered of a file that was taken.

    Attributes
    ----------
    state : State
    content_hash : str
        SHA-256 of the content, in hexadecimal, shortened.
    attempt : int
        How many contents have been taken under this name.
    """

    state: State
    content_hash: str
    attempt: int


@dataclass(frozen=True)
class Arrival:
    """A file to be taken now: its batch, and what makes this content unique."""

    path: Path
    content_hash: str
    attempt: int

    @property
    def batch(self) -> str:
        """The batch that the file becomes: its stem."""
        return self.path.stem

    @property
    def run_key(self) -> str:
        """Names the run: a second content under the same name is another run."""
        return f"{self.batch}:{self.content_hash}:{self.attempt}"


def content_hash(path: Path) -> str:
    """Return what makes a file's content another one: its SHA-256, shortened."""
    return sha256(path)[:16]


def csv_files(folder: Path) -> dict[str, State]:
    """Return the CSV files of a folder and their states.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to State
        By file name. Hidden files, folders and links are left out.
    """
    found: dict[str, State] = {}
    for path in folder.iterdir():
        if path.suffix != ".csv" or path.name.startswith(".") or path.is_symlink():
            continue
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[path.name] = (stat.st_size, stat.st_mtime_ns)
    return found


def take_arrivals(
    folder: Path,
    seen: dict[str, Seen],
    settle_seconds: float,
    limit: int,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[Arrival], dict[str, Seen]]:
    """Choose the files to take now, oldest first, ties by name.

    Parameters
    ----------
    folder : Path
        The drop folder.
    seen : dict of str to Seen
        What was taken before, by file name.
    settle_seconds : float
        A new or changed file is taken when its state is the same after this time.
    limit : int
        Files taken at most; the others wait for the next call.
    sleep : callable, optional

    Returns
    -------
    arrivals : list of Arrival
    seen : dict of str to Seen
        To be passed to the next call; files that are gone are forgotten.
    """
    before = csv_files(folder)
    remembered = {name: seen[name] for name in before if name in seen}
    fresh = {
        name
        for name, state in before.items()
        if name not in remembered or remembered[name].state != state
    }
    if not fresh:
        return [], remembered
    sleep(settle_seconds)
    after = csv_files(folder)
    settled = [name for name in fresh if after.get(name) == before[name]]
    settled.sort(key=lambda name: (before[name][1], name))
    arrivals = []
    for name in settled[:limit]:
        content = content_hash(folder / name)
        known = remembered.get(name)
        attempt = known.attempt if known else 0
        if known is None or known.content_hash != content:
            attempt += 1
            arrivals.append(Arrival(folder / name, content, attempt))
        remembered[name] = Seen(before[name], content, attempt)
    return arrivals, remembered


def to_cursor(seen: dict[str, Seen]) -> str:
    """Return what was seen as the text of a sensor's cursor."""
    return json.dumps(
        {name: [*s.state, s.content_hash, s.attempt] for name, s in seen.items()},
        separators=(",", ":"),
        sort_keys=True,
    )


def from_cursor(cursor: str | None) -> dict[str, Seen]:
    """Return what a cursor remembers; nothing when there is none."""
    entries = json.loads(cursor) if cursor else {}
    return {
        name: Seen((size, modified), content_hash, attempt)
        for name, (size, modified, content_hash, attempt) in entries.items()
    }
