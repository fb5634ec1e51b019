"""The file lock that shows that the process of a run is alive."""

import time
from pathlib import Path

from filelock import FileLock, Timeout

from fraud_assets.config import environment

OLD_SECONDS = 86_400.0
"""Age from which locks that no process holds are removed."""

_held: dict[str, FileLock] = {}


def hold(run_id: str) -> None:
    """Hold the lock of a run until this process ends, and remove old locks.

    Parameters
    ----------
    run_id : str
        Id of the Dagster run.

    See Also
    --------
    fraud_assets.platform.resources.RunLock : holds it in every run.
    """
    if run_id in _held:
        return
    _remove_old_locks()
    _held[run_id] = FileLock(lock_path(run_id))
    _held[run_id].acquire()


def is_alive(run_id: str) -> bool | None:
    """Tell whether the process of a run is alive.

    Parameters
    ----------
    run_id : str
        Id of the Dagster run.

    Returns
    -------
    bool or None
        None when the run has never held its lock: it is just starting, or does not take one.

    See Also
    --------
    hold : holds the lock.
    """
    path = lock_path(run_id)
    if not path.exists():
        return None
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def lock_path(run_id: str) -> Path:
    """Return the lock file of a run.

    Parameters
    ----------
    run_id : str
        Id of the Dagster run.

    Returns
    -------
    Path
        The file may not exist; its folder is created.

    See Also
    --------
    launch_mark_path : the file that marks the launch.
    """
    return _folder() / f"{run_id}.lock"


def launch_mark_path(run_id: str) -> Path:
    """Return the file that marks a run as launched.

    Parameters
    ----------
    run_id : str
        Id of the Dagster run.

    Returns
    -------
    Path
        The file may not exist; its folder is created.

    See Also
    --------
    lock_path : the lock of the run.
    """
    return _folder() / f"{run_id}.launched"


def _folder() -> Path:
    folder = environment.home_folder() / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove_old_locks() -> None:
    for file in _folder().glob("*.l*"):
        is_old = time.time() - file.stat().st_mtime > OLD_SECONDS
        if is_old and not is_alive(file.stem):
            file.unlink(missing_ok=True)
