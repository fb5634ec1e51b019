import duckdb
import pytest

from fraud_assets.drift.batch_reader import read_chunks
from fraud_assets.drift.profile import Watched
from fraud_assets.records.batches import Roles
from fraud_assets_tests.conftest import connected

ROLES = Roles(target="Class", amount="Amount")


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.parquet"
    duckdb.sql(
        'SELECT 1.0 * i AS "Amount", \'c\' || i AS channel, i % 2 AS "Class", i AS known_us, '
        "i + 7 AS label_known_us, NULL AS days_known FROM range(5) AS t(i)"
    ).write_parquet(str(path))
    return path


def test_rows_come_in_the_order_of_the_file_under_the_names_of_the_window(rows):
    with connected() as connection:
        watched = Watched(["Amount"], ["channel"], {}, dates=False)
        (chunk,) = read_chunks(connection, rows, watched, ROLES)
    assert chunk["Amount"].tolist() == [0, 1, 2, 3, 4]
    assert chunk["text_channel_"].tolist() == ["c0", "c1", "c2", "c3", "c4"]
    assert chunk["fraud_"].tolist() == [0, 1, 0, 1, 0]
    assert chunk["days_known_"].isna().all()
