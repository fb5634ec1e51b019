import duckdb
import numpy as np
import pytest

from fraud_assets.drift.profile import Watched
from fraud_assets.drift.read import Scorer, pieces_of
from fraud_assets.intake.contract import Roles
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


class Model:
    def predict_proba(self, inputs):
        share = inputs["Amount"].to_numpy() / 10
        return np.column_stack([1 - share, share])


def test_rows_come_in_the_order_of_the_file_under_the_names_of_the_window(rows):
    with connected() as connection:
        watched = Watched(["Amount"], ["channel"], {}, dates=False)
        (piece,) = pieces_of(connection, rows, watched, ROLES)
    assert piece["Amount"].tolist() == [0, 1, 2, 3, 4]
    assert piece["text_channel_"].tolist() == ["c0", "c1", "c2", "c3", "c4"]
    assert piece["fraud_"].tolist() == [0, 1, 0, 1, 0]
    assert piece["days_known_"].isna().all()


def test_the_champion_scores_what_passes_by(rows):
    scorer = Scorer(Model(), ["Amount"])
    with connected() as connection:
        watched = Watched(["Amount"], [], {}, dates=False)
        passed = list(scorer(pieces_of(connection, rows, watched, ROLES)))
    assert len(passed) == 1
    assert scorer.scored["score"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    assert scorer.scored["label_known_us"].tolist() == [7, 8, 9, 10, 11]


def test_without_a_model_nothing_is_scored(rows):
    scorer = Scorer(None, [])
    with connected() as connection:
        watched = Watched(["Amount"], [], {}, dates=False)
        assert len(list(scorer(pieces_of(connection, rows, watched, ROLES)))) == 1
    assert scorer.scored is None
