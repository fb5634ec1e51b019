import pandas as pd
import pytest

from fraud_assets.features.compute import common_delay, own_features, write_features
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets.records.batches import Roles
from fraud_assets_tests.conftest import CARD_ROLES, MASKING
from fraud_assets_tests.features.conftest import BY_LABEL_TIME, in_process


def test_data_without_card_terminal_or_dates_keeps_its_numbers_as_features():
    kinds = {"Time": "DOUBLE", "V1": "DOUBLE", "Amount": "DOUBLE", "Class": "LABEL"}
    roles = Roles(target="Class", timestamp="Time", amount="Amount")
    assert own_features(kinds, roles) == ["Time", "V1", "Amount"]


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


def test_rows_keep_their_order_line_and_columns(transactions_file, transactions, tmp_path):
    source, out = AcceptedRows(transactions_file, CARD_ROLES), tmp_path / "features.parquet"
    derived = features_for(CARD_ROLES)
    with in_process() as (connection, backend):
        span = span_of(backend, source, 7)
        write_features(backend, connection, source, [], span, derived, 7, out)
    frame = pd.read_parquet(out)
    assert frame["source_line"].tolist() == list(range(2, len(transactions) + 2))
    assert frame["TRANSACTION_ID"].tolist() == transactions["TRANSACTION_ID"].tolist()
    names = [feature.name for feature in derived]
    clocks = ["known_us", "label_known_us", "days_known"]
    assert list(frame)[: len(clocks) + transactions.shape[1] + 1] == [
        "source_line",
        *transactions,
        *clocks,
    ]
    assert set(names) == set(frame) - {"source_line", *transactions, *clocks}
    assert frame["days_known"].iloc[-1] == pytest.approx(60, abs=1)


def test_data_without_a_past_is_written_with_what_its_rows_tell(tmp_path):
    rows = pd.DataFrame({"source_line": [2, 3], "a": [1.0, 2.0], "y": [0, 1]})
    rows.to_parquet(tmp_path / "rows.parquet")
    source, out = (
        AcceptedRows(tmp_path / "rows.parquet", Roles(target="y")),
        tmp_path / "out.parquet",
    )
    with in_process() as (connection, backend):
        span = span_of(backend, source, 7)
        write_features(backend, connection, source, [], span, [], 7, out)
    frame = pd.read_parquet(out)
    assert frame["a"].tolist() == [1, 2]
    assert frame["known_us"].isna().all()


def test_the_delay_is_common_only_where_no_batch_says_otherwise(tmp_path):
    plain, own_time = AcceptedRows(tmp_path, CARD_ROLES), AcceptedRows(tmp_path, BY_LABEL_TIME)
    assert common_delay([plain, plain], 7) == 7
    assert common_delay([plain, own_time], 7) is None


def test_features_hold_tokens_in_place_of_card_numbers_and_compute_what_they_did(
    transactions, tmp_path
):
    frame = transactions.head(500).assign(source_line=range(2, 502))
    frame["TX_DATETIME"] = frame["TX_DATETIME"].astype("datetime64[us]")
    frame = frame.astype({"CUSTOMER_ID": str, "TERMINAL_ID": str, "TRANSACTION_ID": str})
    cards = {name: f"{name:0>16}" for name in frame["CUSTOMER_ID"].unique()}
    cards[frame["CUSTOMER_ID"].iloc[0]] = "4111111111111111"
    numbered = frame.assign(
        CUSTOMER_ID=frame["CUSTOMER_ID"].map(cards), TERMINAL_ID="POS 378282246310005"
    )
    found = []
    for rows in (frame.assign(TERMINAL_ID="t"), numbered):
        rows.to_parquet(tmp_path / "rows.parquet")
        source, out = AcceptedRows(tmp_path / "rows.parquet", CARD_ROLES), tmp_path / "out.parquet"
        with in_process() as (connection, backend):
            span = span_of(backend, source, 7)
            write_features(backend, connection, source, [], span, features_for(CARD_ROLES), 7, out)
        found.append(pd.read_parquet(out))
    plain, masked = found
    assert masked["CUSTOMER_ID"].tolist() == [MASKING.card(c) for c in numbered["CUSTOMER_ID"]]
    assert set(masked["TERMINAL_ID"]) == {MASKING.text("POS 378282246310005")}
    assert plain["CUSTOMER_ID"].tolist() == frame["CUSTOMER_ID"].tolist()
    named = ["CUSTOMER_ID", "TERMINAL_ID"]
    pd.testing.assert_frame_equal(masked.drop(columns=named), plain.drop(columns=named))
