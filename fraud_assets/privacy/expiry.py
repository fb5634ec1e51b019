"""Removes old batches: tables, reports, quarantine, models that nothing needs, copies in events."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from fraud_assets import object_store, storage
from fraud_assets.decisions import append_entry, read_entries, registry_lock, versions_promoted
from fraud_assets.intake.resources import ACCEPTED_BATCHES, batches, is_busy
from fraud_assets.retention import last_runs, remove_runs
from fraud_assets.tracking import Tracking


@dataclass(frozen=True)
class Expired:
    """What was removed of a batch.

    Attributes
    ----------
    batch : str
    runs : int
        Runs whose events and output were removed.
    versions : tuple of str
        Model versions that were removed.
    kept : tuple of str
        Model versions that stay: an alias names them, or they were champion once.
    """

    batch: str
    runs: int
    versions: tuple[str, ...]
    kept: tuple[str, ...]


def expired_batches(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return the batches whose latest run ended before a time, oldest run first.

    Parameters
    ----------
    instance : DagsterInstance
    before : datetime
        With a time zone.

    Returns
    -------
    list of str
    """
    known = last_runs(instance, instance.get_dynamic_partitions(str(batches.name)))
    old = [(when, batch) for batch, when in known.items() if when < before.timestamp()]
    return [batch for _, batch in sorted(old)]


def expire(
    instance: dg.DagsterInstance, tracking: Tracking, names: Sequence[str], actor: str
) -> list[Expired]:
    """Remove all that is kept of some batches, but for the decision log and their place in order.

    The order of arrival stays known, so that an older batch never replaces the champion of a newer
    one. The CSV in the drop folder belongs to whoever dropped it and stays.

    Parameters
    ----------
    instance : DagsterInstance
    tracking : Tracking
    names : sequence of str
        Batches.
    actor : str
        Who asked for it; kept in the decision log.

    Returns
    -------
    list of Expired
        In the same order.

    Raises
    ------
    RuntimeError
        When a run is in progress: it may be reading what is to be removed.
    """
    removed = []
    for batch in names:
        if is_busy(instance):
            raise RuntimeError(
                f"a run is in progress and may need batch {batch!r}; run this again when it is over"
            )
        removed.append(_expire(instance, tracking, batch))
        log = storage.decisions_path()
        with registry_lock(log):
            gone = list(removed[-1].versions)
            about = {"event": "expired", "actor": actor, "batch": batch, "versions_removed": gone}
            append_entry(log, about)
    return removed


def _expire(instance: dg.DagsterInstance, tracking: Tracking, batch: str) -> Expired:
    # Models first: what is interrupted here is found again, since the batch's runs are still there.
    promoted = versions_promoted(read_entries(storage.decisions_path()))
    gone: list[str] = []
    kept: list[str] = []
    for version, aliases in tracking.versions_of(batch).items():
        needed = bool(aliases) or version in promoted
        (kept if needed else gone).append(version)
        if not needed:
            tracking.delete_version(version)
    for folder in storage.folders_of(batch):
        object_store.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)
    storage.rejected_path(batch).unlink(missing_ok=True)
    runs = remove_runs(instance, batch, kept_asset=ACCEPTED_BATCHES)
    instance.delete_dynamic_partition(str(batches.name), batch)
    return Expired(batch, runs, tuple(gone), tuple(kept))
