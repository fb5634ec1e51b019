"""Files in an object store, for machines that share no disk; the local folder is their cache.

Does nothing unless `FRAUD_OBJECT_STORE` names a store. A file has the same path below both.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.config import environment
from fraud_assets.store.files import private_folder, whole_file

if TYPE_CHECKING:
    from upath import UPath


_store_of_run: list[str] = []
"""The store that the run in this process uses; the environment names it otherwise."""


@contextmanager
def used(url: str | None) -> Iterator[None]:
    """Use a store in the block, whatever the environment says.

    Parameters
    ----------
    url : str or None
        Address of a folder in the store; None for the one that the environment sets.

    Yields
    ------
    None

    See Also
    --------
    push : copies files into the store.
    """
    if url is None:
        yield
        return
    _store_of_run.append(url)
    try:
        yield
    finally:
        _store_of_run.pop()


def push(*files: Path) -> None:
    """Copy local files into the store, in this order; the last one makes the others current.

    Parameters
    ----------
    *files : Path
        Below `FRAUD_HOME`.

    See Also
    --------
    pull : copies files back.
    """
    for file in files:
        remote = _remote(file)
        if remote is not None:
            # A store of plain folders does not create them.
            remote.parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source, remote.open("wb") as target:
                shutil.copyfileobj(source, target)


def pull(*files: Path) -> bool:
    """Copy files from the store, in this order, each atomically.

    Parameters
    ----------
    *files : Path
        Local paths, below `FRAUD_HOME`.

    Returns
    -------
    bool
        Whether the store has all of them.

    See Also
    --------
    push : copies files into the store.
    has : whether the store has a file, without copying it.
    """
    for file in files:
        remote = _remote(file)
        if remote is None or not remote.exists():
            return False
        private_folder(file.parent, environment.home_folder())
        with remote.open("rb") as source, whole_file(file) as target:
            shutil.copyfileobj(source, target)
    return True


def has(file: Path) -> bool:
    """Tell whether the store has a file.

    Parameters
    ----------
    file : Path
        Local path, below `FRAUD_HOME`.

    Returns
    -------
    bool
        False also when no store is used.

    See Also
    --------
    pull : copies the file.
    """
    remote = _remote(file)
    return remote is not None and bool(remote.exists())


def names(folder: Path) -> set[str]:
    """Return the names of the subfolders that a folder has in the store.

    Parameters
    ----------
    folder : Path
        Local path, below `FRAUD_HOME`.

    Returns
    -------
    set of str
        Empty also when no store is used.
    """
    remote = _remote(folder)
    if remote is None or not remote.exists():
        return set()
    return {str(path.name) for path in remote.iterdir() if path.is_dir()}


def remove(folder: Path) -> None:
    """Remove a folder from the store, with everything in it.

    Parameters
    ----------
    folder : Path
        Local path, below `FRAUD_HOME`; the local folder itself is not changed.
    """
    remote = _remote(folder)
    if remote is None:
        return
    # One by one: fsspec's own recursive removal takes `*` in a name for a pattern.
    store, place = remote.fs, remote.path
    for file in store.find(place):
        store.rm_file(file)
    # Empty folders are left, in stores that have folders.
    for empty in sorted(store.find(place, withdirs=True), reverse=True):
        store.rmdir(empty)


def _remote(path: Path) -> "UPath | None":
    url = _store_of_run[-1] if _store_of_run else environment.object_store()
    if url is None:
        return None
    from upath import UPath

    return UPath(url) / path.relative_to(environment.home_folder()).as_posix()
