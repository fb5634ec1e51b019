import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.drift.encoding import (
    INCOMPLETE_WINDOW,
    KEPT_CATEGORIES,
    Column,
    category_column,
    encode_rows,
    map_in_threads,
    number_column,
    text_column,
)

numbers = st.lists(
    st.one_of(
        st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0])
    ),
    max_size=80,
)


@given(numbers, numbers)
def test_every_value_has_exactly_one_code(reference, batch):
    column = number_column("a", np.array(reference, dtype=float))
    counts = column.count(column.encode(pd.Series(batch, dtype=float)))
    assert counts.sum() == len(batch)
    assert counts[-1] == np.isnan(batch).sum() if batch else counts[-1] == 0
    assert len(column.groups()) == len(column.counts) == len(counts) < INCOMPLETE_WINDOW


@given(numbers)
def test_the_counts_of_the_reference_are_those_of_its_own_codes(reference):
    column = number_column("a", np.array(reference, dtype=float))
    codes = column.encode(pd.Series(reference, dtype=float))
    assert column.counts == column.count(codes).tolist()
    finite = np.isfinite(np.array(reference, dtype=float))
    assert sum(np.array(column.counts)[column.outside]) == len(reference) - sum(finite) - int(
        np.isnan(reference).sum() if reference else 0
    )


def test_values_out_of_the_reference_s_range_have_codes_of_their_own():
    column = number_column("a", np.arange(10.0))
    codes = column.encode(pd.Series([-1.0, 0.0, 9.0, 9.1, np.inf, -np.inf, np.nan]))
    below, above = column.outside
    assert codes[[0, 5]].tolist() == [below] * 2
    assert codes[[3, 4]].tolist() == [above] * 2
    assert codes[1] not in column.outside
    assert codes[2] not in column.outside
    assert codes[6] == column.missing


def test_groups_hold_about_five_percent_each_and_part_the_tails():
    column = number_column("a", np.random.default_rng(0).lognormal(size=20_000))
    shares = np.bincount(column.groups(), weights=column.counts)[:-1] / 20_000
    assert len(shares) == 24
    assert max(shares) < 0.06
    assert shares[[0, 1, -2, -1]].max() < 0.011


def test_a_constant_and_an_empty_column_have_groups_too():
    constant, empty = (number_column("c", np.full(50, v)) for v in (1.0, np.nan))
    assert np.bincount(constant.groups(), weights=constant.counts).max() == 50
    assert empty.counts == [0, 50]
    assert empty.count(empty.encode(pd.Series([1.0, np.nan]))).tolist() == [1, 1]


def test_unseen_and_missing_categories_have_codes_of_their_own():
    column = category_column("c", pd.Series([*["a", "a", "b"] * 10, None]))
    codes = column.encode(pd.Series(["b", "new", None]))
    assert [column.label(code) for code in codes] == ["b", "other", "missing"]
    assert column.outside == [codes[1]]


def test_of_a_column_with_many_categories_the_rest_is_pooled_and_none_is_unseen():
    column = category_column("c", pd.Series([f"c{i:03d}" for i in range(500)] * 10))
    assert (len(column.categories), column.pooled, column.outside) == (KEPT_CATEGORIES, True, [])
    assert sum(column.counts) == 5000


def test_a_category_of_few_rows_is_pooled_and_stands_in_no_profile():
    column = category_column("c", pd.Series(["a"] * 10 + ["Zoe Quixote"] * 9))
    assert (column.categories, column.pooled) == (["a"], True)
    assert column.counts == [10, 9, 0]
    assert "Zoe" not in column.model_dump_json()


def test_a_value_whose_window_is_not_full_does_not_count():
    rows = pd.DataFrame({"w": [1.0, 2.0], "days_known_": [3.0, 30.0]})
    column = number_column("w", np.arange(5.0))
    codes = encode_rows(rows, [column], {"w": 7})["w"].to_numpy()
    assert codes[0] == INCOMPLETE_WINDOW
    assert column.count(codes).sum() == 1


def test_a_column_survives_its_json():
    column = category_column("c", pd.Series(["a", "b"]))
    assert Column.model_validate_json(column.model_dump_json()) == column


def test_texts_are_loaded_under_a_name_that_no_feature_has():
    assert text_column("channel") == "text_channel_"


def test_work_in_threads_keeps_the_order():
    assert map_in_threads(lambda n: n * n, range(20)) == [n * n for n in range(20)]
