import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.drift.performance import (
    expected_performance,
    newest_time,
    prevalence_change,
    realized_performance,
)


@pytest.fixture(scope="module")
def scored():
    """Calibrated scores, and labels drawn from them; each known a day after the other."""
    generator = np.random.default_rng(0)
    scores = generator.beta(0.3, 3, size=20_000)
    return pd.DataFrame(
        {
            "score": scores,
            "label": (generator.random(20_000) < scores).astype(int),
            "known_us": np.arange(20_000),
            "label_known_us": np.arange(20_000) + 5_000,
        }
    )


@settings(max_examples=40)
@given(st.integers(0, 50), st.integers(0, 50))
def test_the_interval_holds_the_ratio(batch, reference):
    found = prevalence_change(batch, 1000, reference, 2000)
    low, high = found.interval
    if found.ratio is not None:
        assert low <= found.ratio
        assert high is None or found.ratio <= high
    assert 0 <= found.p_value <= 1


def test_the_interval_is_exact_so_it_covers_at_least_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = [
        not prevalence_change(*drawn, 20_000).changed
        for n, m in generator.binomial([2000, 20_000], 0.004, (200, 2))
        for drawn in [(int(n), 2000, int(m))]
    ]
    assert np.mean(covered) >= 0.95


def test_three_times_as_many_frauds_are_a_change():
    found = prevalence_change(60, 2000, 200, 20_000)
    assert found.ratio == pytest.approx(3)
    assert found.changed
    assert not prevalence_change(20, 2000, 200, 20_000).changed


def test_without_any_fraud_the_ratio_is_unknown():
    found = prevalence_change(0, 100, 0, 100)
    assert (found.ratio, found.interval, found.changed) == (None, (0.0, None), False)


def test_calibrated_scores_predict_precision_and_recall(scored):
    expected = expected_performance(scored, 0.3)
    true = realized_performance(scored, 0.3, None)
    assert expected.precision == pytest.approx(true.precision, abs=0.03)
    assert expected.recall == pytest.approx(true.recall, abs=0.03)
    low, high = true.precision_interval
    assert low <= expected.precision <= high


def test_only_labels_that_are_known_by_now_realized_performance(scored):
    later = realized_performance(scored, 0.3, newest_time(scored))
    assert later.labels_known == pytest.approx(0.75, abs=0.001)
    none = realized_performance(scored, 0.3, 0)
    assert (none.labels_known, none.precision, none.recall) == (0.0, None, None)


def test_data_without_times_knows_all_its_labels(scored):
    timeless = scored.assign(known_us=np.nan, label_known_us=np.nan)
    assert newest_time(timeless) is None
    assert realized_performance(timeless, 0.3, newest_time(timeless)).labels_known == 1.0
