"""Files that are written atomically, and that only their owner can read."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from fraud_assets.config import environment

PRIVATE, SHARED = 0o600, 0o644
"""Modes of a file: with rows or secrets, and for other accounts to read."""

PRIVATE_FOLDER, SHARED_FOLDER, PASSAGE = 0o700, 0o755, 0o711
"""Modes of a folder: the same two, and one that other accounts can only traverse."""


@contextmanager
def whole_file(path: Path, mode: int = PRIVATE) -> Iterator[IO[bytes]]:
    """Yield a file that replaces another when the block ends without an error.

    Parameters
    ----------
    path : Path
        The file to replace; its folder must exist.
    mode : int, optional
        Its permissions; default: only its owner can read it.

    Yields
    ------
    file
        Open for writing bytes.

    See Also
    --------
    write_atomically : for content that fits in memory.
    """
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    os.chmod(file.name, mode)
    os.replace(file.name, path)


def private_folder(folder: Path, below: Path, mode: int = PRIVATE_FOLDER) -> Path:
    """Create a folder that only its owner can enter; close an existing one to other accounts.

    Parameters
    ----------
    folder : Path
        The folder to create, below `below`.
    below : Path
        A parent folder; all folders below it get the mode. When it is created here, other
        accounts can traverse it, to reach shared folders.
    mode : int, optional
        Permissions of each folder; default: only its owner can enter it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ValueError
        When the folder is not below `below`.

    See Also
    --------
    fraud_assets.store.paths.made_folder : for folders below `FRAUD_HOME`.
    """
    if not below.exists():
        below.mkdir(parents=True, exist_ok=True)
        below.chmod(PASSAGE)
    current = below
    for name in folder.relative_to(below).parts:
        current = current / name
        current.mkdir(mode=mode, exist_ok=True)
        status = current.stat()
        if status.st_mode & 0o777 != mode and status.st_uid == os.geteuid():
            current.chmod(mode)
    return current


def write_atomically(path: Path, content: str | bytes, mode: int = PRIVATE) -> None:
    """Write a file so that a reader sees either the old or the new content, never a part.

    Parameters
    ----------
    path : Path
        The file to write or replace; its folder must exist.
    content : str or bytes
        Text is written as UTF-8.
    mode : int, optional
        Permissions of the file; default: only its owner can read it.

    See Also
    --------
    whole_file : for content that is written in parts.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "report.txt"
    ...     write_atomically(file, "good")
    ...     file.read_text(), oct(file.stat().st_mode)
    ('good', '0o100600')
    """
    with whole_file(path, mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def explain(error: OSError) -> str:
    """Return an error of the file system as a message with the remedy.

    Parameters
    ----------
    error : OSError
        As raised by the operating system.

    Returns
    -------
    str
        Names the file or folder; for a full disk, also the free bytes.
    """
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        free = shutil.disk_usage(environment.home_folder()).free
        return (
            f"the disk is full: {free:,} bytes are left for {environment.home_folder()}; free some "
            "space there, then materialize the batch again. No partly written file is in use"
        )
    return f"{error.filename or environment.home_folder()}: {error.strerror or error}"
