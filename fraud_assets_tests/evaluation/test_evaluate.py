import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import Costs, JudgedBy
from fraud_assets.evaluation.evaluate import brier_score, compare, evaluate, reliability
from fraud_assets_tests.evaluation.conftest import SETTINGS, scored

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


def test_counts_shares_and_money_are_those_of_the_rows(report):
    metrics = report["metrics"]
    assert metrics["frauds_detected_count"] == 8
    assert metrics["frauds_missed_count"] == 2
    assert metrics["false_alarms_count"] == 2
    assert metrics["test_fraud_recall"] == metrics["fraud_detection_rate"] == 0.8
    assert metrics["test_fraud_precision"] == 0.8
    assert metrics["false_alarm_rate"] == pytest.approx(2 / 90)
    assert metrics["net_savings"] == 8 * 50 - 10 * 2 - 2 * 5


def test_metrics_have_the_names_of_the_design_and_accuracy_is_not_among_them(report):
    assert set(report["metrics"]) >= NAMED_BY_THE_USER
    assert not [name for name in report["metrics"] if "accuracy" in name]


def test_verdicts_follow_the_limits(report):
    assert report["verdicts"] == {
        "fraud_recall": "good",
        "frauds_missed": "watch",
        "false_alarm_rate": "critical",
    }


def test_every_headline_figure_lies_in_its_interval(report):
    for name, (low, high) in report["intervals"].items():
        assert low <= report["metrics"][name] <= high, name
    assert report["intervals"]["test_fraud_recall"] == pytest.approx([0.490, 0.943], abs=0.001)


def test_the_same_rows_give_the_same_bytes(judged):
    first, second = (
        json.dumps(evaluate(*judged, 0.5, Costs(), SETTINGS), sort_keys=True) for _ in range(2)
    )
    assert first == second


def test_recall_can_be_judged_by_the_lower_end_of_its_interval(judged):
    by_interval = SETTINGS.model_copy(update={"recall_judged_by": JudgedBy.interval})
    report = evaluate(*judged, 0.5, Costs(), by_interval)
    assert report["metrics"]["test_fraud_recall"] == 0.8
    assert report["verdicts"]["fraud_recall"] == "critical"


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_the_bins_of_the_reliability_hold_every_row_once_and_rise(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    bins = reliability(labels, scores)
    assert sum(b["rows"] for b in bins) == len(rows)
    assert sum(b["rows"] * b["observed"] for b in bins) == pytest.approx(labels.sum())
    predicted = [b["predicted"] for b in bins]
    # Means of equal scores may differ in their last digit.
    assert all(left <= right + 1e-12 for left, right in pairwise(predicted))
    assert all(b["low"] <= b["observed"] <= b["high"] for b in bins)


def test_the_brier_score_is_that_of_scikit_learn(judged):
    from sklearn.metrics import brier_score_loss

    labels, scores, _ = judged
    assert brier_score(labels, scores) == pytest.approx(brier_score_loss(labels, scores))


def test_slices_count_each_row_in_one_part_of_each_segment(report):
    assert sum(part["rows"] for part in report["slices"]) == 100
    assert sum(part["frauds"] for part in report["slices"]) == 10
    assert all(part["low"] <= part["fraud_recall"] <= part["high"] for part in report["slices"])


def compared(rows, ours, theirs, seen=(), parts=None, settings=SETTINGS):
    seen = pd.Series(seen, dtype=int)
    return compare(rows, scored(ours), scored(theirs), seen, parts or {}, settings)


def test_a_model_compared_with_itself_differs_by_nothing(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compared(test_rows, scores, scores)
    assert found["comparable"]
    assert found["difference"] == found["savings_difference"] == 0
    assert found["interval"] == [0, 0]


def test_rows_that_the_champion_was_trained_on_are_left_out(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compared(test_rows, scores, scores, np.arange(100))
    assert found["rows"] == 300
    assert found["rows_seen_by_champion"] == 100
    assert found["frauds"] == test_rows["fraud_"][100:].sum()


def test_models_are_not_compared_when_the_champion_has_seen_nearly_all_rows(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compared(test_rows, scores, scores, test_rows["content_key_"])
    assert not found["comparable"]
    assert "400 of 400 test rows were seen by the champion" in found["reason"]


def test_a_segment_on_which_the_challenger_is_worse_is_found_though_it_is_better_on_the_whole(
    test_rows,
):
    labels = test_rows["fraud_"].to_numpy()
    generator = np.random.default_rng(1)
    good = np.clip(0.2 + 0.5 * labels + generator.normal(0, 0.1, len(labels)), 0, 1)
    part = pd.Series(np.where(np.arange(len(labels)) < 120, "few", "most"))
    ours = np.where(part == "few", generator.random(len(labels)), good)
    theirs = np.where(part == "few", good, generator.random(len(labels)))
    found = compared(test_rows, ours, theirs, parts={"side": part})
    assert found["difference"] > 0
    assert [(s["part"], s["worse"]) for s in found["segments"]] == [("few", True), ("most", False)]


def test_a_segment_with_few_frauds_says_nothing(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    part = pd.Series(np.where(np.arange(len(test_rows)) < 20, "few", "most"))
    found = compared(test_rows, scores, scores, parts={"side": part})
    assert [s["part"] for s in found["segments"]] == ["most"]


def test_the_interval_has_the_confidence_that_was_asked_for(test_rows):
    generator = np.random.default_rng(1)
    ours, theirs = generator.random((2, len(test_rows)))
    widths = []
    for confidence in (0.8, 0.99):
        settings = SETTINGS.model_copy(update={"promotion_confidence": confidence})
        low, high = compared(test_rows, ours, theirs, settings=settings)["interval"]
        widths.append(high - low)
    assert widths[0] < widths[1]
