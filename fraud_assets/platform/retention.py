"""Removal of the events, log lines and printed output of runs from Dagster's storage."""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from dagster import AssetKey, AssetMaterialization, DagsterEventType, DagsterInstance, RunsFilter

from fraud_assets.config.names import PARTITION_TAG
from fraud_assets.platform.dagster_private import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)

KEPT = [
    kind.value
    for kind in DagsterEventType
    if kind.value.startswith(("ASSET_", "PIPELINE_", "RUN_", "FRESHNESS_"))
]
"""Types of events that are kept: materializations, checks, and the status of runs."""


@dataclass(frozen=True)
class Pruned:
    """What was removed.

    Attributes
    ----------
    events : int
        Deleted events of steps, and log lines.
    logs : int
        Deleted folders with printed output of runs.
    """

    events: int
    logs: int


def prune(instance: DagsterInstance, before: datetime) -> Pruned:
    """Delete step events, log lines and printed output of runs that are older than a time.

    Materializations, checks and the runs themselves are kept, so the asset graph looks the same.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores runs and events.
    before : datetime
        With a time zone.

    Returns
    -------
    Pruned
        The numbers of deleted events and folders.

    See Also
    --------
    remove_runs : deletes whole runs.
    """
    return Pruned(_prune_events(instance, before), _prune_logs(instance, before))


def _prune_events(instance: DagsterInstance, before: datetime) -> int:
    storage = instance.event_log_storage
    # SQLite keeps the events of each run in a file of its own, which hardly grows.
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
    # The folder holds more than runs, such as values of IO managers.
    runs = [path for path in folder.glob("*-*-*-*-*") if path.is_dir()]
    old = [run for run in runs if run.stat().st_mtime < before.timestamp()]
    for run in old:
        shutil.rmtree(run, ignore_errors=True)
    return len(old)


def last_runs(instance: DagsterInstance, partitions: Iterable[str]) -> dict[str, float]:
    """Return when the latest run of each partition was last updated.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores the runs.
    partitions : iterable of str
        Batches, as Dagster's partitions.

    Returns
    -------
    dict of str to float
        Seconds since 1970; partitions without a run are left out.
    """
    times = {}
    for partition in partitions:
        of_partition = RunsFilter(tags={PARTITION_TAG: partition})
        for record in instance.get_run_records(of_partition, limit=1):
            times[partition] = record.update_timestamp.timestamp()
    return times


def remove_runs(instance: DagsterInstance, partition: str, kept_asset: AssetKey) -> int:
    """Delete the runs of a partition, with their events, checks and printed output.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, with events in SQLite or PostgreSQL.
    partition : str
        The batch, as Dagster's partition.
    kept_asset : AssetKey
        The asset whose events are kept.

    Returns
    -------
    int
        Number of deleted runs.

    See Also
    --------
    prune : deletes old events of all runs.
    """
    runs = instance.get_run_ids(RunsFilter(tags={PARTITION_TAG: partition}))
    for run_id in runs:
        _remove_events(instance, run_id, kept_asset)
        shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
        instance.run_storage.delete_run(run_id)
    _overwrite_free_pages(instance)
    return len(runs)


def replace_events(
    instance: DagsterInstance, partition: str, asset: AssetKey, metadata: Mapping[str, int]
) -> None:
    """Delete the events of an asset's steps for a partition, and log one materialization instead.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, with events in SQLite or PostgreSQL.
    partition : str
        The batch, as Dagster's partition.
    asset : AssetKey
        An asset whose step has the same name.
    metadata : mapping of str to int
        Metadata of the new materialization.

    See Also
    --------
    remove_runs : deletes whole runs.
    """
    table = SqlEventLogStorageTable.c
    step = sa.or_(
        table.step_key == asset.to_python_identifier(), table.asset_key == asset.to_string()
    )
    for run_id in instance.get_run_ids(RunsFilter(tags={PARTITION_TAG: partition})):
        _delete_events(instance, run_id, step)
        _forget_latest(instance, run_id, AssetKeyTable.c.asset_key == asset.to_string())
    instance.report_runless_asset_event(
        AssetMaterialization(asset, partition=partition, metadata=dict(metadata))
    )
    _overwrite_free_pages(instance, partition)


def _remove_events(instance: DagsterInstance, run_id: str, kept_asset: AssetKey) -> None:
    kept = kept_asset.to_string()
    table = SqlEventLogStorageTable.c
    _delete_events(instance, run_id, sa.or_(table.asset_key.is_(None), table.asset_key != kept))
    _forget_latest(instance, run_id, AssetKeyTable.c.asset_key != kept)
    storage = _sql_storage(instance)
    with storage.index_connection() as connection:
        of_run = AssetCheckExecutionsTable.c.run_id == run_id
        connection.execute(AssetCheckExecutionsTable.delete().where(of_run))
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)


def _delete_events(instance: DagsterInstance, run_id: str, which: "sa.ColumnElement[bool]") -> None:
    storage = _sql_storage(instance)
    of_run = SqlEventLogStorageTable.c.run_id == run_id
    # With SQLite each run has a file of its own for its events; those of assets are in the index
    # as well.
    for connect in (partial(storage.run_connection, run_id), storage.index_connection):
        with connect() as connection:
            connection.execute(SqlEventLogStorageTable.delete().where(of_run, which))


def _forget_latest(instance: DagsterInstance, run_id: str, which: "sa.ColumnElement[bool]") -> None:
    """Remove the copies that the list of assets keeps of the latest materializations."""
    of_run = AssetKeyTable.c.last_run_id == run_id
    with _sql_storage(instance).index_connection() as connection:
        latest = AssetKeyTable.update().where(of_run, which)
        connection.execute(latest.values(last_materialization=None))


def _sql_storage(instance: DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    return storage


def _overwrite_free_pages(instance: DagsterInstance, partition: str | None = None) -> None:
    """Rewrite SQLite's files: deleted rows would otherwise stay in their free pages."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return
    runs = instance.get_run_ids(RunsFilter(tags={PARTITION_TAG: partition})) if partition else []
    for name in ["index", *runs]:
        with closing(sqlite3.connect(storage.path_for_shard(name), timeout=30)) as file:
            file.execute("VACUUM")
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
