import numpy as np
import pandas as pd
import pytest

from fraud_assets.evaluation.compare import compare
from fraud_assets_tests.evaluation.conftest import SETTINGS, scored

N_ROWS = 400
LABELS = (np.random.default_rng(0).random(N_ROWS) < 0.2).astype(int)


@pytest.fixture(scope="module")
def scores():
    return np.random.default_rng(1).random(N_ROWS)


def compared(challenger, champion, seen=(), parts=None, settings=SETTINGS):
    has_seen = np.isin(np.arange(N_ROWS), seen)
    rows = (scored(values, LABELS) for values in (challenger, champion))
    return compare(*rows, has_seen, parts or {}, settings)


def test_a_model_compared_with_itself_differs_by_nothing(scores):
    comparison = compared(scores, scores)
    assert comparison.comparable
    assert comparison.difference == comparison.savings_difference == 0
    assert comparison.interval == (0, 0)


def test_rows_that_the_champion_was_trained_on_are_left_out(scores):
    comparison = compared(scores, scores, np.arange(100))
    assert comparison.rows == 300
    assert comparison.rows_seen_by_champion == 100
    assert comparison.frauds == LABELS[100:].sum()


def test_models_are_not_compared_when_the_champion_has_seen_nearly_all_rows(scores):
    comparison = compared(scores, scores, np.arange(N_ROWS))
    assert not comparison.comparable
    assert "400 of 400 test rows were seen by the champion" in comparison.reason


def test_a_segment_on_which_a_better_challenger_is_worse_is_found():
    generator = np.random.default_rng(1)
    good = np.clip(0.2 + 0.5 * LABELS + generator.normal(0, 0.1, N_ROWS), 0, 1)
    part = pd.Series(np.where(np.arange(N_ROWS) < 120, "few", "most"))
    challenger = np.where(part == "few", generator.random(N_ROWS), good)
    champion = np.where(part == "few", good, generator.random(N_ROWS))
    comparison = compared(challenger, champion, parts={"side": part})
    assert comparison.difference > 0
    worse = [(segment.part, segment.worse) for segment in comparison.segments]
    assert worse == [("few", True), ("most", False)]
    assert comparison.worse_segments == ["side: few"]


def test_a_segment_with_few_frauds_is_left_out(scores):
    part = pd.Series(np.where(np.arange(N_ROWS) < 20, "few", "most"))
    comparison = compared(scores, scores, parts={"side": part})
    assert [segment.part for segment in comparison.segments] == ["most"]


def test_the_interval_has_the_confidence_that_was_asked_for():
    models = np.random.default_rng(1).random((2, N_ROWS))
    widths = []
    for confidence in (0.8, 0.99):
        settings = SETTINGS.model_copy(update={"promotion_confidence": confidence})
        low, high = compared(*models, settings=settings).interval
        widths.append(high - low)
    assert widths[0] < widths[1]
