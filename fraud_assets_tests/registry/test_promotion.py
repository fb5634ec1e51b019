import pytest

from fraud_assets.evaluation.figures import FIGURES
from fraud_assets.records.decisions import Decision
from fraud_assets.records.evaluation import ModelIds, NotComparable, SegmentDifference
from fraud_assets.registry.promotion import PROMOTION_CHECKS, decide
from fraud_assets_tests import factories


def first_model(verdict="good"):
    """The evaluation of a model while there is no champion."""
    return evaluation(champion=None, verdict=verdict, comparison=None)


def evaluation(champion="1", verdict="good", version="2", **changes):
    """The evaluation of a model that is better than the champion, unless changed."""
    usual = factories.evaluation_report()
    values = {
        "champion": champion,
        "ids": ModelIds(mlflow_run_id="r", model_version=version),
        "verdicts": {**usual.verdicts, "fraud_recall": verdict},
        "comparison": factories.comparison(),
    }
    return factories.evaluation_report(**values | changes)


def compared(low, high, **changes):
    comparison = factories.comparison(interval=(low, high), difference=(low + high) / 2, **changes)
    return evaluation(comparison=comparison)


def decided(report, champion="1", newer=False):
    return decide(report, 0.5, champion, newer)


@pytest.mark.parametrize("verdict", ["good", "watch"])
def test_without_a_champion_a_model_is_promoted_unless_recall_is_critical(verdict):
    assert decided(first_model(verdict), None).outcome == "promote"
    rejected = decided(first_model("critical"), None)
    assert rejected.outcome == "reject"
    assert "recall_not_critical" in rejected.failed


def test_a_model_that_is_better_beyond_chance_is_promoted():
    decision = decided(compared(0.01, 0.05))
    assert decision.outcome == "promote"
    assert decision.failed == []
    assert decision.reason == "better than champion version 1 by 0.0300, beyond chance"


def test_a_model_that_is_no_worse_within_the_interval_stays_in_the_shadow():
    decision = decided(compared(-0.02, 0.05))
    assert decision.outcome == "shadow_only"
    assert decision.failed == ["better_than_champion"]


def test_a_model_has_to_be_better_by_more_than_the_margin():
    decision = decided(compared(0.01, 0.05, margin=0.02))
    assert decision.outcome == "shadow_only"
    assert "not better by more than 0.02 beyond chance" in decision.reason
    assert decision.thresholds["difference_interval_low"] == 0.02
    assert decided(compared(0.03, 0.05, margin=0.02)).outcome == "promote"


def test_a_better_model_that_is_worse_on_a_segment_stays_in_the_shadow():
    worse = SegmentDifference(
        segment="week", part="week 2", rows=90, frauds=12, difference=-0.3, worse=True
    )
    decision = decided(compared(0.01, 0.05, segments=[worse]))
    assert decision.outcome == "shadow_only"
    assert decision.failed == ["no_segment_worse"]
    assert "worse beyond chance on week: week 2" in decision.reason


def test_a_model_that_is_worse_beyond_chance_is_rejected():
    decision = decided(compared(-0.05, -0.01))
    assert decision.outcome == "reject"
    assert "not_worse_than_champion" in decision.failed
    assert decision.reason == "worse than champion version 1 by 0.0300, beyond chance"


def test_a_better_model_with_critical_recall_is_rejected():
    assert decided(evaluation(verdict="critical")).outcome == "reject"


def test_an_older_batch_never_replaces_the_champion_of_a_newer_one():
    decision = decided(evaluation(), newer=True)
    assert decision.outcome == "shadow_only"
    assert "newer batch" in decision.reason


@pytest.mark.parametrize("compared_with", ["1", None])
def test_a_champion_that_changed_since_the_comparison_is_not_replaced(compared_with):
    report = evaluation(champion=compared_with) if compared_with else first_model()
    decision = decided(report, champion="7")
    assert decision.outcome == "shadow_only"
    assert "champion_unchanged" in decision.failed
    assert "version 7 is the champion by now" in decision.reason


def test_deciding_again_on_the_champion_gives_the_same():
    assert decided(evaluation(version="2"), champion="2").outcome == "promote"


def test_models_that_cannot_be_compared_stay_in_the_shadow_with_the_reason():
    refused = NotComparable(reason="it reads columns that are missing")
    decision = decided(evaluation(comparison=refused))
    assert decision.outcome == "shadow_only"
    assert "it reads columns that are missing" in decision.reason
    assert decision.figures["difference_to_champion"] is None


@pytest.mark.parametrize("score", [0.0, 1.0, None])
def test_drift_is_recorded_but_never_decides(score):
    decision = decide(evaluation(), score, "1", False)
    assert decision.outcome == "promote"
    assert decision.figures["drift_score"] == score


def test_a_rejection_has_precedence_over_a_model_that_stays_in_the_shadow():
    decision = decided(compared(-0.05, -0.01), newer=True)
    assert decision.outcome == "reject"
    assert decision.failed == [
        "champion_not_newer",
        "not_worse_than_champion",
        "better_than_champion",
    ]


def test_no_two_checks_have_the_same_name_or_precedence():
    for values in zip(*((c.name, c.precedence) for c in PROMOTION_CHECKS), strict=True):
        assert len(set(values)) == len(PROMOTION_CHECKS)


def test_a_decision_names_every_check_once_with_figures_and_thresholds():
    decision = decided(compared(-0.02, 0.05))
    assert isinstance(decision, Decision)
    assert len(set(decision.passed) & set(decision.failed)) == 0
    assert len(decision.passed + decision.failed) == 7
    assert decision.thresholds["fraud_recall_critical"] == 0.60
    assert decision.figures["difference_interval"] == [-0.02, 0.05]
    assert {figure.name for figure in FIGURES if figure.in_decision} <= set(decision.figures)
