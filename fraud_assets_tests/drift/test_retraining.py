from datetime import UTC, datetime, timedelta

from fraud_assets.config.settings import RetrainingSettings
from fraud_assets.drift.retraining import retraining_due
from fraud_assets_tests import factories

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CRITICAL = factories.drift_report(batch="may", verdict="critical", drift_score=0.42, champion="3")
SETTINGS = RetrainingSettings(every_days=7)


def test_critical_drift_asks_for_a_run_and_says_why():
    due, reason = retraining_due(CRITICAL, None, NOW, SETTINGS)
    assert due
    assert "drift score 0.42 of batch 'may' against champion version 3 is over 0.3" in reason


def test_at_most_once_in_the_configured_days():
    recent, long_ago = NOW - timedelta(days=6.9), NOW - timedelta(days=7)
    due, reason = retraining_due(CRITICAL, recent, NOW, SETTINGS)
    assert not due
    assert "at most one in 7 days (FRAUD_RETRAIN_DAYS)" in reason
    assert retraining_due(CRITICAL, long_ago, NOW, SETTINGS)[0]


def test_anything_less_does_not():
    for verdict in ("good", "watch"):
        report = factories.drift_report(verdict=verdict)
        assert not retraining_due(report, None, NOW, SETTINGS)[0]
    few = factories.unjudged_drift(batch="may")
    assert retraining_due(few, None, NOW, SETTINGS)[1].endswith("not critical: not enough rows")
    unmeasured = factories.unmeasured_drift(batch="may")
    due, reason = retraining_due(unmeasured, None, NOW, SETTINGS)
    assert (due, reason) == (False, "drift of batch 'may' is not critical: not measured")
    assert retraining_due(None, None, NOW, SETTINGS) == (False, "no batch has been measured yet")
