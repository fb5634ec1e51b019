import json

import numpy as np
import pandas as pd
import pytest

from fraud_assets.config import Costs
from fraud_assets.evaluation.evaluate import compare, evaluate
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


def test_a_model_compared_with_itself_differs_by_nothing(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compare(test_rows, scores, scores, pd.Series([], dtype=int), SETTINGS)
    assert found["comparable"]
    assert found["difference"] == 0
    assert found["interval"] == [0, 0]


def test_rows_that_the_champion_was_trained_on_are_left_out(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compare(test_rows, scores, scores, pd.Series(np.arange(100)), SETTINGS)
    assert found["rows"] == 300
    assert found["rows_seen_by_champion"] == 100
    assert found["frauds"] == test_rows["fraud_"][100:].sum()


def test_models_are_not_compared_when_the_champion_has_seen_nearly_all_rows(test_rows):
    scores = np.random.default_rng(1).random(len(test_rows))
    found = compare(test_rows, scores, scores, test_rows["content_key_"], SETTINGS)
    assert not found["comparable"]
    assert "400 of 400 test rows were seen by the champion" in found["reason"]
