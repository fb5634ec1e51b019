"""Decides whether drift asks for a training run. One plain function; it starts nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fraud_assets.config.limits import DRIFT_SCORE
from fraud_assets.config.settings import RetrainingSettings
from fraud_assets.text import named


def retraining_due(
    report: Mapping[str, Any] | None,
    last: datetime | None,
    now: datetime,
    settings: RetrainingSettings,
) -> tuple[bool, str]:
    """Tell whether a batch's drift asks for a training run, and why or why not.

    Parameters
    ----------
    report : mapping or None
        As the asset `drift_report` holds it, of the newest batch; None: there is none yet.
    last : datetime or None
        When drift last asked for a run.
    now : datetime
    settings : RetrainingSettings

    Returns
    -------
    due : bool
    reason : str
    """
    if report is None:
        return False, "no batch has been measured yet"
    batch, verdict = report["batch"], report.get("verdict", "not measured")
    if verdict != "critical":
        return False, f"drift of batch {named(batch)} is not critical: {verdict.replace('_', ' ')}"
    found = (
        f"drift score {report['drift_score']:.2f} of batch {named(batch)} against champion version "
        f"{report['champion']} is over {DRIFT_SCORE.critical}"
    )
    if last is not None and now - last < timedelta(days=settings.every_days):
        return False, (
            f"{found}, but drift asked for a training run on {last:%Y-%m-%d %H:%M} (UTC) already; "
            f"at most one in {settings.every_days:g} days (FRAUD_RETRAIN_DAYS)"
        )
    return True, found
