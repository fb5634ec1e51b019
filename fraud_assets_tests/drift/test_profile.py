import json

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.drift.profile import bin_counts, make_profile


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), max_size=80),
    st.lists(st.floats(-1e6, 1e6), max_size=8, unique=True),
)
def test_every_value_falls_into_exactly_one_bin(values, edges):
    counts = bin_counts(np.array(values, dtype=float), np.array(sorted(edges)))
    assert counts.sum() == len(values)
    assert len(counts) == len(edges) + 2
    assert counts[-1] == np.isnan(values).sum() if values else counts[-1] == 0


def test_quantile_bins_hold_about_as_many_values_each():
    rows = pd.DataFrame({"a": np.random.default_rng(0).lognormal(size=10_000)})
    counts = make_profile(rows, ["a"], {})["features"]["a"]["counts"][:-1]
    assert len(counts) == 20
    assert max(counts) - min(counts) <= 2


def test_a_profile_is_json_also_for_constant_and_empty_columns():
    rows = pd.DataFrame({"constant": [1.0] * 50, "empty": [np.nan] * 50})
    profile = json.loads(json.dumps(make_profile(rows, ["constant", "empty"], {})))
    assert profile["features"]["empty"] == {"edges": [], "counts": [0, 50]}
    assert sum(profile["features"]["constant"]["counts"]) == 50


def test_rows_without_enough_history_do_not_count_for_a_window():
    days = np.linspace(0, 20, 2000)
    rows = pd.DataFrame({"w": np.where(days < 10, 0.0, 1.0), "days_known_": days})
    counts = make_profile(rows, ["w"], {"w": 10})["features"]["w"]["counts"]
    assert sum(counts) == 1000
    assert make_profile(rows, ["w"], {"w": 19})["features"]["w"] == {"edges": [], "counts": []}
