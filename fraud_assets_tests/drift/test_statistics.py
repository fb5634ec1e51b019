from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from fraud_assets.drift.encoding import category_column, number_column
from fraud_assets.drift.statistics import (
    compare_column,
    compare_scores,
    population_stability_index,
)

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=20_000)


@cache
def reference_column():
    return number_column("a", REFERENCE)


def compared(reference, batch):
    if reference is REFERENCE:
        column = reference_column()
    else:
        column = number_column("a", np.asarray(reference, dtype=float))
    return compare_column(column, column.count(column.encode(pd.Series(batch, dtype=float))))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50), st.integers(0, 5))
def test_all_figures_stay_in_their_ranges(values, n_missing):
    moved = compared(REFERENCE[:200], [*values, *[np.nan] * n_missing])
    assert 0 <= moved.distance <= 1
    assert moved.psi >= 0
    assert 0 <= moved.ks <= 1
    assert 0 <= moved.outside <= 1
    assert 0 <= moved.p_value <= 1


def test_the_same_data_has_not_moved_and_other_data_has_moved_by_one():
    same, other = compared(REFERENCE, REFERENCE), compared([1.0, 2.0], [8.0, 9.0])
    assert (same.distance, same.ks, same.p_value) == (0.0, 0.0, 1.0)
    assert other.ks == 1.0
    missing = compared(REFERENCE, [np.nan] * 100)
    assert missing.distance == pytest.approx(1.0)
    assert missing.missing_change == 1.0


def test_distance_is_scipy_s_over_the_groups_and_ks_near_scipy_s():
    batch = RNG.normal(0.4, 1.2, size=5000)
    column = number_column("a", REFERENCE)
    counts = column.count(column.encode(pd.Series(batch)))
    moved = compare_column(column, counts)
    groups = column.groups()
    grouped = [np.bincount(groups, weights=c) for c in (column.counts, counts)]
    assert moved.distance == pytest.approx(jensenshannon(*grouped, base=2))
    assert moved.ks == pytest.approx(ks_2samp(REFERENCE, batch).statistic, abs=0.005)


def test_psi_is_the_published_sum():
    p, q = np.array([500.0, 500.0]), np.array([750.0, 250.0])
    expected = 0.25 * np.log(0.75 / 0.5) - 0.25 * np.log(0.25 / 0.5)
    assert population_stability_index(p, q) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("n", [500, 1000, 10_000])
def test_chance_alone_rarely_looks_like_a_change_at_any_size(n):
    generator = np.random.default_rng(n)
    found = [compared(REFERENCE, generator.normal(size=n)) for _ in range(200)]
    assert np.mean([moved.p_value <= 0.01 for moved in found]) <= 0.03
    assert np.mean([moved.distance > moved.noise for moved in found]) <= 0.04


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(RNG.normal(0.3, 1, 2000), id="mean"),
        pytest.param(RNG.normal(0, 1.3, 2000), id="variance"),
        pytest.param(np.append(RNG.normal(size=1980), [9.0] * 20), id="out of range"),
        pytest.param(np.append(RNG.normal(size=1950), [np.nan] * 50), id="missing"),
        pytest.param(np.append(RNG.normal(size=1950), [np.inf] * 50), id="infinite"),
    ],
)
def test_each_kind_of_change_is_told_from_chance(batch):
    assert compared(REFERENCE, batch).p_value < 1e-3


def test_one_rare_value_is_no_change():
    assert compared(REFERENCE, np.append(RNG.normal(size=2000), np.nan)).p_value > 0.05
    assert compared(REFERENCE, np.append(RNG.normal(size=2000), 99.0)).p_value > 0.01


def test_unseen_categories_are_counted():
    column = category_column("c", pd.Series(["a", "b"] * 500))
    moved = compare_column(column, column.count(column.encode(pd.Series(["a"] * 90 + ["x"] * 10))))
    assert (moved.outside, moved.ks) == (0.1, None)
    assert moved.p_value < 1e-6


def test_nothing_is_said_when_a_side_is_empty():
    moved = compared(REFERENCE, [])
    assert (moved.distance, moved.p_value) == (0.0, 1.0)


def test_scores_are_compared_like_a_feature_and_only_with_a_reference():
    assert compare_scores(None, pd.Series([0.1])) is None
    reference = number_column("score", REFERENCE)
    assert compare_scores(reference, pd.Series(REFERENCE + 2)).distance > 0.5


def test_chance_beyond_either_end_of_the_range_is_no_change():
    generator = np.random.default_rng(5)
    found = [
        compared(generator.normal(size=1000), generator.normal(size=9000)).p_value
        for _ in range(200)
    ]
    assert np.mean(np.array(found) <= 0.01) <= 0.02
