from datetime import date

import numpy as np
import pandas as pd

from fraud_assets.records.batches import Roles
from fraud_assets.scoring import score
from fraud_assets.scoring.suppressions import Suppression
from fraud_assets.training.train import fraud_scores
from fraud_assets_tests.conftest import CARD_ROLES, MASKING
from fraud_assets_tests.training.conftest import COLUMNS

THRESHOLD = 0.5
TODAY = date(2026, 6, 1)


def scored(engine, path, model, roles=CARD_ROLES, entries=(), threshold=THRESHOLD):
    scores = path.with_name("scores.parquet")
    score.score_rows(engine, path, CARD_ROLES, model, COLUMNS).to_parquet(scores)
    batch = score.BatchRows(path, scores, roles)
    return score.rank_rows(engine, batch, model, COLUMNS, threshold, list(entries), TODAY)


def test_every_row_is_scored_ranked_and_decided(engine, batch, model):
    frame, path = batch
    found = scored(engine, path, model)
    assert found["rank"].tolist() == list(range(1, 201))
    assert found["score"].is_monotonic_decreasing
    own = found.set_index("source_line").loc[frame["source_line"]]
    assert np.array_equal(own["score"], fraud_scores(model, frame, COLUMNS))
    assert ((own["decision"] == "alert") == (own["score"] >= THRESHOLD)).all()
    assert own["label"].tolist() == frame["TX_FRAUD"].tolist()
    assert own["card"].tolist() == frame["CUSTOMER_ID"].tolist()
    assert found["day"].nunique() == 9


def test_chunks_give_what_one_chunk_gives(engine, batch, model, monkeypatch):
    whole = scored(engine, batch[1], model)
    monkeypatch.setattr(score, "CHUNK_ROWS", 30)
    pd.testing.assert_frame_equal(scored(engine, batch[1], model), whole)


def test_scores_come_in_the_order_of_the_file_with_what_is_known_of_each_row(engine, batch, model):
    frame, path = batch
    found = score.score_rows(engine, path, CARD_ROLES, model, COLUMNS)
    assert dict(found.dtypes.astype(str)).keys() == score.SCORED.keys()
    assert found["source_line"].tolist() == list(range(2, 202))
    assert found["label"].tolist() == frame["TX_FRAUD"].tolist()
    assert found["label_known_us"].tolist() == frame["label_known_us"].tolist()
    assert list(score.no_scores()) == list(found)


def test_alerts_and_no_others_have_reasons(engine, batch, model):
    found = scored(engine, batch[1], model)
    alerts = found["decision"] == "alert"
    assert found.loc[alerts, "reasons"].str.contains(r"\(\+").all()
    assert found.loc[~alerts, "reasons"].isna().all()


def test_alerts_that_are_not_explained_say_why(engine, batch, model, monkeypatch):
    monkeypatch.setattr(score, "explain", lambda *_: None)
    found = scored(engine, batch[1], model)
    assert set(found["reasons"].dropna()) == {score.WITHOUT_SHAP}


def test_suppressed_alerts_are_marked_with_the_reason_and_rows_below_are_not(engine, batch, model):
    entries = [Suppression("terminal", "t0", "a fair", date(2027, 1, 1))]
    found = scored(engine, batch[1], model, entries=entries)
    off = found["decision"] == "suppressed"
    assert off.sum() > 0
    assert ((found["score"] >= THRESHOLD) & (found["terminal"] == "t0")).equals(off)
    assert found["suppressed_because"].notna().equals(off)


def test_data_without_roles_has_none_of_their_columns(engine, batch, model):
    found = scored(engine, batch[1], model, Roles(target="TX_FRAUD"))
    assert found[["transaction_id", "card", "terminal", "amount", "day"]].isna().all().all()


def test_a_batch_without_an_alert_has_no_reasons(engine, batch, model):
    found = scored(engine, batch[1], model, threshold=1.1)
    assert set(found["decision"]) == {"pass"}
    assert found["reasons"].isna().all()


def test_card_numbers_of_features_of_earlier_releases_are_shown_as_tokens_and_suppressed_by_them(
    engine, batch, model
):
    frame, path = batch
    number = "4111111111111111"
    frame.assign(CUSTOMER_ID=number, TRANSACTION_ID=f"T {number}").to_parquet(path)
    entries = [Suppression("card", MASKING.entry("4111-1111-1111-1111"), "r", date(2027, 1, 1))]
    found = scored(engine, path, model, entries=entries)
    assert set(found["card"]) == {MASKING.card(number)}
    assert set(found["transaction_id"]) == {MASKING.text(f"T {number}")}
    assert "suppressed" in set(found["decision"])
    assert "alert" not in set(found["decision"])
