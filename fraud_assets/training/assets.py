"""`splits`, `tuned_parameters` and `trained_model`."""

import hashlib
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import SplitSettings, TrainingSettings, TuningSettings
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import table_metadata
from fraud_assets.platform.masking import masking
from fraud_assets.platform.outages import runs_to_take_up
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import SplitCounts, Splits
from fraud_assets.records.models import (
    Calibration,
    Configuration,
    ModelFacts,
    ModelSource,
    TrainedModel,
)
from fraud_assets.store import files, object_store, paths, resources, tables
from fraud_assets.tracking import BATCH_TAG, MODEL_FACTS, TRAINING_KEYS, Tracking
from fraud_assets.training import assignments
from fraud_assets.training import splits as splitting
from fraud_assets.training.members import assignment_of, earlier_splits, window_before, window_of
from fraud_assets.training.train import FittedModel, example_of, train, validation_days
from fraud_assets.training.tuned import with_tuned
from fraud_assets.training.tuning import Trial, tune
from fraud_assets.training.validation_scores import keep_validation_scores
from fraud_assets.training.window import (
    Member,
    count_rows,
    load_rows,
    straddling_contents,
    unassigned_rows,
)

SAME_MODEL = ("batch", "content_hash", "configuration_hash", "window", "batch_features")
"""Facts that make a model; the champion beside it may be the model itself by now."""


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
    """Which row is for training, for the threshold, and for the test.

    Assigned once, by content; the window names the batches whose train and validation rows
    are used, the test rows are those of the batch itself.
    """
    known = features.facts
    batch, content_hash = known.batch, known.content_hash
    past = window_before(catalog, features, config.window_batches)
    rows = tables.new_rows_file("splits", batch)
    accepted = tables.load_table(tables.RawTable, batch, content_hash)
    settings = SplitSettings(**config.model_dump())
    with engine.connect("raw_transactions", "features", "splits") as connection:
        cuts = splitting.plan_cuts(
            connection, features.path, known.roles, known.label_delay_days, settings
        )
        splitting.write_splits(
            connection, features.path, accepted.path, list(known.kinds), known.roles, settings,
            cuts, earlier_splits(catalog, batch, settings), rows,
        )  # fmt: skip
        own = Member(batch, features.path, rows, known.roles, known.kinds)
        members = [*past, own]
        facts = Splits(
            batch=batch,
            content_hash=content_hash,
            hash_key_id=masking().key_id,
            settings=settings,
            mode=cuts.mode,
            validation_start=cuts.validation_start,
            test_start=cuts.test_start,
            window=[(m.batch, m.features.parent.name) for m in members],
            counts=count_rows(connection, members, cuts.test_start),
            straddling_contents=straddling_contents(connection, members),
            unassigned_rows=unassigned_rows(connection, own),
        )
        metadata = table_metadata(connection, rows)
    assignments.note(paths.assignments_path(), assignment_of(facts))
    object_store.push(paths.assignments_path())
    times = {"validation_start": facts.validation_start, "test_start": facts.test_start}
    return dg.MaterializeResult(
        value=tables.SplitTable(rows, facts),
        metadata=metadata
        | {"mode": str(facts.mode)}
        | {name: time for name, time in times.items() if time}
        | {"window": [m.batch for m in members], "splits": counts_table(facts.counts)},
    )


def counts_table(counts: dict[str, SplitCounts]) -> dg.TableMetadataValue:
    """Return rows and frauds by split as a table for the asset's page."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"split": name, **of.model_dump()}) for name, of in counts.items()]
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
) -> dg.MaterializeResult[dict[str, Any]]:
    """The best parameters that Optuna found for an estimator; the next trainings use them.

    Materialized by hand, when wanted. It looks at train rows only, in folds in time order, and
    goes on with the trials of earlier materializations for the same batch and settings.
    """
    batch, columns = context.partition_key, features.facts.features
    with engine.connect("features", "splits") as connection:
        rows = load_rows(
            connection, window_of(splits), splitting.TRAIN, columns, splits.facts.test_start
        )
    about = {"batch": batch, "content_hash": features.facts.content_hash}
    settings = TuningSettings(**config.model_dump())
    name = f"tuning {settings.estimator} on {batch}"
    with tracking.group_run(context, name, {BATCH_TAG: batch}) as parent:

        def note(trial: Trial) -> None:
            context.log.info(trial.sentence())
            tags = {BATCH_TAG: batch, "fraud.trial_state": trial.state}
            child = f"trial {trial.number}"
            tracking.log_child(parent, child, trial.parameters, trial.figures(), tags)

        study = paths.tuning_folder() / "studies.db"
        found = tune(rows, columns, settings, study, to_json(about), note)
    report = about | {"estimator": str(settings.estimator), **found, "mlflow_run_id": parent}
    path = paths.tuning_folder() / f"{settings.estimator}.json"
    files.write_atomically(path, to_json(report))
    return dg.MaterializeResult(
        value=report,
        metadata={
            "average_precision": found["average_precision"],
            "average_precision_of_defaults": found["average_precision_of_defaults"],
            "parameters": dg.MetadataValue.json(found["parameters"]),
            "trials": found["trials"],
            "trials_pruned": found["pruned"],
            "mlflow_run": tracking.run_link(parent),
            "used_by_the_next_training": dg.MetadataValue.path(path),
        },
    )


@batch_asset(kinds={"xgboost", "mlflow"}, code_version="1", io_manager_key="reports")
def trained_model(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[TrainedModel]:
    """A fitted pipeline and its decision threshold, registered in MLflow as the challenger."""
    settings, tuned_on = with_tuned(TrainingSettings(**config.model_dump()))
    made_from = model_source(features, splits, settings, tuned_on)
    decided = tracking.decided_model(runs_to_take_up(context.instance, context.run))
    if decided is not None and is_same_model(decided, made_from):
        context.log.info(f"version {decided.version} was trained by a run that died; it stays")
        return dg.MaterializeResult(value=decided, metadata=_model_metadata(tracking, decided))
    members, columns = window_of(splits), features.facts.features
    known_by = splits.facts.test_start
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, members, splitting.TRAIN, columns, known_by)
        validation = load_rows(connection, members, splitting.VALIDATION, columns, known_by)
    context.log.info(f"{settings.estimator}: {len(rows):,} train rows x {len(columns)} features")
    provenance = made_from.source.model_dump(exclude={"record_version"})
    tags = {f"fraud.{name}": str(value) for name, value in provenance.items()}
    with tracking.training_run(context, context.partition_key, tags) as run_id:
        days = validation_days(splits.facts.settings, splits.facts.mode, rows, validation)
        fitted = train(rows, validation, columns, settings, days)
        threshold = fitted.decision_threshold
        context.log.info(f"{fitted.iterations} iterations, threshold {threshold:.4f}")
        facts = model_facts(made_from, fitted)
        artifacts = {
            MODEL_FACTS: _log_training(tracking, run_id, facts),
            TRAINING_KEYS: tracking.log_training_keys(
                run_id, pd.concat([rows["content_key_"], validation["content_key_"]])
            ),
        }
        keep_validation_scores(context.partition_key, fitted.validation_scores)
        example = example_of(rows[fitted.features])
        version, model_hash = tracking.register(run_id, fitted.model, example, tags)
    model = TrainedModel(
        **dict(facts), run_id=run_id, version=version, model_hash=model_hash, artifacts=artifacts
    )
    return dg.MaterializeResult(value=model, metadata=_model_metadata(tracking, model))


def is_same_model(decided: TrainedModel, made_from: ModelSource) -> bool:
    """Tell whether a model was made from the same data with the same configuration.

    Parameters
    ----------
    decided : TrainedModel
    made_from : ModelSource

    Returns
    -------
    bool
    """
    return all(getattr(decided, name) == getattr(made_from, name) for name in SAME_MODEL)


def model_source(
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    settings: TrainingSettings,
    tuned_on: str | None,
) -> ModelSource:
    """Return what a model is made from.

    Parameters
    ----------
    features : FeatureTable
    splits : SplitTable
    settings : TrainingSettings
    tuned_on : str or None
        The batch that the parameters were tuned on.

    Returns
    -------
    ModelSource
    """
    configuration = Configuration(
        training=settings,
        splits=splits.facts.settings,
        label_delay_days=features.facts.label_delay_days,
    )
    as_json = to_json(configuration.model_dump(mode="json"))
    return ModelSource(
        batch=features.facts.batch,
        content_hash=features.facts.content_hash,
        source=features.facts.source,
        kinds=features.facts.kinds,
        batch_features=features.facts.features,
        window=splits.facts.window,
        split_mode=splits.facts.mode,
        counts=splits.facts.counts,
        configuration=configuration,
        configuration_hash=hashlib.sha256(as_json.encode()).hexdigest(),
        tuned_on=tuned_on,
    )


def model_facts(made_from: ModelSource, fitted: FittedModel) -> ModelFacts:
    """Return what later runs need to know of a fitted model.

    Parameters
    ----------
    made_from : ModelSource
    fitted : FittedModel

    Returns
    -------
    ModelFacts
    """
    return ModelFacts(
        **dict(made_from),
        features=fitted.features,
        decision_threshold=fitted.decision_threshold,
        threshold_neighbours=fitted.neighbours,
        calibration=Calibration(slope=fitted.model.slope, intercept=fitted.model.intercept),
        iterations=fitted.iterations,
        converged=fitted.converged,
        validation=fitted.validation_figures,
    )


def _log_training(tracking: Tracking, run_id: str, facts: ModelFacts) -> str:
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
    return tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json"))


def _model_metadata(tracking: Tracking, model: TrainedModel) -> dict[str, Any]:
    return {
        "mlflow_run": tracking.run_link(model.run_id),
        "mlflow_run_id": model.run_id,
        "model_version": tracking.version_link(model.version),
        "version": model.version,
        "estimator": str(model.configuration.training.estimator),
        "decision_threshold": model.decision_threshold,
        "iterations": model.iterations,
        "parameters_tuned_on": model.tuned_on or "not tuned",
        "dagster/row_count": model.counts["train"].rows,
        "splits": counts_table(model.counts),
        "configuration": dg.MetadataValue.json(model.configuration.model_dump(mode="json")),
        **model.validation,
    }
