"""`drift_report`: the batch against the champion's training data, `reference_profile`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.limits import worst
from fraud_assets.config.settings import DriftSettings, ImplausibleBatches
from fraud_assets.drift.batch_reader import read_chunks
from fraud_assets.drift.encoding import Column
from fraud_assets.drift.measure import column_findings, common_columns, measure_drift
from fraud_assets.drift.messages import verdict_sentence
from fraud_assets.drift.plausibility import (
    Span,
    judge_plausibility,
    plausibility_sentence,
    rows_per_day,
)
from fraud_assets.drift.plots import report_plots
from fraud_assets.drift.profile import (
    Profile,
    Summary,
    make_profile,
    summarize,
    watched_columns,
)
from fraud_assets.drift.report import make_report, measure_scores, reference_of
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import plot_metadata, shown
from fraud_assets.platform.resources import PromotionPolicy
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import Features
from fraud_assets.records.drift import (
    DriftMeasurement,
    DriftReport,
    DriftVerdict,
    HeldComparison,
    JudgedDrift,
    MeasuredDrift,
    ProfileFacts,
    TooFewRows,
    UnmeasuredDrift,
)
from fraud_assets.records.models import ReferenceProfile, TrainedModel
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.store.decision_log import held_version, read_entries, recorded_artifacts
from fraud_assets.tracking import REFERENCE_PROFILE, REFERENCE_SAMPLE, ModelVersion, Tracking
from fraud_assets.training.members import window_of
from fraud_assets.training.splits import TRAIN
from fraud_assets.training.validation_scores import validation_scores
from fraud_assets.training.window import load_rows

NO_REFERENCE = "no champion with a reference profile yet, so there is nothing to compare with"
LAST_BATCHES = 20
SHOWN_FEATURES = 20
FEATURE_COLUMNS = {
    *("feature", "distance", "psi", "ks", "missing_change", "outside", "p_value", "drifted"),
}


class DriftConfig(DriftSettings, dg.Config):
    """Launchpad configuration of `drift_report`."""


@batch_asset(kinds={"scikitlearn", "json"}, code_version="2", io_manager_key="reports")
def drift_report(
    context: dg.AssetExecutionContext,
    config: DriftConfig,
    features: tables.FeatureTable,
    champion_scores: tables.ScoreTable,
    engine: resources.Engine,
    catalog: BatchCatalog,
    tracking: Tracking,
    policy: PromotionPolicy,
) -> dg.MaterializeResult[DriftReport]:
    """How far the batch has drifted from the champion's training data, and whether it is plausible.

    Needs no training, so a batch too poor to train on is still checked for drift. It also records
    whether the batch is excluded from training and history.
    """
    batch, champion = context.partition_key, champion_scores.facts.champion
    version = tracking.version(champion) if champion else None
    profile = _read_profile(tracking, version)
    if version is None or profile is None:
        context.log.info(NO_REFERENCE)
        _exclude(context, catalog, features, None, policy)
        unmeasured = UnmeasuredDrift(batch=batch, champion=champion, not_measured=NO_REFERENCE)
        return dg.MaterializeResult(value=unmeasured, metadata={"not_measured": NO_REFERENCE})
    settings = DriftSettings(**config.model_dump())
    measurement, columns, summary = _measure(engine, features, profile, settings)
    _exclude(context, catalog, features, measurement, policy)
    scored = pd.read_parquet(champion_scores.path) if champion_scores.facts.is_scored else None
    accepted = {b.batch: b for b in catalog.earlier(batch)[-LAST_BATCHES:]}
    earlier = _measured_reports(catalog, list(accepted))
    report = make_report(
        batch,
        reference_of(version.version, version.batch, earlier),
        settings,
        measurement,
        measure_scores(scored, profile, version.decision_threshold),
        scored,
        earlier,
        lambda past: catalog.scores(accepted[past.batch], past.champion),
        _compare_with_held(engine, catalog, features, measurement, settings),
    )
    pictures = report_plots(report, columns, summary)
    _log(tracking, version, report, pictures, len(accepted))
    context.log.info(verdict_sentence(report))
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, pictures))


@batch_asset(kinds={"duckdb", "mlflow"}, code_version="1", io_manager_key="reports")
def reference_profile(
    context: dg.AssetExecutionContext,
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    trained_model: TrainedModel,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[ReferenceProfile]:
    """A summary of the challenger's training data, the reference once it is the champion.

    Kept with the model in MLflow. A profile that a decision has recorded is not changed.
    """
    run_id, version = trained_model.run_id, trained_model.version
    recorded = recorded_artifacts(read_entries(paths.decisions_path()), run_id)
    if recorded is None:
        artifacts = _log_profile(tracking, engine, features, splits, trained_model)
    else:
        context.log.info(f"version {version} has a decision; its reference profile is kept")
        artifacts = {n: recorded[n] for n in (REFERENCE_PROFILE, REFERENCE_SAMPLE) if n in recorded}
    record = ReferenceProfile(
        batch=context.partition_key,
        model_version=version,
        mlflow_run_id=run_id,
        artifacts=artifacts,
    )
    return dg.MaterializeResult(
        value=record,
        metadata={
            "model_version": tracking.version_link(version),
            "artifacts": dg.MetadataValue.json(artifacts),
        },
    )


def _exclude(
    context: dg.AssetExecutionContext,
    catalog: BatchCatalog,
    features: tables.FeatureTable,
    measurement: DriftMeasurement | None,
    policy: PromotionPolicy,
) -> None:
    """Exclude an implausible batch from windows and history, where the policy says so."""
    excludes = policy.settings().implausible_batches is ImplausibleBatches.exclude
    plausibility = measurement.plausibility if measurement else None
    reason = None
    if excludes and plausibility and plausibility.verdict == "critical":
        reason = f"implausible: {plausibility_sentence(plausibility)}"
    facts = features.facts
    for event in catalog.exclude(facts.batch, reason, facts.source.rows):
        context.log_event(event)


def _compare_with_held(
    engine: resources.Engine,
    catalog: BatchCatalog,
    features: tables.FeatureTable,
    measurement: DriftMeasurement,
    settings: DriftSettings,
) -> HeldComparison | None:
    """Compare the batch with that of the held version, where its own verdict is critical.

    By the columns of the files: the windows of a batch in which something changed look back on the
    time before, and those of the next one on the change.
    """
    if worst(measurement.verdicts.values()) != "critical":
        return None
    held = held_version(read_entries(paths.decisions_path()))
    if held is None or held.batch not in {
        earlier.batch for earlier in catalog.earlier(features.facts.batch)
    }:
        return None
    table = catalog.table(tables.FeatureTable, held.batch, held.data_hash)
    if table is None:
        return None
    profile = _profile_of_file(engine, table)
    measured, _, _ = _measure(engine, _of_file(features), profile, settings)
    return HeldComparison(
        version=held.version,
        batch=held.batch,
        drift_score=measured.drift_score if isinstance(measured, DriftVerdict) else None,
        verdicts=measured.verdicts,
    )


def _of_file(features: tables.FeatureTable) -> tables.FeatureTable:
    """Return a batch with the features that are columns of its file."""
    facts = features.facts
    own = [name for name in facts.features if name in facts.kinds]
    return tables.FeatureTable(features.path, facts.model_copy(update={"features": own}))


def _profile_of_file(engine: resources.Engine, features: tables.FeatureTable) -> Profile:
    """Return the profile of all rows of a batch, by the columns of its file."""
    facts = _of_file(features).facts
    watched = watched_columns(facts.features, facts.kinds, facts.roles)
    with engine.connect("features") as connection:
        rows = pd.concat(read_chunks(connection, features.path, watched, facts.roles))
    return make_profile(rows, watched, {}, rows_per_day=rows_per_day(_size(facts)))


def _log_profile(
    tracking: Tracking,
    engine: resources.Engine,
    features: tables.FeatureTable,
    splits: tables.SplitTable,
    model: TrainedModel,
) -> dict[str, str]:
    """Log the profile of a model with its MLflow run; return the SHA-256 of each artifact."""
    roles, run_id = features.facts.roles, model.run_id
    watched = watched_columns(model.batch_features, model.kinds, roles)
    with engine.connect("features", "splits") as connection:
        rows = load_rows(
            connection, window_of(splits), TRAIN, watched.numbers, splits.facts.test_start,
            watched.texts,
        )  # fmt: skip
    scores = validation_scores(model.batch)
    volume = rows_per_day(_sizes(splits))
    profile = make_profile(rows, watched, features.facts.warm_up_days, scores, volume)
    return {
        REFERENCE_SAMPLE: tracking.log_frame(run_id, REFERENCE_SAMPLE, profile.sample),
        REFERENCE_PROFILE: tracking.log_json(
            run_id, REFERENCE_PROFILE, profile.facts().model_dump(mode="json")
        ),
    }


def _sizes(splits: tables.SplitTable) -> Iterator[tuple[int, Span]]:
    """Yield the rows and the span of each batch of the window that has dates."""
    for batch, content_hash in splits.facts.window:
        yield from _size(tables.load_table(tables.FeatureTable, batch, content_hash).facts)


def _size(facts: Features) -> list[tuple[int, Span]]:
    """Return the rows and the span of a batch; nothing when it has no dates."""
    return [(facts.source.rows, facts.span)] if facts.roles.real_time else []


def _read_profile(tracking: Tracking, version: ModelVersion | None) -> Profile | None:
    """Return the profile of a version; None where there is none that can be read."""
    stored = tracking.read_json(version.run_id, REFERENCE_PROFILE) if version else None
    if version is None or stored is None or "columns" not in stored:
        return None
    where = f"{REFERENCE_PROFILE} of MLflow run {version.run_id}"
    facts = ProfileFacts.from_json(to_json(stored), where)
    return Profile.from_facts(facts, tracking.read_frame(version.run_id, REFERENCE_SAMPLE))


def _measure(
    engine: resources.Engine,
    features: tables.FeatureTable,
    profile: Profile,
    settings: DriftSettings,
) -> tuple[TooFewRows | DriftVerdict, list[Column], Summary]:
    """Measure the batch; return also the columns it was compared by, and its summary."""
    facts = features.facts
    watched = watched_columns(facts.features, facts.kinds, facts.roles)
    columns = common_columns(profile, watched)
    with engine.connect("features") as connection:
        chunks = read_chunks(connection, features.path, watched, facts.roles)
        rows, warm_up = facts.source.rows, facts.warm_up_days
        summary = summarize(chunks, rows, columns, warm_up, watched.dates, settings.seed)
    findings = column_findings(profile, watched)
    measurement = measure_drift(
        profile, summary, columns, findings, warm_up, facts.roles.amount, settings
    )
    plausibility = judge_plausibility(
        profile, summary, columns, findings, measurement.prevalence, facts.roles.amount,
        rows_per_day(_size(facts)),
    )  # fmt: skip
    return measurement.model_copy(update={"plausibility": plausibility}), columns, summary


def _measured_reports(catalog: BatchCatalog, names: list[str]) -> list[MeasuredDrift]:
    """Return the reports of the batches that were measured."""
    reports = (catalog.report(DriftReport, name) for name in names)
    return [report for report in reports if isinstance(report, MeasuredDrift)]


def _log(
    tracking: Tracking,
    version: ModelVersion,
    report: MeasuredDrift,
    pictures: Mapping[str, bytes],
    step: int,
) -> None:
    """Write the plots, and log report, plots and curves with the champion's MLflow run."""
    local = paths.report_folder(report.batch)
    written = [local / f"{name}.png" for name in pictures]
    for path, picture in zip(written, pictures.values(), strict=True):
        files.write_atomically(path, picture)
    folder = f"drift/{re.sub(r'[^A-Za-z0-9_.-]', '_', report.batch)}"
    tracking.log_files(version.run_id, written, folder)
    content = report.model_dump(mode="json")
    tracking.log_json(version.run_id, f"{folder}/{report.ASSET}.json", content)
    tracking.log_figures(version.run_id, report.figures, step)


def _metadata(
    tracking: Tracking, report: MeasuredDrift, pictures: Mapping[str, bytes]
) -> dict[str, Any]:
    judged = report if isinstance(report, JudgedDrift) else None
    details = report.model_dump(
        mode="json",
        include={
            *("scores", "prevalence", "plausibility", "to_held"),
            *("expected", "performance", "columns"),
        },
    )
    return {
        "champion": tracking.version_link(report.champion),
        "verdict": report.verdict,
        "in_words": verdict_sentence(report),
        "dagster/row_count": report.rows,
        **shown(report.figures),
        **(_tables(judged) if judged else {}),
        **{name: dg.MetadataValue.json(value) for name, value in shown(details).items()},
        "not_judged": judged.not_judged if judged else [],
        **{f"plot_{name}": plot_metadata(picture) for name, picture in pictures.items()},
    }


def _tables(report: JudgedDrift) -> dict[str, dg.TableMetadataValue]:
    """Return the lists of a report that are not empty, as tables."""
    rows = {
        "features": [
            feature.model_dump(include=FEATURE_COLUMNS)
            for feature in report.features[:SHOWN_FEATURES]
        ],
        "pairs": [pair.model_dump() for pair in report.pairs],
        "given_away_by": [giveaway.model_dump() for giveaway in report.giveaways],
        "segments": [segment.model_dump() for segment in report.segments],
    }
    return {
        name: dg.MetadataValue.table([dg.TableRecord(shown(row)) for row in listed])
        for name, listed in rows.items()
        if listed
    }
