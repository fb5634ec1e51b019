"""`splits`, `tuned_parameters` and `trained_model`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import SplitSettings, TrainingSettings, TuningSettings
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import shown, table_metadata
from fraud_assets.platform.masking import masking
from fraud_assets.platform.outages import resumed_runs
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import SplitCounts, Splits
from fraud_assets.records.models import ModelFacts, TrainedModel, TunedParameters
from fraud_assets.store import paths, resources, tables
from fraud_assets.tracking import BATCH_TAG, MODEL_FACTS, TRAINING_KEYS, Tracking
from fraud_assets.training.batch_splits import split_batch
from fraud_assets.training.members import earlier_splits, note_assignment, window_before, window_of
from fraud_assets.training.model_facts import is_same_model, model_facts, model_source
from fraud_assets.training.splits import TRAIN, VALIDATION
from fraud_assets.training.train import example_of, train, validation_days
from fraud_assets.training.tuned import save_tuned, with_tuned
from fraud_assets.training.tuning import Trial, tune
from fraud_assets.training.validation_scores import keep_validation_scores
from fraud_assets.training.window import load_rows


class SplitConfig(SplitSettings, dg.Config):
    """Launchpad configuration of `splits`."""


class TrainingConfig(TrainingSettings, dg.Config):
    """Launchpad configuration of `trained_model`."""


@batch_asset(kinds={"duckdb", "parquet"}, code_version="2", io_manager_key="tables")
def splits(
    config: SplitConfig,
    features: tables.FeatureTable,
    engine: resources.Engine,
    catalog: BatchCatalog,
) -> dg.MaterializeResult[tables.SplitTable]:
    """Which row is for training, which for validation, and which for the test.

    A row is assigned once, by its content. Train and validation rows come from all batches of the
    window, test rows from the batch itself.
    """
    batch, content_hash = features.facts.batch, features.facts.content_hash
    settings = SplitSettings(**config.model_dump())
    accepted = tables.load_table(tables.RawTable, batch, content_hash)
    window = window_before(catalog, features, settings.window_batches)
    earlier = earlier_splits(catalog, batch, settings)
    rows = tables.new_rows_file("splits", batch)
    with engine.connect("raw_transactions", "features", "splits") as connection:
        facts = split_batch(
            connection, features.facts, features.path, accepted.path, settings, earlier, window,
            masking().key_id, rows,
        )  # fmt: skip
        metadata = table_metadata(connection, rows)
    note_assignment(facts)
    return dg.MaterializeResult(
        value=tables.SplitTable(rows, facts), metadata=metadata | _split_metadata(facts)
    )


def _split_metadata(splits: Splits) -> dict[str, Any]:
    times = {"validation_start": splits.validation_start, "test_start": splits.test_start}
    return {
        "mode": str(splits.mode),
        **{name: time for name, time in times.items() if time},
        "window": [batch for batch, _ in splits.window],
        "splits": counts_table(splits.counts),
    }


def counts_table(counts: dict[str, SplitCounts]) -> dg.TableMetadataValue:
    """Return rows and frauds by split, as a table for the asset's page.

    Parameters
    ----------
    counts : dict of str to SplitCounts
        Rows and frauds of each split.

    Returns
    -------
    TableMetadataValue
    """
    return dg.MetadataValue.table(
        [dg.TableRecord({"split": split, **n.model_dump()}) for split, n in counts.items()]
    )


class TuningConfig(TuningSettings, dg.Config):
    """Launchpad configuration of `tuned_parameters`."""


@batch_asset(kinds={"optuna", "mlflow"}, code_version="1", io_manager_key="reports")
def tuned_parameters(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[TunedParameters]:
    """The best parameters that Optuna found for an estimator; later trainings use them.

    Materialized on demand. The search uses train rows only, in folds in time order, and continues
    the study of earlier materializations for the same batch and settings.
    """
    batch, columns = context.partition_key, features.facts.features
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, window_of(splits), TRAIN, columns, splits.facts.test_start)
    about = {"batch": batch, "content_hash": features.facts.content_hash}
    settings = TuningSettings(**config.model_dump())
    name = f"tuning {settings.estimator} on {batch}"
    with tracking.group_run(context, name, {BATCH_TAG: batch}) as parent:

        def report(trial: Trial) -> None:
            context.log.info(trial.sentence())
            tags = {BATCH_TAG: batch, "fraud.trial_state": trial.state}
            child = f"trial {trial.number}"
            tracking.log_child(parent, child, trial.parameters, trial.figures(), tags)

        study = paths.tuning_folder() / "studies.db"
        best = tune(rows, columns, settings, study, to_json(about), report)
    tuned = TunedParameters(
        **about, estimator=settings.estimator, mlflow_run_id=parent, **vars(best)
    )
    return dg.MaterializeResult(
        value=tuned, metadata=_tuning_metadata(tracking, tuned, save_tuned(tuned))
    )


def _tuning_metadata(tracking: Tracking, tuned: TunedParameters, path: Path) -> dict[str, Any]:
    return {
        "average_precision": shown(tuned.average_precision),
        "average_precision_of_defaults": shown(tuned.average_precision_of_defaults),
        "parameters": dg.MetadataValue.json(shown(tuned.parameters)),
        "trials": tuned.trials,
        "trials_pruned": tuned.pruned,
        "mlflow_run": tracking.run_link(tuned.mlflow_run_id),
        "used_by_the_next_training": dg.MetadataValue.path(path),
    }


@batch_asset(kinds={"xgboost", "mlflow"}, code_version="1", io_manager_key="reports")
def trained_model(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[TrainedModel]:
    """A fitted model and its decision threshold, registered in MLflow as the challenger."""
    settings, tuned_on = with_tuned(TrainingSettings(**config.model_dump()))
    source = model_source(features.facts, splits.facts, settings, tuned_on)
    decided = tracking.decided_model(resumed_runs(context.instance, context.run))
    if decided is not None and is_same_model(decided, source):
        context.log.info(f"reusing version {decided.version}, trained by an interrupted run")
        return dg.MaterializeResult(value=decided, metadata=_model_metadata(tracking, decided))
    columns, known_by = features.facts.features, splits.facts.test_start
    with engine.connect("features", "splits") as connection:
        rows, validation = (
            load_rows(connection, window_of(splits), split, columns, known_by)
            for split in (TRAIN, VALIDATION)
        )
    context.log.info(f"{settings.estimator}: {len(rows):,} train rows x {len(columns)} features")
    provenance = source.source.model_dump(exclude={"record_version"})
    tags = {f"fraud.{name}": str(value) for name, value in provenance.items()}
    with tracking.training_run(context, source.batch, tags) as run_id:
        days = validation_days(splits.facts.settings, splits.facts.mode, rows, validation)
        fitted = train(rows, validation, columns, settings, days)
        threshold = fitted.decision_threshold
        context.log.info(f"{fitted.iterations} iterations, threshold {threshold:.4f}")
        keep_validation_scores(source.batch, fitted.validation_scores)
        facts = model_facts(source, fitted)
        artifacts = _log_training(tracking, run_id, facts, [rows, validation])
        example = example_of(rows[fitted.features])
        version, model_hash = tracking.register(run_id, fitted.model, example, tags)
    model = TrainedModel(
        **dict(facts), run_id=run_id, version=version, model_hash=model_hash, artifacts=artifacts
    )
    return dg.MaterializeResult(value=model, metadata=_model_metadata(tracking, model))


def _log_training(
    tracking: Tracking, run_id: str, facts: ModelFacts, used: Sequence[pd.DataFrame]
) -> dict[str, str]:
    """Log a training to its MLflow run; return the SHA-256 of the artifacts by name."""
    training = facts.configuration.training.model_dump(mode="json")
    parameters = {k: v for k, v in training.items() if k != "parameters"}
    parameters |= {f"parameters.{k}": v for k, v in training["parameters"].items()}
    parameters |= {
        "split_mode": facts.split_mode,
        "window": ", ".join(batch for batch, _ in facts.window)[:500],
        "n_features": len(facts.features),
        "content_hash": facts.content_hash,
        "decision_threshold": facts.decision_threshold,
        **{f"{split}_rows": counts.rows for split, counts in facts.counts.items()},
    }
    tracking.log_parameters(run_id, parameters)
    threshold = {"decision_threshold": facts.decision_threshold}
    tracking.log_figures(run_id, facts.validation | threshold)
    keys = pd.concat([rows["content_key_"] for rows in used])
    return {
        MODEL_FACTS: tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json")),
        TRAINING_KEYS: tracking.log_training_keys(run_id, keys),
    }


def _model_metadata(tracking: Tracking, model: TrainedModel) -> dict[str, Any]:
    return {
        "mlflow_run": tracking.run_link(model.run_id),
        "mlflow_run_id": model.run_id,
        "model_version": tracking.version_link(model.version),
        "version": model.version,
        "estimator": str(model.configuration.training.estimator),
        "decision_threshold": shown(model.decision_threshold),
        "iterations": model.iterations,
        "parameters_tuned_on": model.tuned_on or "not tuned",
        "dagster/row_count": model.counts["train"].rows,
        "splits": counts_table(model.counts),
        "configuration": dg.MetadataValue.json(model.configuration.model_dump(mode="json")),
        **shown(model.validation),
    }
