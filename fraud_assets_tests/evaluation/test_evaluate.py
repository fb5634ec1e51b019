from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import JudgedBy
from fraud_assets.evaluation.evaluate import evaluate, reliability
from fraud_assets.records.base import to_json
from fraud_assets_tests.evaluation.conftest import SETTINGS


def test_counts_and_money_are_those_of_the_rows(judged):
    evaluation = evaluate(judged, SETTINGS)
    assert (evaluation.test.rows, evaluation.test.frauds) == (100, 10)
    assert {row.what: (row.count, row.money) for row in evaluation.business} == {
        "frauds": (10, 500.0),
        "frauds caught": (8, 400.0),
        "frauds missed": (2, -100.0),
        "alerts reviewed": (10, -20.0),
        "false alarms": (2, -10.0),
        "net savings": (10, 370.0),
    }


def test_the_same_rows_give_the_same_bytes(judged):
    first, second = (to_json(evaluate(judged, SETTINGS).model_dump(mode="json")) for _ in range(2))
    assert first == second


def test_recall_can_be_judged_by_the_lower_end_of_its_interval(judged):
    by_interval = SETTINGS.model_copy(update={"recall_judged_by": JudgedBy.interval})
    evaluation = evaluate(judged, by_interval)
    assert evaluation.metrics["test_fraud_recall"] == 0.8
    assert evaluation.verdicts["fraud_recall"] == "critical"


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_the_bins_of_the_reliability_hold_every_row_once_and_rise(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    bins = reliability(labels, scores)
    assert sum(b.rows for b in bins) == len(rows)
    assert sum(b.rows * b.observed for b in bins) == pytest.approx(labels.sum())
    # Means of equal scores may differ in their last digit.
    assert all(left.predicted <= right.predicted + 1e-12 for left, right in pairwise(bins))
    assert all(b.low <= b.observed <= b.high for b in bins)


def test_segments_count_each_row_in_one_part(report):
    assert sum(part.rows for part in report.slices) == 100
    assert sum(part.frauds for part in report.slices) == 10
    assert all(part.low <= part.fraud_recall <= part.high for part in report.slices)
