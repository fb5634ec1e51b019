"""`evaluation_report`: a model on its test rows; `comparison_report`: several, on past ones."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import (
    ChallengerSettings,
    ComparisonSettings,
    Costs,
    EvaluationSettings,
    TrainingSettings,
)
from fraud_assets.evaluation import challengers
from fraud_assets.evaluation.evaluate import Scored, compare, evaluate, scored, slices
from fraud_assets.evaluation.explain import explain
from fraud_assets.evaluation.plots import all_plots
from fraud_assets.evaluation.report import to_markdown, worst_verdict
from fraud_assets.evaluation.segments import NEW_CARD_COLUMN, columns_of, segment_rows
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import plot_metadata
from fraud_assets.metrics import Floats
from fraud_assets.platform.masking import AnotherKeyError
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import ChampionScores
from fraud_assets.records.models import TrainedModel
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.text import named as quoted
from fraud_assets.tracking import Tracking
from fraud_assets.training.members import window_of
from fraud_assets.training.splits import TEST, TRAIN, VALIDATION
from fraud_assets.training.train import fraud_scores, losses_of, train, validation_days
from fraud_assets.training.tuned import with_tuned
from fraud_assets.training.window import load_rows

EXPLAINED_ROWS = 1000
SHOWN_FEATURES = 30
LAST_BATCHES = 3
PREDICTIONS = "test_predictions.parquet"


class EvaluationConfig(EvaluationSettings, dg.Config):
    """Launchpad configuration of `evaluation_report`."""


@batch_asset(kinds={"xgboost", "json"}, code_version="2", io_manager_key="reports")
def evaluation_report(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    splits: tables.SplitTable,
    trained_model: TrainedModel,
    champion_scores: tables.ScoreTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """Frauds caught and missed, false alarms and money, on rows that chose nothing.

    Every figure has its 95% interval; the champion is judged on the same rows.
    """
    batch, model = context.partition_key, trained_model
    costs, champion = _costs_of(model), champion_scores.facts
    own, threshold = window_of(splits)[-1:], model.decision_threshold
    texts = columns_of(config.segments, model.kinds, own[0].roles)
    columns = list(dict.fromkeys([*model.features, *_segment_columns(model)]))
    fitted = tracking.load(model.version, model.model_hash)
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, own, TEST, columns, texts=texts)
        labels, losses = rows["fraud_"].to_numpy(), losses_of(rows, costs)
        scores = fraud_scores(fitted, rows, model.features)
        parts = segment_rows(rows, config.segments, own[0].roles.real_time)
    ours = scored(labels, scores, threshold, losses, costs)
    theirs = _scores_at(champion_scores, rows) if champion.is_scored else None
    report = {
        "batch": batch,
        "source_file": model.source.source_file,
        "content_hash": model.content_hash,
        "ids": {"mlflow_run_id": model.run_id, "model_version": model.version},
        "model": _model_of(model, costs, rows),
        "champion": champion.champion,
        "comparison": _comparison(tracking, champion, theirs, rows, ours, costs, parts, config),
        "slices": slices(labels, scores, threshold, parts),
        "importance": _importance(fitted, rows, scores, model.features),
        **evaluate(labels, scores, losses, threshold, costs, config),
    }
    plots = all_plots(
        labels, scores, losses, threshold, costs, report["reliability"], report["importance"]
    )
    predictions = _predictions(rows, scores >= threshold, scores)
    files = _write_files(batch, report, plots, predictions)
    tracking.log_figures(model.run_id, report["metrics"])
    tracking.log_files(model.run_id, files, "evaluation")
    tracking.log_frame(model.run_id, f"evaluation/{PREDICTIONS}", _without_ids(predictions, rows))
    tracking.log_json(model.run_id, "evaluation/evaluation_report.json", report)
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, plots))


def _costs_of(model: TrainedModel) -> Costs:
    """Return the costs that a model was trained at."""
    return model.configuration.training.costs


def _segment_columns(model: TrainedModel) -> list[str]:
    return [NEW_CARD_COLUMN] if NEW_CARD_COLUMN in model.batch_features else []


def _importance(
    model: Any, rows: pd.DataFrame, scores: Floats, columns: list[str]
) -> dict[str, float]:
    """Return the mean contributions over the highest scores: what alerts are made of."""
    highest = np.argsort(-scores, kind="stable")[:EXPLAINED_ROWS]
    found = explain(model, rows.iloc[highest], columns)
    if found is None:
        return {}
    largest = found.importance().head(SHOWN_FEATURES)
    return {str(name): float(value) for name, value in largest.items()}


def _scores_at(champion_scores: tables.ScoreTable, rows: pd.DataFrame) -> Floats:
    """Return the champion's scores of some rows of the batch."""
    found = pd.read_parquet(champion_scores.path, columns=["source_line", "score"])
    scores: Floats = found.set_index("source_line")["score"].loc[rows["source_line_"]].to_numpy()
    return scores


def _comparison(
    tracking: Tracking,
    champion: ChampionScores,
    scores: Floats | None,
    rows: pd.DataFrame,
    ours: Scored,
    costs: Costs,
    parts: dict[str, pd.Series],
    settings: EvaluationSettings,
) -> dict[str, Any] | None:
    """Compare with the champion that scored the batch."""
    if champion.champion is None or champion.decision_threshold is None:
        return None
    if scores is None:
        missing = ", ".join(champion.missing_columns[:10])
        reason = f"it reads columns that this batch does not have: {missing}"
        return {"comparable": False, "reason": reason}
    try:
        seen = tracking.training_keys(tracking.version(champion.champion).run_id)
    except AnotherKeyError as error:
        return {"comparable": False, "reason": str(error)}
    labels, losses = rows["fraud_"].to_numpy(), losses_of(rows, costs)
    theirs = scored(labels, scores, champion.decision_threshold, losses, costs)
    return compare(rows, ours, theirs, seen, parts, settings)


def _model_of(model: TrainedModel, costs: Costs, rows: pd.DataFrame) -> dict[str, Any]:
    training = model.configuration.training
    return {
        "estimator": str(training.estimator),
        "decision_threshold": model.decision_threshold,
        "threshold_rule": str(training.threshold_rule),
        "threshold_neighbours": [p.model_dump() for p in model.threshold_neighbours],
        "imbalance": str(training.imbalance),
        "calibration": model.calibration.model_dump(),
        "split_mode": model.split_mode,
        "window": [list(member) for member in model.window],
        "configuration_hash": model.configuration_hash,
        "costs": costs.model_dump(),
        "has_amount": not bool(rows["amount_"].isna().all()),
    }


def _predictions(rows: pd.DataFrame, alerts: Any, scores: Floats) -> pd.DataFrame:
    """Return what the model said of each test row, for those who may see which row it is."""
    return pd.DataFrame(
        {
            "transaction_id": rows["transaction_id_"],
            "source_line": rows["source_line_"],
            "score": scores,
            "decision": alerts,
            "label": rows["fraud_"],
        }
    )


def _without_ids(predictions: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return predictions for MLflow: a keyed hash of each row in place of its id and its line."""
    named = predictions.drop(columns=["transaction_id", "source_line"])
    named.insert(0, "row", [f"{key:016x}" for key in rows["content_key_"]])
    return named


def _write_files(
    batch: str, report: dict[str, Any], plots: dict[str, bytes], predictions: pd.DataFrame
) -> list[Path]:
    """Write the files of the report; return those that go to MLflow as they are."""
    folder = paths.report_folder(batch)
    contents: dict[str, str | bytes] = {f"{name}.png": image for name, image in plots.items()}
    contents["evaluation_report.md"] = to_markdown(report)
    for name, content in contents.items():
        files.write_atomically(folder / name, content)
    files.write_atomically(folder / PREDICTIONS, predictions.to_parquet(index=False))
    return [folder / name for name in contents]


def _metadata(
    tracking: Tracking, report: dict[str, Any], plots: dict[str, bytes]
) -> dict[str, Any]:
    low, high = report["intervals"]["test_fraud_recall"]
    shown = (
        "test_fraud_f1",
        "test_fraud_precision",
        "test_fraud_recall",
        "test_average_precision",
        "frauds_detected_count",
        "frauds_missed_count",
        "false_alarms_count",
        "false_alarm_rate",
        "net_savings",
        "return_on_investment",
        "test_brier_score",
    )
    return {
        "verdict": worst_verdict(report),
        "report": dg.MetadataValue.md(to_markdown(report).split("![precision")[0]),
        "fraud_recall_interval": f"{low:.3f} to {high:.3f}",
        "mlflow_run": tracking.run_link(report["ids"]["mlflow_run_id"]),
        "dagster/row_count": report["test"]["rows"],
        **{name: report["metrics"][name] for name in shown},
        **{f"plot_{name}": plot_metadata(image) for name, image in plots.items()},
    }


class ChallengerConfig(ChallengerSettings, dg.Config):
    """A challenger in the launchpad."""


class ComparisonConfig(ComparisonSettings, dg.Config):
    """Launchpad configuration of `comparison_report`."""

    challengers: dict[str, ChallengerConfig] = Field(
        description="By a name of your own: what each is trained like, or its registered version."
    )


@dg.asset(kinds={"mlflow", "json"}, code_version="1", deps=["splits"])
def comparison_report(
    context: dg.AssetExecutionContext,
    config: ComparisonConfig,
    engine: resources.Engine,
    catalog: BatchCatalog,
    tracking: Tracking,
) -> dg.MaterializeResult[None]:
    """Challengers side by side on past batches: the A/B table, or the backtest of a change.

    Materialized by hand, when wanted. Each challenger is trained for each batch on what was
    known then, or is a registered version; money is counted at the costs of the reference.
    """
    settings = ComparisonSettings(**config.model_dump(exclude={"challengers"}))
    named = {n: ChallengerSettings(**c.model_dump()) for n, c in config.challengers.items()}
    reference = settings.reference or next(iter(named), "")
    if reference not in named:
        raise dg.Failure(f"reference {reference!r} is none of the challengers {list(named)}")
    outcomes: dict[str, list[challengers.Outcome]] = {name: [] for name in named}
    for batch, content_hash in _past_batches(catalog, settings.batches):
        context.log.info(f"batch {batch}: {', '.join(named)}")
        for name, outcome in _judge(
            batch, content_hash, named, named[reference].costs, engine, tracking
        ).items():
            outcomes[name].append(outcome)
    table = challengers.side_by_side(outcomes, reference, settings)
    text = challengers.to_markdown(table, settings.promotion_confidence)
    about = {
        "challengers": {n: c.model_dump(mode="json") for n, c in named.items()},
        "settings": settings.model_dump(mode="json"),
        "table": table,
    }
    folder = paths.comparison_folder()
    files.write_atomically(folder / "comparison_report.json", to_json(about))
    files.write_atomically(folder / "comparison_report.md", text)
    run_id = _log_comparison(context, tracking, about, text)
    return dg.MaterializeResult(
        metadata={
            "table": dg.MetadataValue.md(text),
            "reference": reference,
            "mlflow_run": tracking.run_link(run_id),
            "report": dg.MetadataValue.path(folder / "comparison_report.json"),
        }
    )


def _past_batches(catalog: BatchCatalog, wanted: list[str]) -> list[tuple[str, str]]:
    """Return batches with splits, and their content hashes, in the order of arrival."""
    known = {
        accepted.batch: accepted.content_hash
        for accepted in catalog.accepted().values()
        if tables.has_table("splits", accepted.batch, accepted.content_hash)
    }
    missing = [batch for batch in wanted if batch not in known]
    if missing or not known:
        raise dg.Failure(
            f"batches: {', '.join(missing) or 'none'} has splits; there are "
            f"{', '.join(known) or 'no batches yet: drop a CSV first'}"
        )
    chosen = [batch for batch in known if batch in wanted] or list(known)[-LAST_BATCHES:]
    return [(batch, known[batch]) for batch in chosen]


def _judge(
    batch: str,
    content_hash: str,
    named: dict[str, ChallengerSettings],
    costs: Costs,
    engine: resources.Engine,
    tracking: Tracking,
) -> dict[str, challengers.Outcome]:
    """Let every challenger judge the test rows of a batch that no registered one has seen."""
    features = tables.load_table(tables.FeatureTable, batch, content_hash)
    splits_ = tables.load_table(tables.SplitTable, batch, content_hash)
    columns, found = features.facts.features, {}
    with engine.connect("features", "splits") as connection:
        own = window_of(splits_)[-1:]
        rows = load_rows(connection, own, TEST, columns)
        versions = [tracking.version(c.version) for c in named.values() if c.version]
        for version in versions:
            rows = rows[~rows["content_key_"].isin(tracking.training_keys(version.run_id))]
        labels, losses = rows["fraud_"].to_numpy(), losses_of(rows, costs)
        if not labels.any():
            raise dg.Failure(f"batch {quoted(batch)} has no test fraud that no challenger has seen")
        for name, challenger in named.items():
            scores, threshold = _scores_of(challenger, splits_, columns, rows, connection, tracking)
            ours = scored(labels, scores, threshold, losses, costs)
            found[name] = challengers.Outcome(batch, labels, scores >= threshold, ours)
    return found


def _scores_of(
    challenger: ChallengerSettings,
    splits_: tables.SplitTable,
    columns: list[str],
    rows: pd.DataFrame,
    connection: Any,
    tracking: Tracking,
) -> tuple[Floats, float]:
    """Return a challenger's scores of some rows, and its threshold."""
    if challenger.version:
        version = tracking.version(challenger.version)
        model = tracking.load(version.version)
        return fraud_scores(model, rows, version.features), version.decision_threshold
    members, known_by = window_of(splits_), splits_.facts.test_start
    members = members[-(challenger.window_batches or len(members)) :]
    fitting, validation = (
        load_rows(connection, members, split, columns, known_by) for split in (TRAIN, VALIDATION)
    )
    own = challenger.model_dump(exclude={"version", "window_batches"})
    settings, _ = with_tuned(TrainingSettings(**own))
    days = validation_days(splits_.facts.settings, splits_.facts.mode, fitting, validation)
    fitted = train(fitting, validation, columns, settings, days)
    return fraud_scores(fitted.model, rows, fitted.features), fitted.decision_threshold


def _log_comparison(
    context: dg.AssetExecutionContext, tracking: Tracking, about: dict[str, Any], text: str
) -> str:
    with tracking.group_run(context, "comparison", {}) as parent:
        tracking.log_text(parent, "comparison_report.md", text)
        tracking.log_json(parent, "comparison_report.json", about)
        for row in about["table"][: len(about["challengers"])]:
            figures = {n: v for n, v in row.items() if isinstance(v, int | float)}
            name = row["challenger"]
            tracking.log_child(
                parent, name, about["challengers"][name], figures, {"fraud.verdict": row["verdict"]}
            )
    return parent
