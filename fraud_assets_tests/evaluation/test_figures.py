import pytest

from fraud_assets.evaluation.figures import (
    FIGURES,
    TABLE,
    brier_score,
    interval_text,
    intervals_of,
    metrics_of,
    number,
)
from fraud_assets_tests.evaluation.conftest import SETTINGS

NAMED_BY_THE_USER = {
    "test_fraud_f1",
    "test_fraud_precision",
    "test_fraud_recall",
    "fraud_detection_rate",
    "frauds_detected_count",
    "frauds_missed_count",
    "false_alarm_rate",
    "false_alarms_count",
    "test_average_precision",
    "test_roc_auc",
    "decision_threshold",
    "net_savings",
}


def test_counts_shares_and_money_are_those_of_the_rows(judged):
    metrics = metrics_of(judged)
    assert metrics["frauds_detected_count"] == 8
    assert metrics["frauds_missed_count"] == 2
    assert metrics["false_alarms_count"] == 2
    assert metrics["test_fraud_recall"] == metrics["fraud_detection_rate"] == 0.8
    assert metrics["test_fraud_precision"] == 0.8
    assert metrics["false_alarm_rate"] == pytest.approx(2 / 90)
    assert metrics["net_savings"] == 8 * 50 - 10 * 2 - 2 * 5
    assert metrics["decision_threshold"] == 0.5


def test_metrics_have_the_names_of_the_design_and_accuracy_is_not_among_them(judged):
    metrics = metrics_of(judged)
    assert set(metrics) >= NAMED_BY_THE_USER
    assert not [name for name in metrics if "accuracy" in name]
    assert len(metrics) == len(FIGURES)


def test_counts_are_integers_and_all_else_is_not(judged):
    types = {name: type(value) for name, value in metrics_of(judged).items()}
    assert {name for name, kind in types.items() if kind is int} == {
        name for name in types if name.endswith("_count")
    }


def test_every_interval_holds_its_figure(judged):
    metrics, intervals = metrics_of(judged), intervals_of(judged, SETTINGS)
    for name, (low, high) in intervals.items():
        assert low <= metrics[name] <= high, name
    assert intervals["test_fraud_recall"] == pytest.approx((0.490, 0.943), abs=0.001)


def test_every_figure_of_the_table_has_an_interval(judged):
    assert {figure.name for figure in TABLE} <= set(intervals_of(judged, SETTINGS))


def test_the_brier_score_is_that_of_scikit_learn(judged):
    from sklearn.metrics import brier_score_loss

    expected = brier_score_loss(judged.labels, judged.scores)
    assert brier_score(judged.labels, judged.scores) == pytest.approx(expected)


def test_some_of_the_rows_are_rows_of_their_own(judged):
    alerts = judged.of(judged.alerts)
    assert alerts.counts.alerts == len(alerts.labels) == 10
    assert alerts.savings.sum() == judged.savings.sum()


@pytest.mark.parametrize(
    ("value", "text"), [(1234, "1,234"), (0.5, "0.5000"), (-1.0, "-1.0000"), (1234.5, "1,234.50")]
)
def test_a_figure_is_shown_with_the_decimals_of_its_kind(value, text):
    assert number(value) == text


def test_an_interval_is_shown_with_the_decimals_of_its_figure(report):
    assert interval_text(report, "test_fraud_recall") == "0.4902 to 0.9433"
    assert interval_text(report, "frauds_missed_count") == "0.6 to 5.1"
    low, high = report.intervals["net_savings"]
    assert interval_text(report, "net_savings") == f"{low:,.2f} to {high:,.2f}"
