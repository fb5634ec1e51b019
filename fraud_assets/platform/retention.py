"""Removes what runs leave behind in Dagster's storage: events, lines of logs, printed output."""

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


def replace_events(
    instance: DagsterInstance, partition: str, asset: AssetKey, metadata: Mapping[str, int]
) -> None:
    """Remove what an asset's steps logged for a partition, and log one materialization instead.

    Parameters
    ----------
    instance : DagsterInstance
    partition : str
    asset : AssetKey
        Made by a step of the same name.
    metadata : mapping of str to int
        Of the new materialization.
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
    # With SQLite the events of a run have a file of their own; those of assets are indexed, too.
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
    """Write SQLite's files anew: what was deleted stands in their free pages otherwise."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return
    runs = instance.get_run_ids(RunsFilter(tags={PARTITION_TAG: partition})) if partition else []
    for name in ["index", *runs]:
        with closing(sqlite3.connect(storage.path_for_shard(name), timeout=30)) as file:
            file.execute("VACUUM")
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
