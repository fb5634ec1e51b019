import pytest

from fraud_assets.registry.promotion import decide
from fraud_assets_tests import factories


def evaluation(
    champion="1", verdict="good", interval=(0.01, 0.05), comparable=True, version="2", **compared
):
    comparison = None
    if champion is not None:
        comparison = {"comparable": comparable, "reason": "it reads columns that are missing"}
        if comparable:
            comparison |= {"interval": list(interval), "difference": sum(interval) / 2} | compared
    return {
        "ids": {"model_version": version},
        "champion": champion,
        "comparison": comparison,
        "verdicts": {"fraud_recall": verdict},
        "metrics": {
            "test_fraud_recall": 0.8,
            "frauds_missed_count": 2,
            "false_alarms_count": 1,
            "test_average_precision": 0.7,
            "net_savings": 10.0,
        },
    }


def outcome(report, current="1", newer=False):
    return decide(report, factories.drift_report(drift_score=0.5), current, newer)


@pytest.mark.parametrize("verdict", ["good", "watch"])
def test_without_a_champion_a_model_is_promoted_unless_recall_is_critical(verdict):
    assert outcome(evaluation(None, verdict), None).outcome == "promote"
    rejected = outcome(evaluation(None, "critical"), None)
    assert rejected.outcome == "reject"
    assert "recall_not_critical" in rejected.failed


def test_a_model_that_is_better_beyond_chance_is_promoted():
    decision = outcome(evaluation(interval=(0.01, 0.05)))
    assert decision.outcome == "promote"
    assert decision.failed == []


def test_a_model_that_is_no_worse_within_the_interval_stays_in_the_shadow():
    decision = outcome(evaluation(interval=(-0.02, 0.05)))
    assert decision.outcome == "shadow_only"
    assert decision.failed == ["better_than_champion"]


def test_a_model_has_to_be_better_by_more_than_the_margin():
    decision = outcome(evaluation(interval=(0.01, 0.05), margin=0.02))
    assert decision.outcome == "shadow_only"
    assert "not better by more than 0.02 beyond chance" in decision.reason
    assert outcome(evaluation(interval=(0.03, 0.05), margin=0.02)).outcome == "promote"


def test_a_better_model_that_is_worse_on_a_segment_stays_in_the_shadow():
    parts = [{"segment": "week", "part": "week 2", "worse": True}]
    decision = outcome(evaluation(segments=parts))
    assert decision.outcome == "shadow_only"
    assert decision.failed == ["no_segment_worse"]
    assert "worse beyond chance on week: week 2" in decision.reason


def test_a_model_that_is_worse_beyond_chance_is_rejected():
    decision = outcome(evaluation(interval=(-0.05, -0.01)))
    assert decision.outcome == "reject"
    assert "not_worse_than_champion" in decision.failed


def test_a_better_model_with_critical_recall_is_rejected():
    assert outcome(evaluation(verdict="critical")).outcome == "reject"


def test_an_older_batch_never_replaces_the_champion_of_a_newer_one():
    decision = outcome(evaluation(), newer=True)
    assert decision.outcome == "shadow_only"
    assert "newer batch" in decision.reason


@pytest.mark.parametrize("compared_with", ["1", None])
def test_a_champion_that_changed_since_the_comparison_is_not_replaced(compared_with):
    decision = outcome(evaluation(champion=compared_with), current="7")
    assert decision.outcome == "shadow_only"
    assert "champion_unchanged" in decision.failed
    assert "version 7 is in charge by now" in decision.reason


def test_deciding_again_on_the_version_in_charge_gives_the_same():
    assert outcome(evaluation(version="2"), current="2").outcome == "promote"


def test_models_that_cannot_be_compared_stay_in_the_shadow_with_the_reason():
    decision = outcome(evaluation(comparable=False))
    assert decision.outcome == "shadow_only"
    assert "it reads columns that are missing" in decision.reason


def test_drift_informs_but_never_decides():
    decisions = [
        decide(evaluation(), factories.drift_report(drift_score=score), "1", False)
        for score in (0.0, 1.0)
    ]
    assert decisions[0].outcome == decisions[1].outcome == "promote"
    assert decisions[1].figures["drift_score"] == 1.0


def test_a_decision_names_every_check_once_with_figures_and_thresholds():
    decision = outcome(evaluation(interval=(-0.02, 0.05)))
    assert len(set(decision.passed) & set(decision.failed)) == 0
    assert len(decision.passed + decision.failed) == 7
    assert decision.thresholds["fraud_recall_critical"] == 0.60
    assert decision.to_dict()["outcome"] == "shadow_only"
