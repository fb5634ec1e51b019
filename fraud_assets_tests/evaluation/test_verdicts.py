from fraud_assets.config.settings import JudgedBy
from fraud_assets.evaluation.verdicts import (
    CHECK_OF_FIGURE,
    JUDGED_FIGURES,
    verdicts_of,
    worst_verdict,
)


def test_verdicts_follow_the_limits(report):
    assert report.verdicts == {
        "fraud_recall": "good",
        "frauds_missed": "watch",
        "false_alarm_rate": "critical",
    }


def test_recall_is_judged_by_the_figure_or_by_the_lower_end_of_its_interval(report):
    by = {
        judged_by: verdicts_of(report.metrics, report.intervals, judged_by)["fraud_recall"]
        for judged_by in JudgedBy
    }
    assert by == {JudgedBy.point: "good", JudgedBy.interval: "critical"}


def test_the_verdict_is_the_worst_of_all(report):
    assert worst_verdict(report) == "critical"
    milder = report.model_copy(update={"verdicts": {"a": "good", "b": "watch"}})
    assert worst_verdict(milder) == "watch"


def test_every_judged_figure_is_a_metric_with_a_description_and_a_sentence(report):
    for judged in JUDGED_FIGURES:
        assert judged.figure in report.metrics
        assert CHECK_OF_FIGURE[judged.figure] == judged.check
        assert judged.description.endswith(".")
        assert judged.sentence(report)


def test_descriptions_name_the_limits():
    assert [judged.description for judged in JUDGED_FIGURES] == [
        "The share of frauds caught: good from 0.80, critical under 0.60.",
        "Missed frauds, in proportion to 99: good under 10, critical over 25.",
        "The share of genuine transactions that raise an alert: good under 0.5%, critical over 2%.",
    ]
