"""`splits`, `tuned_parameters` and `trained_model`."""

import hashlib
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import SplitMode, SplitSettings, TrainingSettings, TuningSettings
from fraud_assets.features.availability import MICROSECONDS_PER_DAY
from fraud_assets.intake.contract import Roles
from fraud_assets.intake.partitions import OWNERS, batches
from fraud_assets.metadata import table_metadata
from fraud_assets.metrics import Floats
from fraud_assets.platform.masking import masking
from fraud_assets.platform.outages import runs_to_take_up
from fraud_assets.store import files, object_store, paths, reports, resources, tables
from fraud_assets.text import named
from fraud_assets.tracking import BATCH_TAG, MODEL_FACTS, TRAINING_KEYS, Tracking
from fraud_assets.training import assignments
from fraud_assets.training import splits as splitting
from fraud_assets.training.train import example_of, train
from fraud_assets.training.tuning import Trial, tune
from fraud_assets.training.window import (
    Member,
    count_rows,
    load_rows,
    straddling_contents,
    unassigned_rows,
)

GROUP = "training"
VALIDATION_SCORES = "validation_scores.parquet"
HASH_KEY_ID = "hash_key_id"
"""The fact of splits that says which key their content keys are hashed with, if any."""
SAME_MODEL = ("batch", "content_hash", "configuration_hash", "window", "batch_features")
"""Facts that make a model; the champion beside it may be the model itself by now."""


class SplitConfig(SplitSettings, dg.Config):
    """Launchpad configuration of `splits`."""


class TrainingConfig(TrainingSettings, dg.Config):
    """Launchpad configuration of `trained_model`."""


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    code_version="2",
    io_manager_key="tables",
)
def splits(
    config: SplitConfig,
    features: tables.Table,
    engine: resources.Engine,
    catalog: BatchCatalog,
) -> dg.MaterializeResult[tables.Table]:
    """Which row is for training, for the threshold, and for the test.

    Assigned once, by content; the window names the batches whose train and validation rows
    are used, the test rows are those of the batch itself.
    """
    batch, roles = features.facts["batch"], Roles(**features.facts["roles"])
    columns, delay = list(features.facts["kinds"]), features.facts["label_delay_days"]
    past = window_before(catalog, features, config.window_batches)
    rows = tables.new_rows_file("splits", batch)
    accepted = tables.load_table("raw_transactions", batch, features.facts["content_hash"])
    with engine.connect("raw_transactions", "features", "splits") as connection:
        cuts = splitting.plan_cuts(connection, features.path, roles, delay, config)
        kept = earlier_splits(catalog, batch, config)
        splitting.write_splits(
            connection, features.path, accepted.path, columns, roles, config, cuts, kept, rows
        )
        about = {"batch": batch, "content_hash": features.facts["content_hash"]}
        table = tables.Table(rows, about | {HASH_KEY_ID: masking().key_id})
        members = [*past, member(features, table)]
        facts = {
            **table.facts,
            "settings": config.model_dump(mode="json"),
            "mode": str(cuts.mode),
            "validation_start": cuts.validation_start,
            "test_start": cuts.test_start,
            "window": [[m.batch, m.features.parent.name] for m in members],
            "counts": count_rows(connection, members, cuts.test_start),
            "straddling_contents": straddling_contents(connection, members),
            "unassigned_rows": unassigned_rows(connection, members[-1]),
        }
        metadata = table_metadata(connection, rows)
    assignments.note(paths.assignments_path(), _assignment(facts))
    object_store.push(paths.assignments_path())
    shown = ("mode", "validation_start", "test_start")
    return dg.MaterializeResult(
        value=tables.Table(rows, facts),
        metadata=metadata
        | {name: facts[name] for name in shown if facts[name]}
        | {"window": [m.batch for m in members], "splits": counts_table(facts["counts"])},
    )


def counts_table(counts: dict[str, dict[str, int]]) -> dg.TableMetadataValue:
    """Return rows and frauds by split as a table for the asset's page."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"split": name, **numbers}) for name, numbers in counts.items()]
    )


def member(features: tables.Table, splits: tables.Table) -> Member:
    """Return a batch as a member of a window."""
    return Member(
        features.facts["batch"],
        features.path,
        splits.path,
        Roles(**features.facts["roles"]),
        features.facts["kinds"],
        _is_keyed(splits.facts["batch"], splits.facts.get(HASH_KEY_ID)),
    )


def _is_keyed(batch: str, key_id: str | None) -> bool:
    if key_id is not None:
        masking().require(key_id, f"the rows of batch {named(batch)}")
    return key_id is not None


def window_before(
    catalog: BatchCatalog, features: tables.Table, window_batches: int | None
) -> list[Member]:
    """Return the earlier batches that a batch's model is trained from, oldest first.

    Accepted batches that got as far as their splits and have every feature of this one.
    """
    wanted = set(features.facts["features"])
    most = None if window_batches is None else window_batches - 1
    members: list[Member] = []
    # From the newest on, so that no more is read than the window holds.
    for earlier in reversed(catalog.earlier(features.facts["batch"])):
        if most is not None and len(members) >= most:
            break
        if tables.has_table("splits", earlier.batch, earlier.content_hash):
            table = tables.load_table("features", earlier.batch, earlier.content_hash)
            if wanted <= set(table.facts["features"]):
                splits = tables.load_table("splits", earlier.batch, earlier.content_hash)
                members.append(member(table, splits))
    return members[::-1]


def earlier_splits(
    catalog: BatchCatalog, batch: str, settings: SplitSettings
) -> list[splitting.Assigned]:
    """Return the splits assigned before under the same settings, also to this batch itself."""
    wanted = assignments.settings_hash(settings.model_dump(mode="json"))
    index = assignments.read_index(reports.latest(paths.assignments_path()))
    found = []
    for earlier in [*(b.batch for b in catalog.earlier(batch)), batch]:
        for content_hash in tables.versions("splits", earlier):
            noted = index.get((earlier, content_hash))
            if noted is None:  # of an older release
                noted = _assignment(tables.load_table("splits", earlier, content_hash).facts)
            if noted.settings == wanted:
                path = tables.rows_path("splits", earlier, content_hash)
                found.append(splitting.Assigned(path, _is_keyed(earlier, noted.hash_key_id)))
    return found


def _assignment(facts: Mapping[str, Any]) -> assignments.Assignment:
    """Return what the index holds of splits with these facts."""
    return assignments.Assignment(
        batch=facts["batch"],
        content_hash=facts["content_hash"],
        settings=assignments.settings_hash(facts["settings"]),
        hash_key_id=facts.get(HASH_KEY_ID),
    )


def window_of(splits: tables.Table) -> list[Member]:
    """Return the window of a batch as its splits recorded it."""
    return [
        member(
            tables.load_table("features", batch, content_hash),
            tables.load_table("splits", batch, content_hash),
        )
        for batch, content_hash in splits.facts["window"]
    ]


class TuningConfig(TuningSettings, dg.Config):
    """Launchpad configuration of `tuned_parameters`."""


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"optuna", "mlflow"},
    code_version="1",
    io_manager_key="reports",
)
def tuned_parameters(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    features: tables.Table,
    splits: tables.Table,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """The best parameters that Optuna found for an estimator; the next trainings use them.

    Materialized by hand, when wanted. It looks at train rows only, in folds in time order, and
    goes on with the trials of earlier materializations for the same batch and settings.
    """
    batch, columns = context.partition_key, features.facts["features"]
    with engine.connect("features", "splits") as connection:
        rows = load_rows(
            connection, window_of(splits), splitting.TRAIN, columns, splits.facts["test_start"]
        )
    about = {"batch": batch, "content_hash": features.facts["content_hash"]}
    settings = TuningSettings(**config.model_dump())
    name = f"tuning {settings.estimator} on {batch}"
    with tracking.group_run(context, name, {BATCH_TAG: batch}) as parent:

        def note(trial: Trial) -> None:
            context.log.info(trial.sentence())
            tags = {BATCH_TAG: batch, "fraud.trial_state": trial.state}
            child = f"trial {trial.number}"
            tracking.log_child(parent, child, trial.parameters, trial.figures(), tags)

        study = paths.tuning_folder() / "studies.db"
        found = tune(rows, columns, settings, study, reports.to_json(about), note)
    report = about | {"estimator": str(settings.estimator), **found, "mlflow_run_id": parent}
    path = paths.tuning_folder() / f"{settings.estimator}.json"
    files.write_atomically(path, reports.to_json(report))
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


@dg.asset(
    partitions_def=batches,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"xgboost", "mlflow"},
    code_version="1",
    io_manager_key="reports",
)
def trained_model(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    features: tables.Table,
    splits: tables.Table,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """A fitted pipeline and its decision threshold, registered in MLflow as the challenger."""
    settings, tuned_on = with_tuned(TrainingSettings(**config.model_dump()))
    facts = model_facts(features, splits, settings) | {"tuned_on": tuned_on}
    decided = tracking.decided_model(runs_to_take_up(context.instance, context.run))
    if decided is not None and all(decided[name] == facts[name] for name in SAME_MODEL):
        context.log.info(f"version {decided['version']} was trained by a run that died; it stays")
        return dg.MaterializeResult(value=decided, metadata=_model_metadata(tracking, decided))
    members, columns = window_of(splits), features.facts["features"]
    known_by = splits.facts["test_start"]
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, members, splitting.TRAIN, columns, known_by)
        validation = load_rows(connection, members, splitting.VALIDATION, columns, known_by)
    context.log.info(f"{settings.estimator}: {len(rows):,} train rows x {len(columns)} features")
    tags = {f"fraud.{name}": str(value) for name, value in facts["source"].items()}
    with tracking.training_run(context, context.partition_key, tags) as run_id:
        model = train(rows, validation, columns, settings, days_of(splits, rows, validation))
        context.log.info(f"{model.iterations} iterations, threshold {model.decision_threshold:.4f}")
        facts |= {
            "features": model.features,
            "decision_threshold": model.decision_threshold,
            "threshold_neighbours": model.neighbours,
            "calibration": {"slope": model.model.slope, "intercept": model.model.intercept},
            "iterations": model.iterations,
            "converged": model.converged,
            "validation": model.validation_figures,
        }
        artifacts = {
            MODEL_FACTS: _log_training(tracking, run_id, facts),
            TRAINING_KEYS: tracking.log_training_keys(
                run_id, pd.concat([rows["content_key_"], validation["content_key_"]])
            ),
        }
        keep_validation_scores(context.partition_key, model.validation_scores)
        example = example_of(rows[model.features])
        version, model_hash = tracking.register(run_id, model.model, example, tags)
    facts |= {"run_id": run_id, "version": version}
    facts |= {"model_hash": model_hash, "artifacts": artifacts}
    return dg.MaterializeResult(value=facts, metadata=_model_metadata(tracking, facts))


def keep_validation_scores(batch: str, scores: Floats) -> None:
    """Keep the challenger's scores of its validation rows, for the reference profile.

    Parameters
    ----------
    batch : str
    scores : ndarray of shape (n_rows,)
        Fraud probabilities, 0 to 1.
    """
    content = pd.DataFrame({"score": scores}).to_parquet(index=False)
    reports.write_report_file(batch, VALIDATION_SCORES, content)


def validation_scores(batch: str) -> Floats:
    """Return the challenger's scores of its validation rows.

    Parameters
    ----------
    batch : str

    Returns
    -------
    ndarray of shape (n_rows,)
        Fraud probabilities, 0 to 1.

    Raises
    ------
    FileNotFoundError
        When the model of the batch was trained by a release that kept none.
    """
    path = reports.find_report_file(batch, VALIDATION_SCORES)
    if path is None:
        raise FileNotFoundError(
            f"the validation scores of batch {named(batch)} are not kept; materialize "
            "trained_model of this batch again"
        )
    scores: Floats = pd.read_parquet(path)["score"].to_numpy()
    return scores


def with_tuned(settings: TrainingSettings) -> tuple[TrainingSettings, str | None]:
    """Return the settings with the best parameters found for their estimator.

    Returns
    -------
    settings : TrainingSettings
        What a person wrote in `parameters` goes before.
    tuned_on : str or None
        The batch that the parameters were found on.
    """
    found = reports.read_json(paths.tuning_folder() / f"{settings.estimator}.json")
    if not settings.use_tuned or found is None:
        return settings, None
    parameters = found["parameters"] | settings.parameters
    # Made anew, not copied: the file of the tuned ones is checked, too.
    return TrainingSettings(**{**settings.model_dump(), "parameters": parameters}), found["batch"]


def days_of(splits: tables.Table, rows: pd.DataFrame, validation: pd.DataFrame) -> float | None:
    """Return the days of transactions that the validation rows stand for, None without times."""
    moments = pd.concat([rows["known_us_"], validation["known_us_"]]) / MICROSECONDS_PER_DAY
    if moments.isna().all():
        return None
    settings = SplitSettings(**splits.facts["settings"])
    temporal = splits.facts["mode"] == SplitMode.temporal
    share = 1.0 if temporal else settings.train_share + settings.validation_share
    return float(moments.max() - moments.min()) * len(validation) / len(moments) * share


def model_facts(
    features: tables.Table, splits: tables.Table, settings: TrainingSettings
) -> dict[str, Any]:
    """Return what a model is made from; kept with its MLflow run and read by later assets."""
    configuration = {
        "training": settings.model_dump(mode="json"),
        "splits": splits.facts["settings"],
        "label_delay_days": features.facts["label_delay_days"],
    }
    return {
        "batch": features.facts["batch"],
        "content_hash": features.facts["content_hash"],
        "source": features.facts["source"],
        "kinds": features.facts["kinds"],
        "batch_features": features.facts["features"],
        "window": splits.facts["window"],
        "split_mode": splits.facts["mode"],
        "counts": splits.facts["counts"],
        "configuration": configuration,
        "configuration_hash": hashlib.sha256(reports.to_json(configuration).encode()).hexdigest(),
    }


def _log_training(tracking: Tracking, run_id: str, facts: dict[str, Any]) -> str:
    training = facts["configuration"]["training"]
    parameters = {k: v for k, v in training.items() if k != "parameters"}
    parameters |= {f"parameters.{k}": v for k, v in training["parameters"].items()}
    parameters |= {
        "split_mode": facts["split_mode"],
        "window": ", ".join(batch for batch, _ in facts["window"])[:500],
        "n_features": len(facts["features"]),
        "content_hash": facts["content_hash"],
        "decision_threshold": facts["decision_threshold"],
        **{f"{split}_rows": counts["rows"] for split, counts in facts["counts"].items()},
    }
    tracking.log_parameters(run_id, parameters)
    tracking.log_figures(
        run_id, facts["validation"] | {"decision_threshold": facts["decision_threshold"]}
    )
    return tracking.log_json(run_id, MODEL_FACTS, facts)


def _model_metadata(tracking: Tracking, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "mlflow_run": tracking.run_link(facts["run_id"]),
        "mlflow_run_id": facts["run_id"],
        "model_version": tracking.version_link(facts["version"]),
        "version": facts["version"],
        "estimator": facts["configuration"]["training"]["estimator"],
        "decision_threshold": facts["decision_threshold"],
        "iterations": facts["iterations"],
        "parameters_tuned_on": facts["tuned_on"] or "not tuned",
        "dagster/row_count": facts["counts"]["train"]["rows"],
        "splits": counts_table(facts["counts"]),
        "configuration": dg.MetadataValue.json(facts["configuration"]),
        **facts["validation"],
    }
