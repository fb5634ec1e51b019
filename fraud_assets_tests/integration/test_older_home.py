"""A `FRAUD_HOME` that an older release wrote goes on with the next batch."""

import json
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from fraud_assets.config import environment
from fraud_assets.records.drift import DriftReport
from fraud_assets.records.evaluation import EvaluationReport
from fraud_assets.store import paths, reports, tables
from fraud_assets.training.validation_scores import VALIDATION_SCORES
from fraud_assets_tests.homes import tell_mlflow
from fraud_assets_tests.integration.conftest import Homes, cards, failure_of

SETTINGS = {
    "trained_model": {"parameters": {"n_estimators": 30}},
    "evaluation_report": {"bootstrap_resamples": 50},
}


KEPT = Path(__file__).parent / "kept" / "home-0.1.0.tar.xz"
"""A home that release 0.1.0 wrote before records had versions: three batches of three weeks each.

It was written in the folder /tmp/keep; its plots were removed. It is never written anew.
"""


@pytest.fixture
def kept_home(tmp_path):
    before = tmp_path / "kept"
    with tarfile.open(KEPT) as archive:
        archive.extractall(before, filter="data")
    tell_mlflow(before / "var" / "mlflow", "/tmp/keep", str(before))
    homes = Homes(tmp_path)
    with homes.copied("kept", tmp_path / "copy") as graph:
        yield graph


def test_a_home_of_the_first_release_goes_on_with_a_fourth_batch(kept_home):
    frame = cards(3, transactions=2000, fraud_rate=0.06, first_day="2026-03-05")
    result = kept_home.take("fourth", frame, **SETTINGS)
    assert result.success, failure_of(result)
    window = tables.load_table(tables.SplitTable, "fourth").facts.window
    assert [batch for batch, _ in window] == ["first", "second", "third", "fourth"]
    drift = reports.find_report(DriftReport, "fourth")
    assert [point.batch for point in drift.history] == ["second", "third", "fourth"]
    assert [point.batch for point in drift.performance] == ["second", "third", "fourth"]
    assert reports.find_report(EvaluationReport, "fourth").comparison.comparable


def make_older(batch):
    """Keep of a batch what releases before the champion's scores had a table kept, as they did."""
    table = tables.load_table(tables.ScoreTable, batch)
    scores = pd.read_parquet(table.path)
    older = scores[["score", "label", "known_us", "label_known_us"]].astype({"score": "float32"})
    if len(older):
        older.to_parquet(paths.report_folder(batch) / "champion_scores.parquet", index=False)
    features = tables.load_table(tables.FeatureTable, batch)
    facts = features.facts.model_dump(mode="json") | {"champion": table.facts.champion}
    (features.path.parent / "facts.json").write_text(json.dumps(facts))
    for name in (VALIDATION_SCORES, "reference_profile.json"):
        (paths.report_folder(batch) / name).unlink()


@pytest.fixture
def older_home(after_second):
    for batch in ("first", "second"):
        make_older(batch)
    shutil.rmtree(environment.home_folder() / "tables" / "champion_scores")
    shutil.rmtree(environment.home_folder() / "training")
    return after_second


def test_the_next_batch_goes_on_with_the_champion_the_window_and_the_history(older_home):
    frame = cards(2, transactions=2500, fraud_rate=0.06, first_day="2026-02-12")
    result = older_home.take("third", frame, **SETTINGS)
    assert result.success, failure_of(result)
    window = tables.load_table(tables.SplitTable, "third").facts.window
    assert [batch for batch, _ in window] == ["first", "second", "third"]
    drift = reports.find_report(DriftReport, "third")
    assert [point.batch for point in drift.history] == ["second", "third"]
    assert [point.batch for point in drift.performance] == ["second", "third"]
    assert reports.find_report(EvaluationReport, "third").comparison.comparable


def test_what_an_older_release_did_not_keep_says_what_to_materialize(older_home):
    result = older_home.run("second", ["drift_report"])
    assert not result.success
    assert "materialize champion_scores for this batch first" in failure_of(result)
    assert older_home.run("second", ["champion_scores", "drift_report"]).success
