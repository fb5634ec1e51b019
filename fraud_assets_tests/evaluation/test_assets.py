import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.limits import worst
from fraud_assets.config.settings import TrainingSettings
from fraud_assets.evaluation import assets
from fraud_assets.evaluation.assets import EvaluationConfig, evaluation_report
from fraud_assets.evaluation.plots import all_plots
from fraud_assets.platform.masking import AnotherKeyError
from fraud_assets.records.evaluation import EvaluationReport
from fraud_assets.store import paths, tables
from fraud_assets.store.resources import Engine
from fraud_assets.training.calibration import CalibratedModel
from fraud_assets.training.estimators import build, fit
from fraud_assets_tests import factories
from fraud_assets_tests.called import RecordingTracking, call, context

N_ROWS = 300
CONFIG = EvaluationConfig(bootstrap_resamples=50, segments=["amount_band"])
MODEL = factories.trained_model(decision_threshold=0.5)


@pytest.fixture(scope="module")
def rows():
    """Test rows as the window has them; frauds have a high value of `a`."""
    generator = np.random.default_rng(0)
    labels = (np.arange(N_ROWS) % 6 == 0).astype(int)
    return pd.DataFrame(
        {
            "a": labels + generator.normal(0, 0.4, N_ROWS),
            "b": generator.normal(size=N_ROWS),
            "source_line_": np.arange(N_ROWS) + 2,
            "content_key_": np.arange(N_ROWS).astype("uint64"),
            "fraud_": labels,
            "amount_": np.arange(N_ROWS, dtype=float),
            "transaction_id_": [f"id {n}" for n in range(N_ROWS)],
        }
    )


@pytest.fixture(scope="module")
def fitted(rows):
    pipeline = build(TrainingSettings(estimator="logistic_regression"))
    fit(pipeline, rows[["a", "b"]], rows["fraud_"])
    return CalibratedModel(pipeline, 1.0, 0.0)


@pytest.fixture(scope="module")
def drawn_once():
    """Draws plots the first time, and returns the same ever after."""
    drawn = {}
    return lambda *shown: drawn or drawn.update(all_plots(*shown)) or drawn


@pytest.fixture
def evaluated(home, rows, fitted, drawn_once, monkeypatch):
    """Evaluates with a champion as of these facts, of which these keys are of its training."""
    own = SimpleNamespace(roles=factories.ROLES)
    monkeypatch.setattr(assets, "window_of", lambda _: [own])
    monkeypatch.setattr(assets, "all_plots", drawn_once)
    monkeypatch.setattr(assets, "load_rows", lambda *_, **__: rows)
    champion_rows = pd.DataFrame(
        {"source_line": rows["source_line_"], "score": rows["a"].clip(0, 1)}
    )
    # In another order than the test rows, and with rows that are in no test.
    path = home / "scores.parquet"
    champion_rows.iloc[::-1].to_parquet(path)

    def evaluate(training_keys=lambda _: pd.Series([], dtype="uint64"), **facts):
        tracking = RecordingTracking(
            load=fitted,
            run_link="link",
            version=SimpleNamespace(run_id="run of the champion"),
            training_keys=training_keys,
        )
        result = call(
            evaluation_report,
            context=context("june"),
            config=CONFIG,
            splits=None,
            trained_model=MODEL,
            champion_scores=tables.ScoreTable(path, factories.champion_scores(**facts)),
            drift_report=factories.drift_report(verdict="watch"),
            engine=Engine(),
            tracking=tracking,
        )
        return result, tracking

    return evaluate


def test_the_first_model_has_figures_and_nothing_to_compare_with(evaluated):
    result, tracking = evaluated(champion=None, decision_threshold=None)
    report = result.value
    assert isinstance(report, EvaluationReport)
    assert (report.batch, report.ids.model_version) == ("june", MODEL.version)
    assert (report.test.rows, report.test.frauds) == (N_ROWS, N_ROWS // 6)
    assert report.comparison is report.champion is None
    assert len(report.slices) == 4
    assert next(iter(report.importance)) == "a"
    assert tracking.calls["load"] == [(MODEL.version, MODEL.model_hash)]
    assert "training_keys" not in tracking.calls


def test_the_page_shows_the_verdict_and_rounded_figures(evaluated):
    result, _ = evaluated(champion=None, decision_threshold=None)
    metadata, metrics = result.metadata, result.value.metrics
    assert metadata["verdict"] in ("good", "watch", "critical")
    assert metadata["net_savings"] == round(metrics["net_savings"], 2)
    assert metadata["test_brier_score"] == float(f"{metrics['test_brier_score']:.4g}")
    assert metadata["frauds_missed_count"] == metrics["frauds_missed_count"]
    assert metadata["dagster/row_count"] == N_ROWS
    assert {"plot_confusion", "plot_importance"} <= set(metadata)


def test_report_plots_and_predictions_are_kept_and_mlflow_gets_no_ids(evaluated):
    result, tracking = evaluated(champion=None, decision_threshold=None)
    folder = paths.report_folder("june")
    assert (folder / "evaluation_report.md").read_text().startswith("# Fraud detection on batch")
    assert pd.read_parquet(folder / "test_predictions.parquet")["transaction_id"][0] == "id 0"
    ((_, files, _),) = tracking.calls["log_files"]
    assert {file.name for file in files} >= {"evaluation_report.md", "threshold.png"}
    assert "test_predictions.parquet" not in {file.name for file in files}
    ((_, _, frame),) = tracking.calls["log_frame"]
    assert "id 0" not in frame.to_csv()
    ((_, _, as_json),) = tracking.calls["log_json"]
    assert json.dumps(as_json, sort_keys=True) == json.dumps(
        json.loads(result.value.to_json()), sort_keys=True
    )


def test_the_champion_is_compared_on_the_rows_that_it_has_not_seen(evaluated):
    result, tracking = evaluated(lambda _: pd.Series(range(60), dtype="uint64"))
    comparison = result.value.comparison
    assert comparison.comparable
    assert (comparison.rows, comparison.rows_seen_by_champion) == (N_ROWS - 60, 60)
    assert comparison.average_precision == pytest.approx(
        comparison.champion_average_precision, abs=0.1
    )
    assert tracking.calls["training_keys"] == [("run of the champion",)]
    assert result.value.champion == "1"


def test_a_champion_that_misses_columns_is_not_compared_and_some_of_them_are_named(evaluated):
    result, _ = evaluated(missing_columns=[f"column{n}" for n in range(12)])
    comparison = result.value.comparison
    assert not comparison.comparable
    assert comparison.reason.endswith(
        "does not have: " + ", ".join(f"column{n}" for n in range(10))
    )


def test_a_champion_whose_training_keys_have_another_key_is_not_compared(evaluated):
    def refuse(_):
        raise AnotherKeyError("hashed with another key")

    result, _ = evaluated(refuse)
    assert result.value.comparison.reason == "hashed with another key"


def test_the_report_has_the_verdicts_on_the_batch_and_gives_the_worst_of_all(evaluated):
    result, _ = evaluated()
    batch = {"drift_score": "watch", "drifted_features": "good", "batch_plausible": "good"}
    assert result.value.batch_verdicts == batch
    assert result.metadata["verdict"] == worst([*result.value.verdicts.values(), "watch"])
    text = (paths.report_folder("june") / "evaluation_report.md").read_text()
    assert "drift_score is watch; drifted_features is good" in text
