"""Decides whether drift asks for a training run. It starts nothing itself."""

from datetime import datetime, timedelta

from fraud_assets.config.limits import DRIFT_SCORE
from fraud_assets.config.settings import RetrainingSettings
from fraud_assets.records.drift import DriftReport, JudgedDrift, MeasuredDrift
from fraud_assets.text import named


def retraining_due(
    report: DriftReport | None,
    last: datetime | None,
    now: datetime,
    settings: RetrainingSettings,
) -> tuple[bool, str]:
    """Decide whether a batch's drift asks for a training run.

    Parameters
    ----------
    report : DriftReport or None
        Of the newest batch; None: there is none yet.
    last : datetime or None
        When drift last asked for a run; None: never.
    now : datetime
        The current time, with a time zone.
    settings : RetrainingSettings
        How often drift may ask for a run.

    Returns
    -------
    due : bool
    reason : str
        Why, or why not.

    See Also
    --------
    fraud_assets.drift.measure.measure_drift : measures the drift.

    Examples
    --------
    >>> from datetime import UTC
    >>> retraining_due(None, None, datetime(2026, 6, 1, tzinfo=UTC), RetrainingSettings())
    (False, 'no batch has been measured yet')
    """
    if report is None:
        return False, "no batch has been measured yet"
    batch = named(report.batch)
    if not isinstance(report, JudgedDrift) or report.verdict != "critical":
        verdict = report.verdict if isinstance(report, MeasuredDrift) else "not measured"
        return False, f"drift of batch {batch} is not critical: {verdict.replace('_', ' ')}"
    reason = (
        f"drift score {report.drift_score:.2f} of batch {batch} against champion version "
        f"{report.champion} is over {DRIFT_SCORE.critical}"
    )
    if last is not None and now - last < timedelta(days=settings.every_days):
        return False, (
            f"{reason}, but drift already asked for a training run on {last:%Y-%m-%d %H:%M} (UTC); "
            f"at most one in {settings.every_days:g} days (FRAUD_RETRAIN_DAYS)"
        )
    return True, reason
