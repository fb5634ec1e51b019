from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.features.build import (
    Source,
    derived_features,
    features_query,
    load_transactions,
    own_features,
    warm_up_days,
    write_features,
)
from fraud_assets.features.families import WINDOW_FEATURES
from fraud_assets.intake.contract import Roles
from fraud_assets_tests.conftest import CARD_ROLES

DELAY = 7


@st.composite
def small_histories(draw):
    """Rows in time order: hours, cards, terminals, amounts in cents, labels; ties are likely."""
    n = draw(st.integers(1, 40))
    hours = sorted(draw(st.lists(st.integers(0, 60 * 24), min_size=n, max_size=n)))
    return pd.DataFrame(
        {
            "TRANSACTION_ID": [str(i) for i in range(n)],
            "TX_DATETIME": pd.Timestamp("2026-01-01") + pd.to_timedelta(hours, unit="h"),
            "CUSTOMER_ID": draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)),
            "TERMINAL_ID": draw(st.lists(st.sampled_from("xyz"), min_size=n, max_size=n)),
            "TX_AMOUNT": [
                cents / 100
                for cents in draw(st.lists(st.integers(1, 9999), min_size=n, max_size=n))
            ],
            "TX_FRAUD": draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)),
        }
    )


def naive(frame, feature, row):
    """The feature by its definition: a loop over rows, amounts as Decimal."""
    entity = {"card": "CUSTOMER_ID", "terminal": "TERMINAL_ID"}[feature.entity]
    end = row.TX_DATETIME - timedelta(days=DELAY if feature.delayed else 0)
    start = end - timedelta(days=feature.days)
    inside = [
        other
        for other in frame.itertuples()
        if getattr(other, entity) == getattr(row, entity) and start < other.TX_DATETIME <= end
    ]
    if feature.aggregation == "transactions":
        return len(inside)
    if feature.aggregation == "mean_amount":
        return float(sum(Decimal(str(other.TX_AMOUNT)) for other in inside) / len(inside))
    return sum(other.TX_FRAUD for other in inside) / len(inside) if inside else 0.0


def features_of(frame, tmp_path_factory=None, history=()):
    with duckdb.connect() as engine:
        sources = []
        for number, part in enumerate([frame, *history]):
            path = tmp_path_factory.mktemp("parts") / f"{number}.parquet"
            part.to_parquet(path)
            sources.append(Source(path, CARD_ROLES))
        load_transactions(engine, sources[0], sources[1:], DELAY)
        return engine.execute(
            f"SELECT * FROM ({features_query(CARD_ROLES, DELAY)}) ORDER BY row"
        ).df()


@settings(deadline=None, max_examples=25)
@given(small_histories())
def test_window_features_equal_their_definition(tmp_path_factory, frame):
    found = features_of(frame, tmp_path_factory)
    for feature in WINDOW_FEATURES:
        expected = [naive(frame, feature, row) for row in frame.itertuples()]
        assert found[feature.name].to_numpy() == pytest.approx(expected, rel=1e-9), feature.name


@settings(deadline=None, max_examples=20)
@given(small_histories(), st.integers(0, 40))
def test_a_batch_with_its_history_gives_what_one_pass_over_all_rows_gives(
    tmp_path_factory, frame, cut
):
    moment = frame["TX_DATETIME"].iloc[min(cut, len(frame) - 1)]
    early, late = frame[frame["TX_DATETIME"] < moment], frame[frame["TX_DATETIME"] >= moment]
    whole = features_of(frame, tmp_path_factory).tail(len(late)).reset_index(drop=True)
    batch = features_of(late.reset_index(drop=True), tmp_path_factory, [early])
    names = derived_features(CARD_ROLES)
    pd.testing.assert_frame_equal(batch[names], whole[names], rtol=1e-9)


def test_calendar_features_are_those_of_the_transaction(tmp_path_factory):
    frame = pd.DataFrame(
        {
            "TRANSACTION_ID": ["1", "2"],
            "TX_DATETIME": pd.to_datetime(["2026-01-03 06:59", "2026-01-05 07:00"]),
            "CUSTOMER_ID": ["a", "a"],
            "TERMINAL_ID": ["x", "x"],
            "TX_AMOUNT": [1.0, 2.0],
            "TX_FRAUD": [0, 0],
        }
    )
    found = features_of(frame, tmp_path_factory)
    assert found["is_weekend"].tolist() == [1, 0]
    assert found["is_night"].tolist() == [1, 0]
    assert found["hour"].tolist() == [6, 7]


def test_a_label_that_comes_after_the_delay_counts_as_unknown(tmp_path, engine):
    frame = pd.DataFrame(
        {
            "t": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-09"]),
            "shop": ["x", "x", "x"],
            "y": [1, 1, 0],
            "LABEL_KNOWN_AT": pd.to_datetime(["2026-01-02", "2026-01-20", "2026-01-09"]),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    roles = Roles(
        target="y",
        timestamp="t",
        terminal="shop",
        label_known_at="LABEL_KNOWN_AT",
        real_time=True,
    )
    load_transactions(engine, Source(tmp_path / "a.parquet", roles), [], DELAY)
    shares = engine.execute(
        f"SELECT terminal_fraud_share_7d FROM ({features_query(roles, DELAY)}) ORDER BY row"
    ).fetchall()
    assert shares == [(0,), (0,), (0.5,)]


def test_data_without_card_terminal_or_dates_keeps_its_numbers_as_features():
    kinds = {"Time": "DOUBLE", "V1": "DOUBLE", "Amount": "DOUBLE", "Class": "LABEL"}
    roles = Roles(target="Class", timestamp="Time", amount="Amount")
    assert own_features(kinds, roles) == ["Time", "V1", "Amount"]
    assert derived_features(roles) == []
    assert warm_up_days(roles, DELAY) == {}


def test_ids_labels_times_and_label_leaks_are_never_features():
    kinds = {
        "TRANSACTION_ID": "VARCHAR",
        "TX_DATETIME": "TIMESTAMP",
        "CUSTOMER_ID": "VARCHAR",
        "TERMINAL_ID": "VARCHAR",
        "TX_AMOUNT": "DOUBLE",
        "TX_FRAUD_SCENARIO": "DOUBLE",
        "TX_FRAUD": "LABEL",
    }
    assert own_features(kinds, CARD_ROLES) == ["TX_AMOUNT"]


def test_rows_keep_their_order_line_and_columns(transactions_file, transactions, tmp_path, engine):
    source, out = Source(transactions_file, CARD_ROLES), tmp_path / "features.parquet"
    load_transactions(engine, source, [], DELAY)
    write_features(engine, source, DELAY, derived_features(CARD_ROLES), out)
    frame = pd.read_parquet(out)
    assert frame["source_line"].tolist() == list(range(2, len(transactions) + 2))
    assert frame["TRANSACTION_ID"].tolist() == transactions["TRANSACTION_ID"].tolist()
    assert set(derived_features(CARD_ROLES)) <= set(frame)
    assert frame["days_known"].iloc[-1] == pytest.approx(60, abs=1)


def test_each_window_names_the_history_that_fills_it():
    days = warm_up_days(CARD_ROLES, DELAY)
    assert days["card_transactions_30d"] == 30
    assert days["terminal_fraud_share_30d"] == 37
    grouped = defaultdict(int)
    for name in days:
        grouped[name.split("_")[0]] += 1
    assert grouped == {"card": 6, "terminal": 6}
