"""Files that the kernel lets processes append to and not rewrite, remove or replace."""

import array
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GET_FLAGS, SET_FLAGS, APPEND_ONLY = 0x80086601, 0x40086602, 0x20
"""FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_APPEND_FL of Linux: what `lsattr` and `chattr` use."""


def protect(path: Path, on: bool = True) -> None:
    """Make a file or folder append-only, or undo that.

    In an append-only folder files can be made, and none can be removed or replaced.

    Parameters
    ----------
    path : Path
        An existing file or folder.
    on : bool, optional
        False to remove the protection.

    Raises
    ------
    OSError
        When this process has no right to (it takes the capability LINUX_IMMUTABLE), or the file
        system knows no such flag.

    See Also
    --------
    is_protected : whether a file or folder is append-only.
    protect_log : for the decision log and its folder.
    """
    with _opened(path) as descriptor:
        flags = array.array("l", [_flags(descriptor)])
        flags[0] = flags[0] | APPEND_ONLY if on else flags[0] & ~APPEND_ONLY
        fcntl.ioctl(descriptor, SET_FLAGS, flags, True)


def protect_log(log: Path, on: bool = True) -> None:
    """Make a log and its folder append-only, or undo that; make them first where they are missing.

    Parameters
    ----------
    log : Path
        Belongs to the owner of the folder above its own.
    on : bool, optional
        False to remove the protection.

    Raises
    ------
    OSError
        As `protect` does.

    See Also
    --------
    protect : for a single file or folder.
    """
    folder, owner = log.parent, log.parent.parent.stat()
    if not log.exists():
        folder.mkdir(exist_ok=True)
        log.touch()
        for made in (folder, log):
            os.chown(made, owner.st_uid, owner.st_gid)
    protect(log, on)
    protect(folder, on)


def is_protected(path: Path) -> bool:
    """Tell whether a file or folder is append-only.

    Parameters
    ----------
    path : Path
        A file or folder; it may be missing.

    Returns
    -------
    bool
        False also where the file system knows no such flag, or there is no such file.

    See Also
    --------
    protect : sets the protection.

    Examples
    --------
    >>> is_protected(Path("a-file-that-does-not-exist"))
    False
    """
    try:
        with _opened(path) as descriptor:
            return bool(_flags(descriptor) & APPEND_ONLY)
    except OSError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _flags(descriptor: int) -> int:
    flags = array.array("l", [0])
    fcntl.ioctl(descriptor, GET_FLAGS, flags, True)
    return flags[0]
