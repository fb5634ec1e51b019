"""What old runs leave behind, and nobody asks for any more: removed."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from dagster import DagsterEventType, DagsterInstance
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

KEPT = [
    kind.value
    for kind in DagsterEventType
    if kind.value.startswith(("ASSET_", "PIPELINE_", "RUN_", "FRESHNESS_"))
]
"""Events that tell what was materialized and checked, and how runs went."""


@dataclass(frozen=True)
class Pruned:
    """What was removed.

    Attributes
    ----------
    events : int
        Of steps, and lines of logs.
    logs : int
        Folders of what runs printed.
    """

    events: int
    logs: int


def prune(instance: DagsterInstance, before: datetime) -> Pruned:
    """Remove the events of steps, the lines of logs and the output of runs from before a time.

    Materializations, checks and the runs themselves stay: the graph looks the same.

    Parameters
    ----------
    instance : DagsterInstance
    before : datetime
        With a time zone.
    """
    return Pruned(_prune_events(instance, before), _prune_logs(instance, before))


def _prune_events(instance: DagsterInstance, before: datetime) -> int:
    storage = instance.event_log_storage
    # SQLite keeps the events of each run in a file of its own, with no growth to speak of.
    if not isinstance(storage, SqlEventLogStorage) or isinstance(storage, SqliteEventLogStorage):
        return 0
    table = SqlEventLogStorageTable.c
    old = SqlEventLogStorageTable.delete().where(
        table.timestamp < before.astimezone(UTC).replace(tzinfo=None),
        table.asset_key.is_(None),
        sa.or_(table.dagster_event_type.is_(None), table.dagster_event_type.not_in(KEPT)),
    )
    with storage.index_connection() as connection:
        return int(connection.execute(old).rowcount)


def _prune_logs(instance: DagsterInstance, before: datetime) -> int:
    folder = Path(instance.storage_directory())
    # What is not a run's lies there, too: an IO manager's values, for example.
    runs = [found for found in folder.glob("*-*-*-*-*") if found.is_dir()]
    old = [run for run in runs if run.stat().st_mtime < before.timestamp()]
    for run in old:
        shutil.rmtree(run, ignore_errors=True)
    return len(old)
