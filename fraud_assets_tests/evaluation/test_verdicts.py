from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import JudgedBy
from fraud_assets.evaluation.verdicts import (
    CHECK_OF_FIGURE,
    JUDGED_FIGURES,
    checks_at_fault,
    verdicts_of,
    worst_verdict,
)


def test_verdicts_follow_the_limits(report):
    assert report.verdicts == {
        "fraud_recall": "good",
        "frauds_missed": "good",
        "false_alarm_rate": "critical",
    }


@given(st.integers(0, 200), st.integers(1, 200), st.sampled_from(list(JudgedBy)))
def test_recall_and_missed_frauds_have_one_verdict(missed, caught, judged_by):
    recall = caught / (missed + caught)
    metrics = {
        "test_fraud_recall": recall,
        "frauds_missed_count": missed,
        "frauds_detected_count": caught,
        "false_alarm_rate": 0.0,
    }
    intervals = {"test_fraud_recall": (recall / 2, min(1.0, recall * 1.5))}
    verdicts = verdicts_of(metrics, intervals, judged_by)
    assert verdicts["fraud_recall"] == verdicts["frauds_missed"]


def test_recall_is_judged_by_the_figure_or_by_the_lower_end_of_its_interval(report):
    by = {
        judged_by: verdicts_of(report.metrics, report.intervals, judged_by)["fraud_recall"]
        for judged_by in JudgedBy
    }
    assert by == {JudgedBy.point: "good", JudgedBy.interval: "critical"}


def test_the_verdict_is_the_worst_of_all(report):
    assert worst_verdict(report) == "critical"
    milder = report.model_copy(update={"verdicts": {"a": "good", "b": "watch"}})
    assert (worst_verdict(milder), checks_at_fault(milder)) == ("watch", ["b"])
    drifted = milder.model_copy(update={"batch_verdicts": {"drift_score": "critical"}})
    assert (worst_verdict(drifted), checks_at_fault(drifted)) == ("critical", ["drift_score"])
    good = report.model_copy(update={"verdicts": {"a": "good"}})
    assert (worst_verdict(good), checks_at_fault(good)) == ("good", [])


def test_every_judged_figure_is_a_metric_with_a_description_and_a_sentence(report):
    for judged in JUDGED_FIGURES:
        assert judged.figure in report.metrics
        assert CHECK_OF_FIGURE[judged.figure] == judged.check
        assert judged.description.endswith(".")
        assert judged.sentence(report)


def test_descriptions_name_the_limits():
    assert [judged.description for judged in JUDGED_FIGURES] == [
        "The share of frauds caught: good from 0.80, critical under 0.60.",
        "Missed frauds, by the limits of recall: good up to 20 of 100, critical over 40.",
        "The share of genuine transactions that raise an alert: good under 0.5%, critical over 2%.",
    ]
