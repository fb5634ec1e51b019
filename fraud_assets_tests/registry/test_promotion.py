import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import Promotion
from fraud_assets.evaluation.figures import FIGURES
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES, worst_verdict
from fraud_assets.records.decisions import Decision
from fraud_assets.records.drift import ColumnFindings
from fraud_assets.records.evaluation import ModelIds, NotComparable, SegmentDifference
from fraud_assets.registry.promotion import PROMOTION_CHECKS, Candidate, decide
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


USUAL = factories.drift_report()
CRITICAL = factories.drift_report(verdict="critical", drift_score=0.95)
IMPLAUSIBLE = factories.drift_report(plausibility=factories.plausibility("critical"))
VANISHED = factories.drift_report(columns=ColumnFindings(vanished=["age"]))
HOLDING = {"drift_score": CRITICAL, "batch_plausible": IMPLAUSIBLE, "drifted_features": VANISHED}
"""By the check that is critical."""


def decided(report, champion="1", newer=False, drift=USUAL, **more):
    return decide(Candidate(report, drift, champion, newer, **more))


@pytest.mark.parametrize("verdict", ["good", "watch"])
def test_without_a_champion_a_model_is_promoted_unless_a_figure_is_critical(verdict):
    assert decided(first_model(verdict), None).outcome == "promote"
    rejected = decided(first_model("critical"), None)
    assert rejected.outcome == "reject"
    assert "no_figure_critical" in rejected.failed


@pytest.mark.parametrize("judged", JUDGED_FIGURES, ids=lambda judged: judged.check)
def test_any_critical_figure_rejects_and_is_named(judged):
    usual = factories.evaluation_report().verdicts
    report = evaluation(verdicts={**usual, judged.check: "critical"})
    decision = decided(report)
    assert decision.outcome == "reject"
    assert decision.reason.startswith(f"{judged.check} is critical: {judged.sentence(report)}")


VERDICTS = st.sampled_from(["good", "watch", "critical"])


@given(
    figures=st.tuples(*[VERDICTS] * len(JUDGED_FIGURES)),
    drift=VERDICTS,
    plausible=VERDICTS,
    vanished=st.sampled_from([[], ["age"]]),
    champion=st.sampled_from(["1", None]),
    mode=st.sampled_from(list(Promotion)),
)
def test_a_critical_verdict_and_promote_never_stand_side_by_side(
    figures, drift, plausible, vanished, champion, mode
):
    checks = [judged.check for judged in JUDGED_FIGURES]
    report = evaluation(champion) if champion else first_model()
    batch = factories.drift_report(
        verdict=drift,
        plausibility=factories.plausibility(plausible),
        columns=ColumnFindings(vanished=vanished),
    )
    report = report.model_copy(
        update={
            "verdicts": dict(zip(checks, figures, strict=True)),
            "batch_verdicts": batch.verdicts,
        }
    )
    decision = decided(report, champion, drift=batch, promotion=mode)
    critical = worst_verdict(report) == "critical"
    if "critical" in figures:
        assert decision.outcome == "reject"
    elif critical:
        assert decision.outcome == "held"
    else:
        assert decision.outcome == ("promote" if mode is Promotion.automatic else "proposed")


@pytest.mark.parametrize(("check", "drift"), HOLDING.items())
def test_a_better_model_of_an_unusual_batch_is_held_and_the_reason_says_what_to_do(check, drift):
    decision = decided(evaluation(), drift=drift)
    assert decision.outcome == "held"
    named = "implausible: median amount" if check == "batch_plausible" else f"critical: {check}"
    assert named in decision.reason
    assert "until a later batch confirms it or a person decides" in decision.reason
    assert "`fraud-assets approve 2`" in decision.reason
    assert decision.figures["verdicts"][check] == "critical"
    assert decision.confirms is None


@pytest.mark.parametrize("drift", HOLDING.values(), ids=list(HOLDING))
def test_an_unusual_batch_that_is_like_the_held_one_confirms_it(drift):
    similar = drift.model_copy(update={"to_held": factories.held_comparison(version="7")})
    decision = decided(evaluation(), drift=similar)
    assert (decision.outcome, decision.confirms) == ("promote", "7")
    assert "like batch 'may' (drift score 0.04) and confirms version 7" in decision.reason
    proposed = decided(evaluation(), drift=similar, promotion=Promotion.approval)
    assert (proposed.outcome, proposed.confirms) == ("proposed", "7")


@pytest.mark.parametrize(
    "changes",
    [{"drift_score": None}, {"verdicts": {"drift_score": "critical"}},
     {"verdicts": {"drift_score": "good", "batch_plausible": "critical"}}],
)  # fmt: skip
def test_a_batch_that_is_not_like_the_held_one_confirms_nothing(changes):
    other = CRITICAL.model_copy(update={"to_held": factories.held_comparison(**changes)})
    decision = decided(evaluation(), drift=other)
    assert (decision.outcome, decision.confirms) == ("held", None)


def test_a_model_that_is_not_better_confirms_nothing():
    similar = CRITICAL.model_copy(update={"to_held": factories.held_comparison()})
    decision = decided(compared(-0.02, 0.05), drift=similar)
    assert (decision.outcome, decision.confirms) == ("shadow_only", None)


def test_a_worse_model_of_an_unusual_batch_is_rejected_and_not_held():
    assert decided(compared(-0.05, -0.01), drift=CRITICAL).outcome == "reject"


@pytest.mark.parametrize("drift", [factories.unmeasured_drift(), factories.unjudged_drift()])
def test_a_batch_whose_drift_is_unknown_is_not_held(drift):
    assert decided(evaluation(), drift=drift).outcome == "promote"


def test_with_approval_a_model_that_would_be_promoted_is_proposed():
    decision = decided(evaluation(), promotion=Promotion.approval)
    assert decision.outcome == "proposed"
    assert decision.reason == (
        "better than champion version 1 by 0.0300, beyond chance; decide with "
        "`fraud-assets approve 2` or `fraud-assets reject 2`"
    )
    assert decided(compared(-0.02, 0.05), promotion=Promotion.approval).outcome == "shadow_only"


def test_what_a_person_turned_down_is_not_promoted_by_a_run():
    decision = decided(evaluation(), is_declined=True)
    assert (decision.outcome, decision.reason) == ("reject", "a person turned version 2 down")


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


@pytest.mark.parametrize("drift", [USUAL, *HOLDING.values()])
def test_deciding_again_on_the_champion_gives_the_same(drift):
    decision = decided(
        evaluation(version="2"), champion="2", drift=drift, promotion=Promotion.approval
    )
    assert decision.outcome == "promote"


def test_models_that_cannot_be_compared_stay_in_the_shadow_with_the_reason():
    refused = NotComparable(reason="it reads columns that are missing")
    decision = decided(evaluation(comparison=refused))
    assert decision.outcome == "shadow_only"
    assert "it reads columns that are missing" in decision.reason
    assert decision.figures["difference_to_champion"] is None


def test_the_drift_score_is_recorded():
    assert decided(evaluation(), drift=CRITICAL).figures["drift_score"] == 0.95
    unmeasured = decided(evaluation(), drift=factories.unmeasured_drift())
    assert unmeasured.figures["drift_score"] is None


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
    assert len(decision.passed + decision.failed) == len(PROMOTION_CHECKS)
    assert decision.thresholds["fraud_recall_critical"] == 0.60
    assert decision.figures["difference_interval"] == [-0.02, 0.05]
    assert {figure.name for figure in FIGURES if figure.in_decision} <= set(decision.figures)
