"""Removes what runs leave behind in Dagster's storage: events, lines of logs, printed output."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from dagster import AssetKey, DagsterEventType, DagsterInstance, RunsFilter
from dagster._core.storage.event_log import (
    AssetKeyTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

PARTITION_TAG = "dagster/partition"
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


def last_runs(instance: DagsterInstance, partitions: Iterable[str]) -> dict[str, float]:
    """Return when the latest run of each partition changed last.

    Parameters
    ----------
    instance : DagsterInstance
    partitions : iterable of str

    Returns
    -------
    dict of str to float
        Seconds since 1970; partitions without a run are left out.
    """
    found = {}
    for partition in partitions:
        of_partition = RunsFilter(tags={PARTITION_TAG: partition})
        for record in instance.get_run_records(of_partition, limit=1):
            found[partition] = record.update_timestamp.timestamp()
    return found


def remove_runs(instance: DagsterInstance, partition: str, kept_asset: AssetKey) -> int:
    """Remove the runs of a partition, with their events, checks and printed output.

    Parameters
    ----------
    instance : DagsterInstance
    partition : str
    kept_asset : AssetKey
        Its events stay.

    Returns
    -------
    int
        Runs removed.
    """
    runs = instance.get_run_ids(RunsFilter(tags={PARTITION_TAG: partition}))
    for run_id in runs:
        _remove_events(instance, run_id, kept_asset)
        shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
        instance.run_storage.delete_run(run_id)
    _overwrite_free_pages(instance)
    return len(runs)


def _remove_events(instance: DagsterInstance, run_id: str, kept_asset: AssetKey) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    table, checks, keys = (
        SqlEventLogStorageTable.c,
        AssetCheckExecutionsTable.c,
        AssetKeyTable.c,
    )
    others = sa.or_(table.asset_key.is_(None), table.asset_key != kept_asset.to_string())
    events = SqlEventLogStorageTable.delete().where(table.run_id == run_id, others)
    if isinstance(storage, SqliteEventLogStorage):
        # The events of a run have a file of their own; those of assets are in the index, too.
        for suffix in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)
    with storage.index_connection() as connection:
        connection.execute(events)
        connection.execute(AssetCheckExecutionsTable.delete().where(checks.run_id == run_id))
        latest = sa.and_(keys.last_run_id == run_id, keys.asset_key != kept_asset.to_string())
        connection.execute(AssetKeyTable.update().where(latest).values(last_materialization=None))


def _overwrite_free_pages(instance: DagsterInstance) -> None:
    """Write SQLite's index anew: what was deleted stands in its free pages otherwise."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        with closing(sqlite3.connect(storage.path_for_shard("index"), timeout=30)) as index:
            index.execute("VACUUM")
            index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
