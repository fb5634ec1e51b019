"""Deletes old batches: tables, lists, unused models, MLflow runs, and copies in events."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.config import environment
from fraud_assets.intake.landing.drop_folder import list_files, printable
from fraud_assets.intake.landing.ledger import open_ledger
from fraud_assets.intake.landing.runs import is_busy
from fraud_assets.intake.partitions import batches
from fraud_assets.platform.retention import last_runs, remove_runs
from fraud_assets.records.decisions import ExpiryEntry, now
from fraud_assets.store import object_store, paths
from fraud_assets.store.decision_log import (
    append_entry,
    read_entries,
    registry_lock,
    versions_promoted,
)
from fraud_assets.tracking import Tracking

KEPT = (
    "the decision log and the order of arrival",
    "tuned parameters and comparisons of challengers: figures and settings of several batches",
    "figures in the Pushgateway until the next push, and in Prometheus for 90 days",
    "backups",
)
"""What is kept of a batch in every case."""


@dataclass(frozen=True)
class ExpiredBatch:
    """What was deleted of a batch.

    Attributes
    ----------
    batch : str
    runs : int
        Runs whose events and output were deleted.
    versions : tuple of str
        Deleted model versions.
    kept : tuple of str
        Model versions that are kept, because they have an alias or were champion once.
    tracked : int
        Other deleted MLflow runs: tunings, trials, failed trainings.
    metrics : tuple of str
        Deleted textfiles with figures of this batch.
    in_ledger : tuple of str
        Files that are kept in the ledger, so that none is ingested again while it is in the drop
        folder.
    """

    batch: str
    runs: int
    versions: tuple[str, ...]
    kept: tuple[str, ...]
    tracked: int
    metrics: tuple[str, ...]
    in_ledger: tuple[str, ...]


def expired_batches(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return the batches whose latest run was last updated before a time, oldest first.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores batches and runs.
    before : datetime
        With a time zone.

    Returns
    -------
    list of str
        Names of batches; a batch without a run is not among them.

    See Also
    --------
    expire : deletes them.
    """
    known = last_runs(instance, instance.get_dynamic_partitions(str(batches.name)))
    old = [(when, batch) for batch, when in known.items() if when < before.timestamp()]
    return [batch for _, batch in sorted(old)]


def expire(
    instance: dg.DagsterInstance, tracking: Tracking, names: Sequence[str], actor: str
) -> list[ExpiredBatch]:
    """Delete everything stored of some batches, except the decision log and the order of arrival.

    The order of arrival is kept, so that an older batch never replaces the champion of a newer
    one. The CSV in the drop folder belongs to whoever dropped it and is kept.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores batches and runs.
    tracking : Tracking
        Where the models are registered.
    names : sequence of str
        Names of batches.
    actor : str
        Who asked for it; recorded in the decision log.

    Returns
    -------
    list of ExpiredBatch
        In the same order.

    Raises
    ------
    RuntimeError
        When a run is in progress: it may be reading what is to be deleted.

    See Also
    --------
    expired_batches : which batches are old.
    """
    removed = []
    for batch in names:
        if is_busy(instance):
            raise RuntimeError(
                f"a run is in progress and may need batch {batch!r}; run this again when it is over"
            )
        removed.append(_expire(instance, tracking, batch))
        log = paths.decisions_path()
        with registry_lock(log):
            versions = list(removed[-1].versions)
            append_entry(
                log, ExpiryEntry(time=now(), actor=actor, batch=batch, versions_removed=versions)
            )
    return removed


def _expire(instance: dg.DagsterInstance, tracking: Tracking, batch: str) -> ExpiredBatch:
    # Models first: after an interruption, the batch is found again by its runs.
    promoted = versions_promoted(read_entries(paths.decisions_path()))
    deleted: list[str] = []
    kept: list[str] = []
    for version, aliases in tracking.versions_of(batch).items():
        needed = bool(aliases) or version in promoted
        (kept if needed else deleted).append(version)
        if not needed:
            tracking.delete_version(version)
    for folder in paths.folders_of(batch):
        object_store.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)
    paths.rejected_path(batch).unlink(missing_ok=True)
    tracked = tracking.delete_runs_of(batch, kept)
    metrics = _remove_metrics(batch)
    in_ledger = _expire_entries(batch)
    runs = remove_runs(instance, batch, kept_asset=ACCEPTED_BATCHES)
    instance.delete_dynamic_partition(str(batches.name), batch)
    return ExpiredBatch(batch, runs, tuple(deleted), tuple(kept), tracked, metrics, in_ledger)


def _remove_metrics(batch: str) -> tuple[str, ...]:
    """Delete the textfiles with figures of a batch; return their names."""
    files = sorted(paths.metrics_folder().glob("fraud_*.prom"))
    of_batch = [path for path in files if batch in _batches_named(path)]
    for path in of_batch:
        path.unlink(missing_ok=True)
    return tuple(path.name for path in of_batch)


def _batches_named(textfile: Path) -> set[str]:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    text = textfile.read_text(encoding="utf-8")
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {sample.labels.get("batch", "") for family in families for sample in family.samples}


def _expire_entries(batch: str) -> tuple[str, ...]:
    """Delete a batch from the ledger of files; return the files that are kept in it."""
    folder = environment.drop_folder()
    with open_ledger(paths.ledger_path()) as ledger:
        if not folder.is_dir():  # its files may come back
            present = set(ledger.entries())
        else:
            present = set(map(printable, list_files(folder)))
        return tuple(ledger.expire(batch, present))
