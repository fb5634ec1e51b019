"""The file lock that shows that the process of a run lives."""

import time
from pathlib import Path

from filelock import FileLock, Timeout

from fraud_assets.config import environment

OLD_SECONDS = 86_400.0
"""Locks that nobody holds are cleared away when they are this old."""


_held: dict[str, FileLock] = {}


def hold(run_id: str) -> None:
    """Hold the lock of a run until this process ends, and clear old ones away.

    Parameters
    ----------
    run_id : str
    """
    if run_id not in _held:
        path = _lock_path(run_id)
        for old in path.parent.glob("*.l*"):
            if time.time() - old.stat().st_mtime > OLD_SECONDS and not is_alive(old.stem):
                old.unlink(missing_ok=True)
        _held[run_id] = FileLock(path)
        _held[run_id].acquire()


def is_alive(run_id: str) -> bool | None:
    """Tell whether the process of a run lives.

    Returns
    -------
    bool or None
        None when the run has not taken its lock: it is just starting, or is none of ours.
    """
    path = _lock_path(run_id)
    if not path.exists():
        return None
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _lock_path(run_id: str) -> Path:
    folder = environment.home_folder() / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run_id}.lock"
