"""Puts a registered version in charge by hand, and logs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_assets.registry.log import append_entry, registry_lock

if TYPE_CHECKING:
    from fraud_assets.tracking import Tracking


def put_in_charge(tracking: "Tracking", log: Path, version: str, reason: str) -> dict[str, Any]:
    """Make a version the champion, whatever the promotion rule says.

    Parameters
    ----------
    tracking : Tracking
    log : Path
        The log of decisions.
    version : str
    reason : str
        Kept in the log and as a tag of the version.

    Returns
    -------
    dict
        The log entry.

    Raises
    ------
    ValueError
        When there is no such version.
    """
    with registry_lock(log):
        chosen = tracking.version(version)
        before = tracking.champion()
        tracking.make_champion(chosen.version)
        entry = append_entry(
            log,
            {
                "event": "by_hand",
                "batch": chosen.batch,
                "version": chosen.version,
                "champion_before": before.version if before else None,
                "outcome": "promote",
                "reason": reason,
                "model_hash": tracking.model_hash(chosen.version),
            },
        )
    tracking.tag_version(chosen.version, {"fraud.decision": "by_hand", "fraud.reason": reason})
    return entry
