"""List the CSV files in the drop folder and say which of them cannot be ingested, and why.

Files are identified by name, size, modification time, inode and content. The modification time
is never compared with the time of the last tick, so a file moved in with an old date is ingested
like any other.
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
"""File name suffixes of CSV files, in lower case; case is ignored."""
RANGE = "..."
"""Dagster reads this in a partition key as a range of partitions."""

FileStat = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds, inode."""


@dataclass(frozen=True)
class LandedFile:
    """A file in the drop folder with the name of a CSV.

    Attributes
    ----------
    name : str
        File name without the folder.
    batch : str
        Batch (partition key) that the file becomes.
    stat : FileStat
        Size, modification time and inode.
    problem : str or None
        Why the file cannot be ingested, and what to do about it; None when it can.
    """

    name: str
    batch: str
    stat: FileStat
    problem: str | None = None

    @property
    def age(self) -> tuple[int, str]:
        """Sort key, oldest first: modification time in nanoseconds, then name."""
        return self.stat[1], self.name


def stem(name: str) -> str | None:
    """Return a file name without its CSV suffix.

    Parameters
    ----------
    name : str
        File name without the folder.

    Returns
    -------
    str or None
        None when the file is hidden or its name has none of `SUFFIXES`.

    See Also
    --------
    batch_of : The batch that the file becomes.

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
    """Return the batch that a file becomes: the stem of its name, trimmed, in Unicode form NFC.

    Parameters
    ----------
    name : str
        Name of a CSV file without the folder.

    Returns
    -------
    str
        Empty when the file is not a CSV.

    See Also
    --------
    name_problem : Whether a batch may have this name.

    Examples
    --------
    >>> batch_of(" June 2026 .csv")
    'June 2026'
    """
    return unicodedata.normalize("NFC", stem(name) or "").strip()


def name_problem(batch: str) -> str | None:
    """Return why a batch cannot have a name.

    Parameters
    ----------
    batch : str
        As returned by `batch_of`.

    Returns
    -------
    str or None
        The reason, to follow "FILE cannot be a batch: "; None when the name can be used.

    See Also
    --------
    batch_of : the name of the batch.

    Examples
    --------
    >>> name_problem("june..."), name_problem("june")
    ("its name contains '...'", None)
    """
    if not batch or batch in (".", ".."):
        return "its name is empty before the suffix"
    try:
        batch.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if any(unicodedata.category(character) == "Cc" for character in batch):
        return "its name contains control characters"
    if holds_card_number(batch):
        return "its name contains a payment card number"
    if "\\" in batch:
        return "its name contains a backslash"
    return f"its name contains {RANGE!r}" if RANGE in batch else None


def list_files(folder: Path) -> dict[str, LandedFile]:
    """List the CSV files in a drop folder, including those that cannot be ingested.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    dict of str to LandedFile
        By file name. Hidden files, such as the temporary files of rsync, and files without a
        CSV suffix are ignored.

    See Also
    --------
    file_of : The file of one batch.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "june.csv").write_text("amount,fraud")
    ...     Path(folder, "july.csv").mkdir()
    ...     files = list_files(Path(folder))
    >>> files["june.csv"].problem, files["july.csv"].problem
    (None, 'july.csv is a folder; put the files themselves into the drop folder')
    """
    files = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if stem(entry.name) is not None:
                try:
                    files[entry.name] = _landed(folder, entry)
                except FileNotFoundError:
                    continue
    return files


def _landed(folder: Path, entry: os.DirEntry[str]) -> LandedFile:
    batch = batch_of(entry.name)
    problem = _link_problem(folder, entry) if entry.is_symlink() else None
    problem = problem or _kind_problem(entry, batch)
    file_stat = _file_stat(entry.stat(follow_symlinks=problem is None))
    message = f"{inert(printable(entry.name))} {problem}" if problem else None
    return LandedFile(entry.name, batch, file_stat, message)


def _link_problem(folder: Path, entry: os.DirEntry[str]) -> str | None:
    target = Path(os.path.realpath(entry.path))
    if not target.is_relative_to(folder.resolve()):
        return "is a link that points outside the drop folder; copy the file itself"
    return None if target.exists() else "is a broken link; copy the file itself"


def _kind_problem(entry: os.DirEntry[str], batch: str) -> str | None:
    mode = entry.stat().st_mode
    if stat.S_ISDIR(mode):
        return "is a folder; put the files themselves into the drop folder"
    if not stat.S_ISREG(mode):
        return "is not a regular file; replace it with a CSV file"
    if problem := name_problem(batch):
        return f"cannot be a batch: {problem}; rename the file"
    if not os.access(entry.path, os.R_OK):
        return "cannot be read by the platform; change its permissions"
    return None


def stat_of(path: Path) -> FileStat | None:
    """Return size, modification time and inode of a file.

    Parameters
    ----------
    path : Path
        The file; a link is followed.

    Returns
    -------
    FileStat or None
        None when the file does not exist.
    """
    try:
        return _file_stat(path.stat())
    except FileNotFoundError:
        return None


def _file_stat(status: os.stat_result) -> FileStat:
    return status.st_size, status.st_mtime_ns, status.st_ino


def printable(name: str) -> str:
    r"""Return a file name that can be stored and shown.

    Parameters
    ----------
    name : str
        As the operating system returns it.

    Returns
    -------
    str
        Bytes that are not UTF-8 are escaped, and card numbers are replaced by tokens.

    Examples
    --------
    >>> printable(os.fsdecode(b"caf\xe9.csv"))
    'caf\\xe9.csv'
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return masking().text(text) if holds_card_number(text) else text


def file_of(folder: Path, batch: str, name: str | None = None) -> LandedFile | None:
    """Find the file of a batch in a drop folder.

    Parameters
    ----------
    folder : Path
        The drop folder; it need not exist.
    batch : str
        Batch, as returned by `batch_of`.
    name : str, optional
        Name of the file to prefer when several files become this batch.

    Returns
    -------
    LandedFile or None
        Without a preferred file, the oldest one that can be ingested; None when there is none.

    See Also
    --------
    list_files : all files of the folder.
    """
    if not folder.is_dir():
        return None
    files = [file for file in list_files(folder).values() if file.batch == batch]
    return min(
        files,
        key=lambda file: (file.name != name, file.problem is not None, file.age),
        default=None,
    )


def is_being_written(path: Path) -> bool:
    """Tell whether a process on this machine has a file open for writing.

    Requests a read lease, which Linux grants only when no process has the file open for writing.

    Parameters
    ----------
    path : Path
        The file; it may be gone.

    Returns
    -------
    bool
        False also where leases do not exist: on other systems and network file systems.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # The kernel signals the holder of a lease when another process opens the file for
        # writing; the default signal would end this process.
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
