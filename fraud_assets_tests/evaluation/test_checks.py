import dagster as dg
import pytest

from fraud_assets.evaluation.checks import (
    beats_champion,
    false_alarm_rate,
    fraud_recall,
    frauds_missed,
)

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.mark.parametrize(
    ("verdict", "passed", "severity"),
    [("good", True, WARN), ("watch", False, WARN), ("critical", False, ERROR)],
)
@pytest.mark.parametrize("check", [fraud_recall, frauds_missed, false_alarm_rate])
def test_a_check_passes_warns_or_fails_with_its_verdict(report, check, verdict, passed, severity):
    (name,) = (spec.name for spec in check.check_specs)
    report["verdicts"][name] = verdict
    result = check(evaluation_report=report)
    assert (result.passed, result.severity) == (passed, severity)
    assert result.description.startswith(f"{verdict}: ")


def test_the_recall_check_shows_the_interval(report):
    description = fraud_recall(evaluation_report=report).description
    assert "recall 0.800 (95% interval 0.490 to 0.943) on 10 test frauds" in description


def test_the_recall_check_says_when_the_lower_end_is_judged(report):
    report["recall_judged_by"] = "interval"
    assert (
        "judged by the interval's lower end" in fraud_recall(evaluation_report=report).description
    )


def test_missed_frauds_are_shown_raw_and_in_proportion_to_99(report):
    assert (
        "2 of 10 test frauds missed, 19.8 of 99"
        in frauds_missed(evaluation_report=report).description
    )


@pytest.mark.parametrize(
    ("comparison", "passed"),
    [
        (None, True),
        ({"comparable": False, "reason": "why"}, False),
        ({"difference": 0.01}, True),
        ({"difference": -0.01}, False),
    ],
)
def test_beating_the_champion_is_a_warning_when_it_fails(report, comparison, passed):
    if comparison and "difference" in comparison:
        comparison |= {"comparable": True, "rows": 9, "frauds": 3, "interval": [-0.1, 0.1]}
        comparison |= {"average_precision": 0.5, "champion_average_precision": 0.5}
        comparison |= {"confidence": 0.95, "savings_difference": 1.0}
        comparison |= {"savings_interval": [-1.0, 2.0]}
    report["comparison"] = comparison
    result = beats_champion(evaluation_report=report)
    assert result.passed is passed
    assert passed or result.severity == WARN


def test_no_evaluation_check_stops_the_run():
    checks = (fraud_recall, frauds_missed, false_alarm_rate, beats_champion)
    assert not any(spec.blocking for check in checks for spec in check.check_specs)
