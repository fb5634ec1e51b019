import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fraud_assets.catalog import AcceptedBatch
from fraud_assets.evaluation.comparison import assets
from fraud_assets.evaluation.comparison.assets import (
    ChallengerConfig,
    ComparisonConfig,
    comparison_report,
)
from fraud_assets.records.evaluation import ComparisonReport
from fraud_assets.store import paths
from fraud_assets.store.resources import Engine
from fraud_assets_tests import factories
from fraud_assets_tests.called import RecordingTracking, call, context

N_ROWS = 200


class ByColumn:
    """A model whose score is a column, between 0 and 1."""

    def predict_proba(self, frame):
        scores = frame.iloc[:, 0].to_numpy()
        return np.column_stack([1 - scores, scores])


@pytest.fixture
def compared(home, monkeypatch):
    """Compares a registered version, whose score is `b`, with a challenger whose score is `a`."""
    labels = np.arange(N_ROWS) % 5 == 0
    noise = np.random.default_rng(0).random((2, N_ROWS))
    rows = pd.DataFrame(
        {
            "a": np.clip(0.6 * labels + 0.3 * noise[0], 0, 1),
            "b": np.clip(0.3 * labels + 0.5 * noise[1], 0, 1),
            "fraud_": labels.astype(int),
            "amount_": 50.0,
            "content_key_": np.arange(N_ROWS).astype("uint64"),
        }
    )
    facts = SimpleNamespace(facts=factories.features(features=["a", "b"]))
    trained = SimpleNamespace(model=ByColumn(), features=["a"], decision_threshold=0.5)
    monkeypatch.setattr(assets.tables, "has_table", lambda *_: True)
    monkeypatch.setattr(assets.tables, "load_table", lambda *_: facts)
    monkeypatch.setattr(assets, "window_of", lambda _: ["june"])
    monkeypatch.setattr(assets, "load_rows", lambda *_: rows)
    monkeypatch.setattr(assets, "train_challenger", lambda *_: trained)

    def compare(seen=(), **settings):
        tracking = RecordingTracking(
            version=SimpleNamespace(
                version="1", run_id="r", features=("b",), decision_threshold=0.4
            ),
            load=ByColumn(),
            training_keys=pd.Series(seen, dtype="uint64"),
            run_link="link",
            group_run=grouped,
        )
        challengers = {"champion": ChallengerConfig(version="1"), "sharper": ChallengerConfig()}
        config = ComparisonConfig(challengers=challengers, bootstrap_resamples=50, **settings)
        no_dates = (None, None, None)
        accepted = {
            "june": AcceptedBatch("june", "a", no_dates),
            "broken": AcceptedBatch("broken", "a", no_dates, excluded="implausible"),
        }
        result = call(
            comparison_report,
            context=context("june"),
            config=config,
            engine=Engine(),
            catalog=SimpleNamespace(accepted=lambda: accepted),
            tracking=tracking,
        )
        return result, tracking

    return compare


@contextmanager
def grouped(*_):
    yield "parent"


def written():
    text = (paths.comparison_folder() / "comparison_report.json").read_text()
    return ComparisonReport.from_json(text, "comparison_report.json")


def test_a_registered_version_and_a_trained_challenger_stand_side_by_side(compared):
    result, tracking = compared()
    reference, other = written().table
    assert (reference.challenger, reference.verdict) == ("champion", "reference")
    assert (other.challenger, other.verdict) == ("sharper", "better")
    assert other.rows == reference.rows == N_ROWS
    assert result.metadata["reference"] == "champion"
    assert "| sharper |" in result.metadata["table"].value
    assert [arguments[1] for arguments in tracking.calls["log_child"]] == ["champion", "sharper"]


def test_mlflow_gets_the_same_report_and_only_figures_as_metrics(compared):
    _, tracking = compared()
    ((_, _, as_json),) = tracking.calls["log_json"]
    assert as_json == json.loads(written().to_json())
    *_, figures, tags = tracking.calls["log_child"][0]
    assert all(isinstance(value, int | float) for value in figures.values())
    assert tags == {"fraud.verdict": "reference"}


def test_rows_that_a_registered_version_has_seen_are_left_out(compared):
    compared(seen=range(50))
    assert {row.rows for row in written().table} == {N_ROWS - 50}


def test_a_batch_whose_frauds_were_all_seen_is_refused(compared):
    with pytest.raises(ValueError, match="'june' has no test fraud that no challenger has seen"):
        compared(seen=range(N_ROWS))


def test_another_reference_can_be_named(compared):
    result, _ = compared(reference="sharper")
    assert result.metadata["reference"] == "sharper"
    assert [row.verdict for row in written().table] == ["worse", "reference"]
