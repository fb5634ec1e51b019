import dagster as dg
import pytest

from fraud_assets.drift.checks import drift_score, drifted_features


def report(score, drifted=(), total=10):
    names = [f"f{i}" for i in range(total)]
    return {
        "champion": "3",
        "drift_score": score,
        "n_drifted_features": len(drifted),
        "features": [
            {
                "feature": name,
                "distance": 0.4 if name in drifted else 0.0,
                "drifted": name in drifted,
            }
            for name in names
        ],
        "verdict": "good" if score < 0.1 else "watch" if score <= 0.3 else "critical",
    }


@pytest.mark.parametrize("check", [drift_score, drifted_features])
def test_without_a_champion_the_checks_pass_and_say_so(check):
    result = check(drift_report={"champion": None, "not_measured": "no champion yet"})
    assert result.passed
    assert result.description == "no champion yet"


@pytest.mark.parametrize(
    ("score", "passed", "severity", "word"),
    [
        (0.05, True, dg.AssetCheckSeverity.WARN, "stable"),
        (0.2, False, dg.AssetCheckSeverity.WARN, "watch it"),
        (0.4, False, dg.AssetCheckSeverity.ERROR, "retrain"),
    ],
)
def test_the_drift_score_says_what_to_do(score, passed, severity, word):
    result = drift_score(drift_report=report(score))
    assert (result.passed, result.severity) == (passed, severity)
    assert word in result.description
    assert "champion version 3" in result.description


def test_the_features_that_moved_are_named():
    result = drifted_features(drift_report=report(0.2, ["f1", "f2"]))
    assert "2 of 10 features drifted; moved most: f1 0.40, f2 0.40" in result.description
    assert not result.passed


def test_drift_never_stops_a_run():
    checks = (drift_score, drifted_features)
    assert not any(spec.blocking for check in checks for spec in check.check_specs)
