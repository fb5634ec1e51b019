"""Makes a registered version the champion by hand, and logs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.config.limits import FRAUD_RECALL
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES
from fraud_assets.records.decisions import DecisionEntry, LogEntry, ManualPromotionEntry, now
from fraud_assets.store.decision_log import (
    WAITING,
    append_entry,
    last_decision,
    read_entries,
    recorded_model_hash,
    registry_lock,
)

if TYPE_CHECKING:
    from fraud_assets.tracking import Tracking


def promote_manually(
    tracking: "Tracking", log: Path, version: str, reason: str, actor: str, force: bool = False
) -> ManualPromotionEntry:
    """Make a version the champion by hand: an earlier champion, or a shadow model.

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
        Who asked for it; kept in the log.
    force : bool
        Promote it also against an objection, which the log then names.

    Returns
    -------
    ManualPromotionEntry
        The log entry.

    Raises
    ------
    ValueError
        When there is no such version, there is an objection and no `force`, its files are not those
        that were decided about, or the entry cannot be logged.

    See Also
    --------
    objection : what speaks against a version.
    fraud_assets.registry.approval.approve : for a version that waits.
    fraud_assets.registry.promotion.decide : the promotion rule.
    """
    with registry_lock(log):
        chosen, entries = tracking.version(version), read_entries(log)
        against = objection(entries, chosen.version)
        if against and not force:
            raise ValueError(f"{against}; add --force to make it the champion all the same")
        model_hash = unaltered_hash(tracking, entries, chosen.version)
        # The log first, then the alias: a promotion that cannot be logged changes nothing.
        entry = append_entry(
            log,
            ManualPromotionEntry(
                time=now(),
                actor=actor,
                batch=chosen.batch,
                version=chosen.version,
                champion_before=tracking.champion_alias(),
                outcome="promote",
                reason=reason,
                mlflow_run_id=chosen.run_id,
                model_hash=model_hash,
                artifacts=tracking.artifact_hashes(chosen.run_id),
                forced=against,
            ),
        )
        tracking.make_champion(chosen.version)
    tracking.tag_version(chosen.version, {"fraud.decision": "by_hand", "fraud.reason": reason})
    return entry


def objection(entries: Sequence[LogEntry], version: str) -> str | None:
    """Return what speaks against making a version the champion by hand.

    Parameters
    ----------
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the registered version.

    Returns
    -------
    str or None
        That it was rejected, is held or proposed, or has a critical figure; None: nothing does.

    See Also
    --------
    promote_manually : asks for `--force` then.
    """
    last = last_decision(entries, version)
    if last is None:
        return None
    if last.outcome in WAITING:
        return (
            f"version {version} is {last.outcome}: {last.reason}; approving it is "
            f"`fraud-assets approve {version}`"
        )
    if last.outcome == "reject":
        return f"version {version} was rejected: {last.reason}"
    critical = _critical_figures(entries, version)
    return f"the verdict on version {version} is critical: {critical}" if critical else None


def _critical_figures(entries: Sequence[LogEntry], version: str) -> str:
    """Return the critical figures of a version as its last run recorded them, in words."""
    runs = [e for e in entries if isinstance(e, DecisionEntry) and e.version == version]
    if not runs:
        return ""
    figures = runs[-1].figures
    judged = figures.get("verdicts")
    if isinstance(judged, dict):
        names = (figure.check for figure in JUDGED_FIGURES)
        return ", ".join(name for name in names if judged.get(name) == "critical")
    # Earlier releases recorded no verdicts.
    recall = figures.get("test_fraud_recall")
    if isinstance(recall, int | float) and FRAUD_RECALL.verdict(recall) == "critical":
        return f"fraud recall {recall:.3f}"
    return ""


def unaltered_hash(tracking: "Tracking", entries: Sequence[LogEntry], version: str) -> str:
    """Return the SHA-256 of the model file of a version, after comparing it with the log.

    Parameters
    ----------
    tracking : Tracking
        The model registry.
    entries : sequence of LogEntry
        The decision log, oldest entry first.
    version : str
        Number of the registered version.

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    ValueError
        When the log has another hash.

    See Also
    --------
    fraud_assets.store.decision_log.recorded_model_hash : what the log has.
    """
    model_hash = tracking.model_hash(version)
    decided = recorded_model_hash(entries, version)
    if decided not in (None, model_hash):
        raise ValueError(
            f"the model file of version {version} was altered since it was decided "
            f"about: its SHA-256 is {model_hash}, the decision log has {decided}; restore "
            "the file from a backup, or choose another version"
        )
    return model_hash
