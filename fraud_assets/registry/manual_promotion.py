"""Makes a registered version the champion by hand, and logs it."""

from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.records.decisions import ManualPromotionEntry, now
from fraud_assets.store.decision_log import (
    append_entry,
    read_entries,
    recorded_model_hash,
    registry_lock,
)

if TYPE_CHECKING:
    from fraud_assets.tracking import Tracking


def promote_manually(
    tracking: "Tracking", log: Path, version: str, reason: str, actor: str
) -> ManualPromotionEntry:
    """Make a version the champion, whatever the promotion rule decided.

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

    Returns
    -------
    ManualPromotionEntry
        The log entry.

    Raises
    ------
    ValueError
        When there is no such version, its files are not those that were decided about, or the
        entry cannot be logged.

    See Also
    --------
    fraud_assets.registry.promotion.decide : the promotion rule.
    """
    with registry_lock(log):
        chosen = tracking.version(version)
        model_hash = tracking.model_hash(chosen.version)
        decided = recorded_model_hash(read_entries(log), chosen.version)
        if decided not in (None, model_hash):
            raise ValueError(
                f"the model file of version {chosen.version} was altered since it was decided "
                f"about: its SHA-256 is {model_hash}, the decision log has {decided}; restore "
                "the file from a backup, or choose another version"
            )
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
            ),
        )
        tracking.make_champion(chosen.version)
    tracking.tag_version(chosen.version, {"fraud.decision": "by_hand", "fraud.reason": reason})
    return entry
