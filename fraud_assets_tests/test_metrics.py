import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from fraud_assets import metrics
from fraud_assets.config.settings import Costs

some = settings(max_examples=40)
"""What the figures are compared with takes milliseconds for each example."""


@st.composite
def judged_rows(draw):
    """Labels with both classes, and scores with many ties."""
    n = draw(st.integers(4, 60))
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    scores = np.array(draw(st.lists(st.integers(0, 10), min_size=n, max_size=n))) / 10
    assume(0 < labels.sum() < n)
    return labels, scores


@some
@given(judged_rows(), st.floats(0, 1))
def test_class_figures_agree_with_scikit_learn(rows, threshold):
    labels, scores = rows
    alerts = scores >= threshold
    figures = metrics.class_figures(metrics.confusion(labels, alerts))
    for average, name in (("binary", "fraud"), ("macro", "macro"), ("weighted", "weighted")):
        p, r, f, _ = sk.precision_recall_fscore_support(
            labels, alerts.astype(int), average=average, zero_division=0, labels=[0, 1]
        )
        found = [figures[f"test_{name}_{figure}"] for figure in ("precision", "recall", "f1")]
        assert found == pytest.approx([p, r, f])


@some
@given(judged_rows())
def test_ranking_figures_agree_with_scikit_learn_also_on_ties(rows):
    labels, scores = rows
    found = metrics.ranking_figures(labels, scores, np.ones(len(labels)))
    expected = (sk.average_precision_score(labels, scores), sk.roc_auc_score(labels, scores))
    assert found == pytest.approx(expected)


@some
@given(judged_rows(), st.integers(0, 2**32 - 1))
def test_ranking_figures_of_weights_are_those_of_repeated_rows(rows, seed):
    labels, scores = rows
    weights = np.random.default_rng(seed).integers(1, 4, len(labels))
    found = metrics.ranking_figures(labels, scores, weights.astype(float))
    repeated = (np.repeat(labels, weights), np.repeat(scores, weights))
    expected = (sk.average_precision_score(*repeated), sk.roc_auc_score(*repeated))
    assert found == pytest.approx(expected)


def test_ranking_figures_of_one_class_are_not_a_number():
    found = metrics.ranking_figures(np.zeros(3, int), np.array([0.1, 0.2, 0.3]), np.ones(3))
    assert np.isnan(found).all()


def test_the_interval_of_76_caught_of_99_is_the_published_wilson_interval():
    assert metrics.share_interval(76, 99) == pytest.approx((0.675, 0.840), abs=0.001)


def test_the_interval_of_nothing_says_that_nothing_is_known():
    assert metrics.share_interval(0, 0) == (0.0, 1.0)


@some
@given(judged_rows(), st.floats(0, 1))
def test_bootstrap_intervals_lie_in_order_within_bounds(rows, threshold):
    labels, scores = rows
    savings = np.where(scores >= threshold, 1.0, 0.0)
    found = metrics.bootstrap_intervals(labels, scores, scores >= threshold, savings, 20, 0)
    for name, (low, high) in found.items():
        assert 0 <= low <= high <= (len(labels) if name == "net_savings" else 1)


def test_bootstrap_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(0)
    covered = 0
    truth = 0.7602  # area for two unit normals one standard deviation apart: Phi(1 / sqrt(2))
    for seed in range(60):
        labels = np.repeat([0, 1], [400, 80])
        scores = generator.normal(labels.astype(float))
        low, high = metrics.bootstrap_intervals(labels, scores, scores > 1, scores, 100, seed)[
            "test_roc_auc"
        ]
        covered += low <= truth <= high
    assert 51 <= covered <= 60


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    labels = np.repeat([0, 1], [100, 20])
    scores = np.random.default_rng(1).random(120)
    first, again, other = (
        metrics.bootstrap_intervals(labels, scores, scores > 0.5, scores, 50, seed)
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_paired_differences_of_a_model_with_itself_are_zero():
    labels = np.repeat([0, 1], [100, 20])
    scores = np.random.default_rng(1).random(120)
    both = metrics.paired_differences(labels, (scores, scores), (scores, scores), 50, 0)
    for difference in both:
        assert difference.value == 0
        assert difference.interval() == (0, 0)
        assert not difference.is_negative(0.95)


def test_paired_differences_see_a_clearly_better_and_cheaper_model():
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], [500, 60])
    good, poor = generator.normal(3 * labels), generator.normal(0.2 * labels)
    savings = (np.where(labels == 1, 10.0, 0.0), np.where(labels == 1, 4.0, -1.0))
    precision, money = metrics.paired_differences(labels, (good, poor), savings, 100, 0)
    low, high = precision.interval()
    assert 0 < low < precision.value < high
    assert money.value == 60 * 6 + 500
    back, _ = metrics.paired_differences(labels, (poor, good), savings, 100, 0)
    assert back.value == -precision.value
    assert back.is_negative(0.99)


def test_more_confidence_gives_a_wider_interval():
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], [200, 30])
    scores = generator.normal(labels), generator.normal(labels)
    precision, _ = metrics.paired_differences(labels, scores, scores, 200, 0)
    narrow, wide = (precision.interval(confidence) for confidence in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_the_return_is_net_savings_by_what_was_spent():
    labels, alerts = np.array([1, 0, 0]), np.array([True, True, False])
    costs = Costs(review=2, false_alarm=6)
    found = metrics.return_on_investment(labels, alerts, np.array([40.0, 1, 1]), costs)
    assert found == (40 - 2 - 2 - 6) / 10
    none = np.zeros(3, dtype=bool)
    assert metrics.return_on_investment(labels, none, np.ones(3), costs) == 0


def test_net_savings_count_saved_amounts_less_reviews_and_false_alarms():
    labels = np.array([1, 1, 0, 0])
    alerts = np.array([True, False, True, False])
    losses = np.array([100.0, 40.0, 7.0, 7.0])
    assert metrics.net_savings(labels, alerts, losses, Costs(review=2, false_alarm=5)) == 91


@pytest.mark.parametrize(
    ("costs", "amounts", "expected"),
    [
        (Costs(), np.array([5.0, np.nan, -3.0]), [5, 0, 0]),
        (Costs(missed_fraud=9), np.array([5.0, 1.0, 2.0]), [9, 9, 9]),
        (Costs(missed_fraud_without_amount=4), None, [4, 4, 4]),
    ],
)
def test_a_missed_fraud_costs_its_amount_or_what_is_set(costs, amounts, expected):
    assert metrics.fraud_losses(amounts, 3, costs).tolist() == expected


@some
@given(judged_rows())
def test_the_threshold_curve_agrees_with_judging_at_each_threshold(rows):
    labels, scores = rows
    losses, costs = np.full(len(labels), 10.0), Costs(review=1, false_alarm=2)
    curve = metrics.threshold_curve(labels, scores, losses, costs)
    for i, threshold in enumerate(curve["threshold"]):
        alerts = scores >= threshold
        figures = metrics.class_figures(metrics.confusion(labels, alerts))
        found = [curve[name][i] for name in ("precision", "recall", "f1")]
        expected = [figures[f"test_fraud_{name}"] for name in ("precision", "recall", "f1")]
        assert found == pytest.approx(expected)
        saved = metrics.net_savings(labels, alerts, losses, costs)
        assert curve["cost"][i] == pytest.approx(10 * labels.sum() - saved)
