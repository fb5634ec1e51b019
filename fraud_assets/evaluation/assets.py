"""`evaluation_report`: the model on its test rows, next to the champion."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.config.settings import EvaluationSettings
from fraud_assets.evaluation.compare import compare
from fraud_assets.evaluation.evaluate import evaluate, segment_figures
from fraud_assets.evaluation.explain import importance_of_highest
from fraud_assets.evaluation.figures import FIGURES, ScoredRows
from fraud_assets.evaluation.plots import all_plots
from fraud_assets.evaluation.predictions import anonymous, predictions_of
from fraud_assets.evaluation.report import to_markdown
from fraud_assets.evaluation.segments import NEW_CARD_COLUMN, columns_of, segment_rows
from fraud_assets.evaluation.verdicts import worst_verdict
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import plot_metadata, shown
from fraud_assets.metrics import Floats
from fraud_assets.platform.masking import AnotherKeyError
from fraud_assets.records.drift import DriftReport, verdicts_of_batch
from fraud_assets.records.evaluation import (
    Comparison,
    EvaluatedModel,
    EvaluationReport,
    ModelIds,
    NotComparable,
)
from fraud_assets.records.models import TrainedModel
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.tracking import Tracking
from fraud_assets.training.members import window_of
from fraud_assets.training.splits import TEST
from fraud_assets.training.train import fraud_scores, losses_of
from fraud_assets.training.window import load_rows

PREDICTIONS = "test_predictions.parquet"
SHOWN_COLUMNS = 10
"""Missing columns that a message names."""


class EvaluationConfig(EvaluationSettings, dg.Config):
    """Launchpad configuration of `evaluation_report`."""


@batch_asset(kinds={"xgboost", "json"}, code_version="2", io_manager_key="reports")
def evaluation_report(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    splits: tables.SplitTable,
    trained_model: TrainedModel,
    champion_scores: tables.ScoreTable,
    drift_report: DriftReport,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[EvaluationReport]:
    """Frauds caught and missed, false alarms and money, on held-out test rows.

    The main figures have 95% intervals; the champion is evaluated on the same rows.
    """
    model, champion = trained_model, champion_scores
    rows, parts = _load_test_rows(engine, splits, model, config)
    fitted = tracking.load(model.version, model.model_hash)
    scored = _scored(rows, fraud_scores(fitted, rows, model.features), model)
    report = EvaluationReport(
        batch=context.partition_key,
        source_file=model.source.source_file,
        content_hash=model.content_hash,
        ids=ModelIds(mlflow_run_id=model.run_id, model_version=model.version),
        model=EvaluatedModel.of(model, has_amount=not bool(rows["amount_"].isna().all())),
        champion=champion.facts.champion,
        comparison=_comparison(tracking, champion, rows, scored, parts, config),
        slices=segment_figures(scored, parts),
        importance=importance_of_highest(fitted, rows, scored.scores, model.features),
        batch_verdicts=verdicts_of_batch(drift_report),
        **dict(evaluate(scored, config)),
    )
    plots = all_plots(scored, report.reliability, report.importance)
    predictions = predictions_of(rows, scored)
    _log(tracking, report, _write_files(report, plots, predictions))
    frame = anonymous(predictions, rows)
    tracking.log_frame(model.run_id, f"evaluation/{PREDICTIONS}", frame)
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, plots))


def _load_test_rows(
    engine: resources.Engine,
    splits: tables.SplitTable,
    model: TrainedModel,
    settings: EvaluationSettings,
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Return the test rows of a batch, and which part of each segment each of them belongs to."""
    own = window_of(splits)[-1]
    texts = columns_of(settings.segments, model.kinds, own.roles)
    segment_columns = [name for name in (NEW_CARD_COLUMN,) if name in model.batch_features]
    columns = list(dict.fromkeys([*model.features, *segment_columns]))
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, [own], TEST, columns, texts=texts)
    return rows, segment_rows(rows, settings.segments, own.roles.real_time)


def _scored(rows: pd.DataFrame, scores: Floats, model: TrainedModel) -> ScoredRows:
    costs = model.configuration.training.costs
    labels, losses = rows["fraud_"].to_numpy(), losses_of(rows, costs)
    return ScoredRows(labels, scores, losses, model.decision_threshold, costs)


def _comparison(
    tracking: Tracking,
    champion: tables.ScoreTable,
    rows: pd.DataFrame,
    challenger: ScoredRows,
    parts: Mapping[str, pd.Series],
    settings: EvaluationSettings,
) -> Comparison | NotComparable | None:
    """Compare with the champion that scored the batch; None while there is none."""
    facts = champion.facts
    if facts.champion is None or facts.decision_threshold is None:
        return None
    if not facts.is_scored:
        missing = ", ".join(facts.missing_columns[:SHOWN_COLUMNS])
        return NotComparable(reason=f"it reads columns that this batch does not have: {missing}")
    try:
        seen = tracking.training_keys(tracking.version(facts.champion).run_id)
    except AnotherKeyError as error:
        return NotComparable(reason=str(error))
    scores = _champion_scores_of(champion, rows)
    return compare(
        challenger,
        replace(challenger, scores=scores, threshold=facts.decision_threshold),
        rows["content_key_"].isin(seen).to_numpy(),
        parts,
        settings,
    )


def _champion_scores_of(champion: tables.ScoreTable, rows: pd.DataFrame) -> Floats:
    """Return the champion's scores of some rows of the batch, in their order."""
    table = pd.read_parquet(champion.path, columns=["source_line", "score"])
    scores: Floats = table.set_index("source_line")["score"].loc[rows["source_line_"]].to_numpy()
    return scores


def _write_files(
    report: EvaluationReport, plots: Mapping[str, bytes], predictions: pd.DataFrame
) -> list[Path]:
    """Write the files of the report; return those that MLflow gets, too."""
    folder = paths.report_folder(report.batch)
    contents: dict[str, str | bytes] = {f"{name}.png": image for name, image in plots.items()}
    contents["evaluation_report.md"] = to_markdown(report)
    for name, content in contents.items():
        files.write_atomically(folder / name, content)
    files.write_atomically(folder / PREDICTIONS, predictions.to_parquet(index=False))
    return [folder / name for name in contents]


def _log(tracking: Tracking, report: EvaluationReport, report_files: list[Path]) -> None:
    """Log the report to the MLflow run of the model."""
    run_id = report.ids.mlflow_run_id
    tracking.log_figures(run_id, report.metrics)
    tracking.log_files(run_id, report_files, "evaluation")
    as_json = report.model_dump(mode="json")
    tracking.log_json(run_id, "evaluation/evaluation_report.json", as_json)


def _metadata(
    tracking: Tracking, report: EvaluationReport, plots: Mapping[str, bytes]
) -> dict[str, Any]:
    low, high = report.intervals["test_fraud_recall"]
    return {
        "verdict": worst_verdict(report),
        "report": dg.MetadataValue.md(to_markdown(report).split("![precision")[0]),
        "fraud_recall_interval": f"{low:.3f} to {high:.3f}",
        "mlflow_run": tracking.run_link(report.ids.mlflow_run_id),
        "dagster/row_count": report.test.rows,
        **shown({f.name: report.metrics[f.name] for f in FIGURES if f.in_metadata}),
        **{f"plot_{name}": plot_metadata(image) for name, image in plots.items()},
    }
