import dagster as dg
import pytest

from fraud_assets.drift.checks import drift_score, drifted_features

REFERENCE = {"version": "3", "batch": "march", "before": None}


def judged(report, **changed):
    return {**report, "champion": "3", "reference": REFERENCE, **changed}


@pytest.mark.parametrize("check", [drift_score, drifted_features])
def test_without_a_champion_the_checks_pass_and_say_so(check):
    result = check(drift_report={"champion": None, "not_measured": "no champion yet"})
    assert result.passed
    assert result.description == "no champion yet"


@pytest.mark.parametrize("check", [drift_score, drifted_features])
def test_too_few_rows_are_a_warning_and_not_stable(check):
    report = {"verdict": "not_enough_rows", "rows": 120, "min_rows": 500, "reference": REFERENCE}
    result = check(drift_report=report)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "not enough rows" in result.description
    assert "stable" not in result.description


@pytest.mark.parametrize(
    ("score", "verdict", "passed", "severity", "word"),
    [
        (0.05, "good", True, dg.AssetCheckSeverity.WARN, "stable"),
        (0.2, "watch", False, dg.AssetCheckSeverity.WARN, "watch it"),
        (0.4, "critical", False, dg.AssetCheckSeverity.ERROR, "retrain"),
    ],
)
def test_the_drift_score_says_what_to_do(moved_report, score, verdict, passed, severity, word):
    report = judged(moved_report, drift_score=score, verdict=verdict)
    result = drift_score(drift_report=report)
    assert (result.passed, result.severity) == (passed, severity)
    assert word in result.description
    assert "champion version 3, trained for batch 'march'" in result.description


def test_the_features_that_moved_are_named(moved_report):
    result = drifted_features(drift_report=judged(moved_report))
    assert "2 of 9 features drifted; moved most: f5 0." in result.description
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("finding", "severity"),
    [
        ("appeared", dg.AssetCheckSeverity.WARN),
        ("vanished", dg.AssetCheckSeverity.ERROR),
        ("changed_type", dg.AssetCheckSeverity.ERROR),
    ],
)
def test_columns_that_come_and_go_fail_the_check_by_name(quiet_report, finding, severity):
    columns = {"appeared": [], "vanished": [], "changed_type": [], finding: ["device"]}
    result = drifted_features(drift_report=judged(quiet_report, columns=columns))
    assert (result.passed, result.severity) == (False, severity)
    assert "device" in result.description


def test_drift_never_stops_a_run():
    checks = (drift_score, drifted_features)
    assert not any(spec.blocking for check in checks for spec in check.check_specs)
