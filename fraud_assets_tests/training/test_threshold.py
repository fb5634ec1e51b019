import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import Costs, ThresholdRule, ThresholdSettings
from fraud_assets.metrics import class_figures, confusion, net_savings
from fraud_assets.training.threshold import choose_threshold

# Each compares with the figures at all other thresholds.
some = settings(max_examples=40)
ROWS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=50)


def arrays(rows):
    labels = np.array([label for label, _ in rows])
    assume(labels.any())
    return labels, np.array([score for _, score in rows])


def choose(labels, scores, losses=None, days=None, **settings):
    losses = np.ones(len(labels)) if losses is None else losses
    return choose_threshold(labels, scores, losses, ThresholdSettings(**settings), days)


@some
@given(ROWS)
def test_no_other_threshold_has_a_higher_f1(rows):
    labels, scores = arrays(rows)
    chosen = choose(labels, scores).threshold

    def f1(threshold):
        return class_figures(confusion(labels, scores >= threshold))["test_fraud_f1"]

    assert f1(chosen) == pytest.approx(max(f1(score) for score in scores))


@some
@given(ROWS)
def test_no_other_alerting_threshold_costs_less(rows):
    labels, scores = arrays(rows)
    losses, costs = np.full(len(labels), 20.0), Costs(review=3, false_alarm=4)
    chosen = choose(
        labels, scores, losses, threshold_rule=ThresholdRule.min_cost, review=3, false_alarm=4
    ).threshold

    def savings(threshold):
        return net_savings(labels, scores >= threshold, losses, costs)

    assert savings(chosen) == pytest.approx(max(savings(score) for score in scores))


@some
@given(ROWS, st.floats(0.01, 1))
def test_the_target_recall_is_reached_and_a_higher_threshold_would_not_reach_it(rows, target):
    labels, scores = arrays(rows)
    chosen = choose(labels, scores, threshold_rule="min_recall", recall_target=target).threshold

    def recall(threshold):
        return confusion(labels, scores >= threshold).frauds_detected / labels.sum()

    assert recall(chosen) >= target
    assert all(recall(score) < target for score in scores if score > scores[scores >= chosen].min())


@some
@given(ROWS, st.floats(0.5, 30), st.floats(0.5, 10))
def test_no_more_alerts_a_day_than_allowed_unless_the_highest_scores_alone_are_more(
    rows, allowed, days
):
    labels, scores = arrays(rows)
    chosen = choose(
        labels, scores, days=days, threshold_rule="max_alerts", alerts_per_day=allowed
    ).threshold
    alerts = scores >= chosen
    assert alerts.sum() <= allowed * days or np.ptp(scores[alerts]) == 0
    lower = scores[~alerts]
    if len(lower):
        assert (scores >= lower.max()).sum() > allowed * days


def test_alerts_a_day_need_days():
    with pytest.raises(ValueError, match="the data has no times.*set `timestamp`"):
        choose(np.array([1, 0]), np.array([0.9, 0.1]), threshold_rule="max_alerts")


def test_the_threshold_lies_halfway_to_the_next_score():
    labels, scores = np.array([1, 1, 0]), np.array([0.9, 0.8, 0.2])
    assert choose(labels, scores).threshold == pytest.approx(0.5)


@some
@given(ROWS)
def test_the_neighbours_say_what_their_thresholds_give(rows):
    labels, scores = arrays(rows)
    choice = choose(labels, scores, np.full(len(labels), 20.0))
    assert [p.threshold for p in choice.neighbours if p.chosen] == [choice.threshold]
    for point in choice.neighbours:
        counts = confusion(labels, scores >= point.threshold)
        assert point.alerts == counts.alerts
        assert point.frauds_missed == counts.frauds_missed
        assert point.false_alarms == counts.false_alarms
        saved = net_savings(labels, scores >= point.threshold, np.full(len(labels), 20.0), Costs())
        assert point.cost == pytest.approx(20 * labels.sum() - saved)


def test_rows_without_a_fraud_choose_nothing():
    with pytest.raises(ValueError, match="no fraud among the validation rows"):
        choose(np.zeros(2), np.ones(2))
