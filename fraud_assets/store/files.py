"""Files: whole or not at all, and for their owner alone."""

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
"""Modes of a file: what holds rows or secrets, and what another account has to read."""


PRIVATE_FOLDER, SHARED_FOLDER, PASSAGE = 0o700, 0o755, 0o711
"""Modes of a folder: the same, and one that others may only pass through."""


@contextmanager
def whole_file(path: Path, mode: int = PRIVATE) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of another once the block has ended well.

    Parameters
    ----------
    path : Path
    mode : int, optional
        Its permissions; default: its owner alone may read it.
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
    """Make a folder that its owner alone enters; one of before is closed to the others.

    Parameters
    ----------
    folder : Path
    below : Path
        Folder on the way to it from which on this holds. When it is made here, others may pass
        through it, to what is shared.
    mode : int, optional

    Returns
    -------
    Path
        The folder.
    """
    if not below.exists():
        below.mkdir(parents=True, exist_ok=True)
        below.chmod(PASSAGE)
    made = below
    for name in folder.relative_to(below).parts:
        made = made / name
        made.mkdir(mode=mode, exist_ok=True)
        found = made.stat()
        if found.st_mode & 0o777 != mode and found.st_uid == os.geteuid():
            made.chmod(mode)
    return made


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


def explain(error: OSError) -> str:
    """Return what a failure of the file system means to a person, with the remedy."""
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        free = shutil.disk_usage(environment.home_folder()).free
        return (
            f"the disk is full: {free:,} bytes are left for {environment.home_folder()}; free some "
            "space there, then materialize the batch again. Nothing half-written is in use"
        )
    return f"{error.filename or environment.home_folder()}: {error.strerror or error}"
