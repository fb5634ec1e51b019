import dagster as dg
import pytest

from fraud_assets.evaluation.checks import beats_champion, limit_checks
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES
from fraud_assets.records.evaluation import NotComparable
from fraud_assets_tests import factories

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
CHECKS = {spec.name: check for check in limit_checks for spec in check.check_specs}


@pytest.mark.parametrize(
    ("verdict", "passed", "severity"),
    [("good", True, WARN), ("watch", False, WARN), ("critical", False, ERROR)],
)
@pytest.mark.parametrize("name", CHECKS)
def test_a_check_passes_warns_or_fails_with_its_verdict(name, verdict, passed, severity):
    usual = factories.evaluation_report()
    report = factories.evaluation_report(verdicts={**usual.verdicts, name: verdict})
    result = CHECKS[name](evaluation_report=report)
    assert (result.passed, result.severity) == (passed, severity)
    assert result.description.startswith(f"{verdict}: ")


def test_every_judged_figure_has_a_check_with_its_description():
    assert list(CHECKS) == [judged.check for judged in JUDGED_FIGURES]
    for judged, check in zip(JUDGED_FIGURES, limit_checks, strict=True):
        (spec,) = check.check_specs
        assert spec.description == judged.description


def test_the_recall_check_shows_the_interval(report):
    description = CHECKS["fraud_recall"](evaluation_report=report).description
    assert "recall 0.800 (95% interval 0.490 to 0.943) on 10 test frauds" in description


def test_the_recall_check_shows_when_the_lower_end_is_judged():
    report = factories.evaluation_report(recall_judged_by="interval")
    description = CHECKS["fraud_recall"](evaluation_report=report).description
    assert "judged by the interval's lower end" in description


def test_missed_frauds_are_shown_raw_and_in_proportion_to_100(report):
    result = CHECKS["frauds_missed"](evaluation_report=report)
    assert "2 of 10 test frauds missed, 20.0 of 100" in result.description
    assert result.metadata["value"].value == 0.8


@pytest.mark.parametrize(
    ("comparison", "passed"),
    [
        (None, True),
        (NotComparable(reason="why"), False),
        (factories.comparison(difference=0.01), True),
        (factories.comparison(difference=-0.01), False),
    ],
)
def test_a_model_that_does_not_beat_the_champion_is_a_warning(comparison, passed):
    result = beats_champion(evaluation_report=factories.evaluation_report(comparison=comparison))
    assert result.passed is passed
    assert passed or result.severity == WARN


def test_no_evaluation_check_stops_the_run():
    checks = (*limit_checks, beats_champion)
    assert not any(spec.blocking for check in checks for spec in check.check_specs)
