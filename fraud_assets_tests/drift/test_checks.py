import dagster as dg
import pytest

from fraud_assets.drift.checks import batch_plausible, drift_score, drifted_features
from fraud_assets.records.drift import ColumnFindings
from fraud_assets_tests import factories
from fraud_assets_tests.drift.conftest import report_of


@pytest.mark.parametrize("check", [drift_score, drifted_features, batch_plausible])
def test_without_a_champion_the_checks_pass_and_say_so(check):
    report = factories.unmeasured_drift()
    result = check(drift_report=report)
    assert result.passed
    assert result.description == "no champion yet"


@pytest.mark.parametrize("check", [drift_score, drifted_features])
def test_too_few_rows_are_a_warning_and_not_stable(check):
    result = check(drift_report=factories.unjudged_drift())
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "not enough rows" in result.description
    assert "stable" not in result.description
    assert result.metadata["verdict"].value == "not_enough_rows"


@pytest.mark.parametrize(
    ("score", "verdict", "passed", "severity", "word"),
    [
        (0.05, "good", True, dg.AssetCheckSeverity.WARN, "stable"),
        (0.2, "watch", False, dg.AssetCheckSeverity.WARN, "watch it"),
        (0.4, "critical", False, dg.AssetCheckSeverity.ERROR, "retrain"),
    ],
)
def test_the_drift_score_says_what_to_do(score, verdict, passed, severity, word):
    result = drift_score(drift_report=factories.drift_report(drift_score=score, verdict=verdict))
    assert (result.passed, result.severity) == (passed, severity)
    assert word in result.description
    assert "champion version 1, trained for batch 'march'" in result.description


def test_the_features_with_the_largest_drift_are_listed(moved_report):
    result = drifted_features(drift_report=report_of(moved_report))
    described = "2 of 9 features drifted; features with the largest drift: f5 0."
    assert described in result.description
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("finding", "severity"),
    [
        ("appeared", dg.AssetCheckSeverity.WARN),
        ("vanished", dg.AssetCheckSeverity.ERROR),
        ("changed_type", dg.AssetCheckSeverity.ERROR),
    ],
)
def test_columns_that_differ_from_the_reference_fail_the_check_by_name(finding, severity):
    columns = ColumnFindings(**{finding: ["device"]})
    result = drifted_features(drift_report=factories.drift_report(columns=columns))
    assert (result.passed, result.severity) == (False, severity)
    assert "device" in result.description


@pytest.mark.parametrize("report", [factories.drift_report, factories.unjudged_drift])
@pytest.mark.parametrize(
    ("verdict", "passed", "severity"),
    [
        ("good", True, dg.AssetCheckSeverity.WARN),
        ("watch", False, dg.AssetCheckSeverity.WARN),
        ("critical", False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_an_implausible_batch_fails_with_its_figures_and_limits(report, verdict, passed, severity):
    result = batch_plausible(drift_report=report(plausibility=factories.plausibility(verdict)))
    assert (result.passed, result.severity) == (passed, severity)
    assert result.description.startswith(f"{verdict}: ")
    assert passed or "dropped again" in result.description
    (row,) = result.metadata["figures"].records
    assert (row.data["name"], row.data["watch"], row.data["critical"]) == ("amount_scale", 1.5, 2.0)


def test_drift_never_stops_a_run():
    checks = (drift_score, drifted_features, batch_plausible)
    assert not any(spec.blocking for check in checks for spec in check.check_specs)
