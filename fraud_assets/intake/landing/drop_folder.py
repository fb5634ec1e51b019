"""What lies in the drop folder: which files can become a batch, and which cannot, and why.

A file is known by its name, its state and its content, never by being newer than something:
a file that was moved in with an old date is taken like any other.
"""

import fcntl
import os
import signal
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from fraud_assets.platform.masking import holds_card_number, masking
from fraud_assets.text import inert

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")
"""What the name of a file ends with that can become a batch, in any case."""
RANGE = "..."
"""What Dagster reads in a partition key as a range."""

State = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds, inode."""


@dataclass(frozen=True)
class LandedFile:
    """A file of the drop folder whose name says that it is a batch.

    Attributes
    ----------
    name : str
    batch : str
        The batch that it becomes.
    state : State
    problem : str or None
        Why it cannot be taken as it lies there, with the remedy.
    """

    name: str
    batch: str
    state: State
    problem: str | None = None

    @property
    def age(self) -> tuple[int, str]:
        """What files are sorted by: the time of the last change, then the name."""
        return self.state[1], self.name


def stem(name: str) -> str | None:
    """Return a file's name without its suffix; None when it is no CSV, or hidden.

    Examples
    --------
    >>> stem("june.csv.gz"), stem("June.CSV"), stem(".june.csv.x7Qz"), stem("notes.txt")
    ('june', 'June', None, None)
    """
    if name.startswith("."):
        return None
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
    return name[: -len(suffix)] if suffix else None


def batch_of(name: str) -> str:
    """Return the batch that a file's name means: its stem, trimmed and composed (NFC).

    Examples
    --------
    >>> batch_of(" June 2026 .csv")
    'June 2026'
    """
    return unicodedata.normalize("NFC", stem(name) or "").strip()


def name_problem(batch: str) -> str | None:
    """Return why a name cannot be a batch; None when it can.

    Parameters
    ----------
    batch : str
    """
    if not batch or batch in (".", ".."):
        return "it has no name before the suffix"
    try:
        batch.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if any(unicodedata.category(character) == "Cc" for character in batch):
        return "its name holds control characters"
    if holds_card_number(batch):
        return "a payment card number stands in its name"
    if "\\" in batch:
        return "its name holds a backslash"
    return f"its name holds {RANGE!r}" if RANGE in batch else None


def look(folder: Path) -> dict[str, LandedFile]:
    """Return the files of the drop folder that are, or claim to be, batches.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to LandedFile
        By name. Hidden files, which are how careful copies name what is not whole yet, and
        files without one of the suffixes are left out.
    """
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if stem(entry.name) is not None:
                try:
                    found[entry.name] = _landed(folder, entry)
                except FileNotFoundError:
                    continue
    return found


def _landed(folder: Path, entry: os.DirEntry[str]) -> LandedFile:
    batch = batch_of(entry.name)
    problem = _link_problem(folder, entry) if entry.is_symlink() else None
    problem = problem or _kind_problem(entry, batch)
    state = _state(entry.stat(follow_symlinks=problem is None))
    return LandedFile(
        entry.name, batch, state, f"{inert(printable(entry.name))} {problem}" if problem else None
    )


def _link_problem(folder: Path, entry: os.DirEntry[str]) -> str | None:
    target = Path(os.path.realpath(entry.path))
    if not target.is_relative_to(folder.resolve()):
        return "is a link out of the drop folder; copy the file itself"
    return None if target.exists() else "is a link to nothing; copy the file itself"


def _kind_problem(entry: os.DirEntry[str], batch: str) -> str | None:
    mode = entry.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is a folder; put the files themselves into the drop folder"
    if not stat.S_ISREG(mode):
        return "is no regular file; put a file with its rows there"
    if problem := name_problem(batch):
        return f"cannot be a batch: {problem}; rename the file"
    if not os.access(entry.path, os.R_OK):
        return "may not be read by the platform; change its permissions"
    return None


def state_of(path: Path) -> State | None:
    """Return the state of a file; None when it is not there."""
    try:
        return _state(path.stat())
    except FileNotFoundError:
        return None


def _state(status: os.stat_result) -> State:
    return status.st_size, status.st_mtime_ns, status.st_ino


def printable(name: str) -> str:
    """Return a file's name with what no text can hold spelled out, card numbers as tokens."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return masking().text(text) if holds_card_number(text) else text


def file_of(folder: Path, batch: str, name: str | None = None) -> LandedFile | None:
    """Return the file of a batch; None when there is none.

    Parameters
    ----------
    folder : Path
    batch : str
    name : str, optional
        Which file is meant, where several names mean the batch.

    Returns
    -------
    LandedFile or None
        Without a name, or when it is not there, the oldest that can be taken.
    """
    if not folder.is_dir():
        return None
    files = [file for file in look(folder).values() if file.batch == batch]
    return min(
        files,
        key=lambda file: (file.name != name, file.problem is not None, file.age),
        default=None,
    )


def is_being_written(path: Path) -> bool:
    """Tell whether a program on this machine has a file open for writing.

    Asks the kernel for a read lease, which Linux gives only when nobody writes. Where leases
    do not exist (other systems, network file systems) the answer is no.

    Parameters
    ----------
    path : Path
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # A program that begins to write while the lease is held makes the kernel send a
        # signal; the default one would end this process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
