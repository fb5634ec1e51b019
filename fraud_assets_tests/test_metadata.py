import base64
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.metadata import FOUR_DIGITS_BELOW, plot_metadata, shown, table_metadata


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.123456, 0.1235),
        (-0.000123456, -0.0001235),
        (99.4567, 99.46),
        (100.4567, 100.46),
        (-1234567.891, -1234567.89),
        (0.0, 0.0),
        (1e-300, 1e-300),
    ],
)
def test_small_figures_have_four_digits_and_large_ones_two_decimals(value, rounded):
    assert shown(value) == rounded


@pytest.mark.parametrize("value", [123456789, True, None, "0.123456", math.inf])
def test_all_but_floats_stays_as_it_is(value):
    assert shown(value) is value or shown(value) == value
    assert type(shown(value)) is type(value)


def test_a_figure_that_is_no_number_stays_one():
    assert math.isnan(shown(math.nan))


def test_figures_inside_of_mappings_and_lists_are_rounded():
    assert shown({"a": [0.123456, {"b": (1.23456, "x")}]}) == {"a": [0.1235, {"b": [1.235, "x"]}]}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rounded_figure_is_near_and_rounding_it_again_changes_nothing(value):
    once = shown(value)
    assert shown(once) == once
    allowed = 0.0005 * abs(value) if abs(value) < FOUR_DIGITS_BELOW else 0.00501
    assert once == pytest.approx(value, rel=1e-12, abs=allowed + 5e-324)


def test_a_table_is_described_by_its_rows_and_columns(tmp_path, engine):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_parquet(path)
    metadata = table_metadata(engine, path)
    assert metadata["dagster/row_count"] == 2
    columns = metadata["dagster/column_schema"].columns
    assert [(column.name, column.type) for column in columns] == [("a", "BIGINT"), ("b", "VARCHAR")]


def test_a_plot_is_shown_as_an_inline_picture():
    picture = plot_metadata(b"png").value
    assert picture == f"![plot](data:image/png;base64,{base64.b64encode(b'png').decode()})"
