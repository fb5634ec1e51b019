"""The append-only log of what happened to the champion."""

import json
import os
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock


@contextmanager
def registry_lock(log: Path) -> Iterator[None]:
    """Hold the lock under which champions change, so that two runs cannot both decide.

    Parameters
    ----------
    log : Path
        The log of decisions; the lock file lies beside it.
    """
    with FileLock(log.with_suffix(".lock")):
        yield


def append_entry(log: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Append an entry with the time of day (UTC), and see it on disk.

    Parameters
    ----------
    log : Path
        JSON lines.
    entry : dict

    Returns
    -------
    dict
        The entry as written.
    """
    entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), **entry}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def read_entries(log: Path) -> list[dict[str, Any]]:
    """Return all entries, oldest first; none when there is no log yet."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def decision_of(
    entries: Sequence[dict[str, Any]], version: str, dagster_runs: Set[str]
) -> dict[str, Any] | None:
    """Return what one of some runs decided about a version; None when none of them did.

    Parameters
    ----------
    entries : sequence of dict
    version : str
    dagster_runs : set of str
    """
    return next(
        (
            entry
            for entry in reversed(entries)
            if entry.get("version") == version and entry.get("dagster_run_id") in dagster_runs
        ),
        None,
    )
