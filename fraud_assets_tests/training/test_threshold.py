import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fraud_assets.config import Costs, ThresholdRule
from fraud_assets.metrics import class_figures, confusion, net_savings
from fraud_assets.training.threshold import choose_threshold

ROWS = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=50)


def arrays(rows):
    labels = np.array([label for label, _ in rows])
    assume(labels.any())
    return labels, np.array([score for _, score in rows])


@given(ROWS)
def test_no_other_threshold_has_a_higher_f1(rows):
    labels, scores = arrays(rows)
    losses = np.ones(len(labels))
    chosen = choose_threshold(labels, scores, losses, Costs(), ThresholdRule.max_f1)

    def f1(threshold):
        return class_figures(confusion(labels, scores >= threshold))["test_fraud_f1"]

    assert f1(chosen) == pytest.approx(max(f1(score) for score in scores))


@given(ROWS)
def test_no_other_alerting_threshold_costs_less(rows):
    labels, scores = arrays(rows)
    losses, costs = np.full(len(labels), 20.0), Costs(review=3, false_alarm=4)
    chosen = choose_threshold(labels, scores, losses, costs, ThresholdRule.min_cost)

    def savings(threshold):
        return net_savings(labels, scores >= threshold, losses, costs)

    assert savings(chosen) == pytest.approx(max(savings(score) for score in scores))


def test_the_threshold_lies_halfway_to_the_next_score():
    labels, scores = np.array([1, 1, 0]), np.array([0.9, 0.8, 0.2])
    chosen = choose_threshold(labels, scores, np.ones(3), Costs(), ThresholdRule.max_f1)
    assert chosen == pytest.approx(0.5)


def test_rows_without_a_fraud_choose_nothing():
    with pytest.raises(ValueError, match="no fraud among the validation rows"):
        choose_threshold(np.zeros(2), np.ones(2), np.ones(2), Costs(), ThresholdRule.max_f1)
