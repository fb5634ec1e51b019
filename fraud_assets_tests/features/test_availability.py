import pandas as pd
import pytest

from fraud_assets.features.availability import LABEL_KNOWN, label_known_by, labels_follow_the_delay
from fraud_assets.features.lookback import AcceptedRows, canonical
from fraud_assets.records.batches import Roles
from fraud_assets_tests.features.conftest import in_process

BY_DELAY = Roles(target="y", timestamp="t", real_time=True)
BY_COLUMN = Roles(target="y", timestamp="t", label_known_at="k", real_time=True)
DAY = 86_400_000_000


@pytest.fixture
def clocks(tmp_path):
    """`known_us` and `label_known_us` of one row, with a delay of seven days."""

    def of(roles, **columns):
        path = tmp_path / "rows.parquet"
        pd.DataFrame({"source_line": [2], "y": [0], **columns}).to_parquet(path)
        with in_process() as (_, backend):
            row = canonical(backend, AcceptedRows(path, roles), 7).to_pyarrow().to_pylist()[0]
        return row["known_us"], row["label_known_us"]

    return of


def moment(text):
    return pd.Series(pd.to_datetime([text])).astype("datetime64[us]")


def test_a_row_is_known_at_its_timestamp_and_its_label_one_delay_later(clocks):
    assert clocks(BY_DELAY, t=moment("1970-01-02")) == (DAY, 8 * DAY)
    assert labels_follow_the_delay(BY_DELAY)


def test_columns_of_their_own_say_when_row_and_label_were_known(clocks):
    told = {"t": moment("1970-01-02"), "k": moment("1970-01-04")}
    assert clocks(BY_COLUMN, **told) == (DAY, 3 * DAY)
    by_row = Roles(target="y", timestamp="t", known_at="k", real_time=True)
    assert clocks(by_row, **told) == (3 * DAY, 8 * DAY)
    assert not labels_follow_the_delay(BY_COLUMN)
    assert not labels_follow_the_delay(by_row)


def test_seconds_count_from_their_own_start(clocks):
    roles = Roles(target="y", timestamp="t")
    assert clocks(roles, t=[12.5]) == (12_500_000, 12_500_000 + 7 * DAY)


def test_without_a_timestamp_nothing_is_said(clocks):
    assert clocks(Roles(target="y")) == (None, None)


@pytest.mark.parametrize(
    ("moment_", "known"), [("1970-01-08", True), ("1970-01-07 23:59:59.999999", False)]
)
def test_a_cut_in_time_asks_whether_the_label_was_known_by_then(engine, moment_, known):
    sql = f"SELECT {label_known_by(moment_)} FROM (SELECT {7 * DAY} AS {LABEL_KNOWN})"
    assert engine.execute(sql).fetchall() == [(known,)]
