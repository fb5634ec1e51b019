import numpy as np
import pandas as pd
import pytest

from fraud_assets.evaluation.segments import BUILT_IN, columns_of, segment_rows
from fraud_assets_tests.conftest import CARD_ROLES

DAY = 86_400_000_000


@pytest.fixture
def rows():
    n = 40
    return pd.DataFrame(
        {
            "amount_": [*np.arange(n - 1, dtype=float), np.nan],
            "known_us_": np.arange(n) * DAY // 2,
            "card_transactions_30d": [1, 2] * 20,
            "text_country_": ["AT", "DE"] * 19 + [None, "AT"],
        }
    )


def test_every_row_has_one_part_of_each_segment(rows):
    found = segment_rows(rows, [*BUILT_IN, "country"], real_time=True)
    assert list(found) == ["amount_band", "night", "new_card", "week", "country"]
    assert all(parts.notna().all() and len(parts) == len(rows) for parts in found.values())


def test_amount_bands_hold_about_as_many_rows_each_and_missing_amounts_apart(rows):
    counts = segment_rows(rows, ["amount_band"], True)["amount_band"].value_counts()
    assert counts["no amount"] == 1
    assert sorted(counts.drop("no amount")) == [9, 10, 10, 10]


def test_night_new_cards_and_weeks_follow_from_time_and_history(rows):
    found = segment_rows(rows, ["night", "new_card", "week"], True)
    assert found["night"].tolist()[:3] == ["night", "day", "night"]
    assert found["new_card"].tolist()[:2] == ["new card", "card seen before"]
    assert found["week"].tolist()[13:15] == ["week 1", "week 2"]


def test_segments_without_their_columns_are_left_out(rows):
    bare = rows[["amount_"]].assign(amount_=np.nan, known_us_=np.nan)
    assert segment_rows(bare, list(BUILT_IN), real_time=False) == {}


def test_rare_categories_are_put_together_and_missing_ones_named():
    values = pd.DataFrame({"text_mcc_": [*(list("abcdefghijk") * 10), "l", None]})
    found = segment_rows(values, ["mcc"], False)["mcc"]
    assert found.tolist()[-2:] == ["other", "missing"]
    assert found.nunique() == 12


def test_what_a_few_rows_have_is_not_named_however_few_categories_there_are():
    values = pd.DataFrame({"text_mcc_": ["a"] * 10 + ["Zoe Quixote"] * 9})
    assert set(segment_rows(values, ["mcc"], False)["mcc"]) == {"a", "other"}


def test_a_segment_that_is_no_column_is_refused_with_the_names_there_are():
    kinds = {"country": "VARCHAR", "amount": "DOUBLE"}
    assert columns_of(["week", "country"], kinds, CARD_ROLES) == ["country"]
    with pytest.raises(ValueError, match="segments: region is neither.*amount_band.*country"):
        columns_of(["region"], kinds, CARD_ROLES)


@pytest.mark.parametrize("name", ["CUSTOMER_ID", "TRANSACTION_ID", "pan"])
def test_cards_and_transactions_are_no_segments(name):
    kinds = {"CUSTOMER_ID": "VARCHAR", "TRANSACTION_ID": "VARCHAR", "pan": "CARD"}
    with pytest.raises(ValueError, match=f"segments: {name} holds single cards or transactions"):
        columns_of([name], kinds, CARD_ROLES)
