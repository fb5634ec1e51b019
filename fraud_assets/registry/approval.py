"""A person's decision about a version that is held or proposed, carried out and logged."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_assets.records.decisions import (
    ApprovalEntry,
    DecisionEntry,
    LogEntry,
    RefusalEntry,
    VersionEntry,
    now,
)
from fraud_assets.registry.manual_promotion import unaltered_hash
from fraud_assets.store.decision_log import (
    WAITING,
    append_entry,
    last_decision,
    read_entries,
    registry_lock,
)
from fraud_assets.text import named

if TYPE_CHECKING:
    from fraud_assets.tracking import Tracking


def approve(
    tracking: "Tracking", log: Path, version: str, reason: str, actor: str
) -> ApprovalEntry:
    """Make a version that is held or proposed the champion.

    Parameters
    ----------
    tracking : Tracking
        The model registry.
    log : Path
        The decision log.
    version : str
        Number of the registered version.
    reason : str
        Kept in the log and as a tag of the version.
    actor : str
        Who decides; kept in the log.

    Returns
    -------
    ApprovalEntry
        The log entry.

    Raises
    ------
    ValueError
        When the version does not wait, is stale, or its files are not those that were decided
        about.

    See Also
    --------
    decline : turns it down.
    why_stale : what a stale version is.
    """
    with registry_lock(log):
        entries = read_entries(log)
        waiting, champion = _waiting(entries, version), tracking.champion_alias()
        stale = why_stale(entries, waiting, champion)
        if stale:
            raise ValueError(f"version {version} cannot be approved: {stale}")
        run_id = tracking.version(version).run_id
        files = {
            "model_hash": unaltered_hash(tracking, entries, version),
            "artifacts": tracking.artifact_hashes(run_id),
        }
        about = _about(waiting, reason, actor, champion)
        entry = ApprovalEntry(**about | files, outcome="promote")
        # The log first, then the alias: a promotion that cannot be logged changes nothing.
        entry = append_entry(log, entry)
        tracking.make_champion(version)
    tracking.tag_version(version, {"fraud.decision": "approved", "fraud.reason": reason})
    return entry


def decline(tracking: "Tracking", log: Path, version: str, reason: str, actor: str) -> RefusalEntry:
    """Turn down a version that is held or proposed; the champion stays.

    Parameters
    ----------
    tracking : Tracking
        The model registry.
    log : Path
        The decision log.
    version : str
        Number of the registered version.
    reason : str
        Kept in the log and as a tag of the version.
    actor : str
        Who decides; kept in the log.

    Returns
    -------
    RefusalEntry
        The log entry.

    Raises
    ------
    ValueError
        When the version does not wait.

    See Also
    --------
    approve : makes it the champion.
    """
    with registry_lock(log):
        waiting = _waiting(read_entries(log), version)
        about = _about(waiting, reason, actor, tracking.champion_alias())
        entry = RefusalEntry(**about, outcome="reject")
        entry = append_entry(log, entry)
    tracking.tag_version(version, {"fraud.decision": "declined", "fraud.reason": reason})
    return entry


def why_stale(
    entries: Sequence[LogEntry], waiting: VersionEntry, champion: str | None
) -> str | None:
    """Return why a version that waits can no longer be approved.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    waiting : VersionEntry
        The decision after which the version waits.
    champion : str or None
        The version that is the champion now.

    Returns
    -------
    str or None
        Stale is a version that was compared with another champion than the present one, and one
        after which a run has decided about another version; None: it can be approved.

    See Also
    --------
    approve : refuses a stale version.
    """
    if waiting.champion_before != champion:
        now_champion = last_decision(entries, champion) if champion else None
        of_batch = f", trained for batch {named(now_champion.batch)}," if now_champion else ""
        return (
            f"it was compared with {_version(waiting.champion_before)}, and {_version(champion)}"
            f"{of_batch} is the champion by now; materialize batch {named(waiting.batch)} again"
        )
    decisions = [entry for entry in entries if isinstance(entry, DecisionEntry)]
    if decisions and decisions[-1].version != waiting.version:
        later = decisions[-1]
        return (
            f"it is no longer the latest: version {later.version}, trained for batch "
            f"{named(later.batch)}, was decided about since ({later.outcome}); decide about that "
            f"one, or use `fraud-assets champion {waiting.version} --force`"
        )
    return None


def _waiting(entries: Sequence[LogEntry], version: str) -> VersionEntry:
    last = last_decision(entries, version)
    if last is None:
        raise ValueError(f"nothing was decided about version {named(version)}, so it does not wait")
    if last.outcome not in WAITING:
        raise ValueError(
            f"version {version} does not wait for a decision: {last.outcome}, {last.reason}; "
            f"`fraud-assets champion {version}` promotes it by hand"
        )
    return last


def _about(waiting: VersionEntry, reason: str, actor: str, champion: str | None) -> dict[str, Any]:
    """Return the fields of the entry that ends the wait of a version."""
    kept = {"batch", "version", "mlflow_run_id", "model_hash", "artifacts"}
    decided = {"time": now(), "actor": actor, "champion_before": champion, "reason": reason}
    return waiting.model_dump(include=kept, exclude_unset=True) | decided


def _version(version: str | None) -> str:
    return "no champion" if version is None else f"version {version}"
