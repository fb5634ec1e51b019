"""`drift_report`: the batch against the champion's training data, `reference_profile`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from fraud_assets.catalog import AcceptedBatch, BatchCatalog
from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift import plots
from fraud_assets.drift.batch_reader import pieces_of
from fraud_assets.drift.encoding import Column
from fraud_assets.drift.measure import column_findings, common_columns, measure_drift
from fraud_assets.drift.messages import verdict_sentence
from fraud_assets.drift.performance import came_true, clock, expected_performance
from fraud_assets.drift.profile import (
    Profile,
    Summary,
    make_profile,
    summarize,
    watched_columns,
)
from fraud_assets.drift.statistics import compare_scores
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import plot_metadata
from fraud_assets.records.models import ReferenceProfile, TrainedModel
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.store.decision_log import read_entries, recorded_artifacts
from fraud_assets.tracking import REFERENCE_PROFILE, REFERENCE_SAMPLE, ModelVersion, Tracking
from fraud_assets.training.members import window_of
from fraud_assets.training.splits import TRAIN
from fraud_assets.training.validation_scores import validation_scores
from fraud_assets.training.window import load_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_REFERENCE = "no champion with a reference profile yet, so there is nothing to measure against"
FIGURES = ("drift_score", "n_drifted_features", "max_feature_drift")
DRIFT_REPORT = "drift_report"
LAST_BATCHES = 20
SHOWN_FEATURES = 20


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
) -> dg.MaterializeResult[dict[str, Any]]:
    """How far the batch has moved from the champion's training data, and where.

    Needs no training, so that a batch too poor to train on is still watched.
    """
    batch, record = context.partition_key, champion_scores.facts
    champion = record.champion
    version = tracking.version(champion) if champion else None
    profile = _profile_of(tracking, version)
    if version is None or profile is None:
        report = {"batch": batch, "champion": champion, "not_measured": NO_REFERENCE}
        context.log.info(NO_REFERENCE)
        return dg.MaterializeResult(value=report, metadata={"not_measured": NO_REFERENCE})
    facts = features.facts
    roles = facts.roles
    watched = watched_columns(facts.features, facts.kinds, roles)
    columns = common_columns(profile, watched)
    with engine.connect("features") as connection:
        pieces = pieces_of(connection, features.path, watched, roles)
        rows, warm_up = facts.source.rows, facts.warm_up_days
        summary = summarize(pieces, rows, columns, warm_up, watched.dates, config.seed)
    earlier = catalog.earlier(batch)[-LAST_BATCHES:]
    before = _reports(catalog, earlier)
    scored = pd.read_parquet(champion_scores.path) if record.is_scored else None
    settings = DriftSettings(**config.model_dump())
    findings = column_findings(profile, watched)
    report = {
        "batch": batch,
        "champion": version.version,
        "reference": _reference(version, before),
        "settings": settings.model_dump(mode="json"),
        **measure_drift(profile, summary, columns, findings, warm_up, roles.amount, settings),
        **_scores_and_labels(scored, profile, version),
    }
    report["performance"] = _performance(catalog, earlier, before, report, scored)
    report["history"] = [_point(r) for r in [*before, report]]
    pictures = _write_plots(report, columns, summary)
    _log(tracking, version, report, pictures, len(earlier))
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
    """A summary of the challenger's training data, for drift to be measured against.

    Kept with the model in MLflow, for the time when it is the champion. One that a decision has
    recorded stays as it is.
    """
    run_id, version = trained_model.run_id, trained_model.version
    recorded = recorded_artifacts(read_entries(paths.decisions_path()), run_id)
    if recorded is None:
        artifacts = _log_profile(tracking, engine, features, splits, trained_model)
    else:
        context.log.info(f"version {version} was decided about; its reference profile stays")
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
    profile = make_profile(rows, watched, features.facts.warm_up_days, scores)
    return {
        REFERENCE_SAMPLE: tracking.log_frame(run_id, REFERENCE_SAMPLE, profile.sample),
        REFERENCE_PROFILE: tracking.log_json(run_id, REFERENCE_PROFILE, profile.facts()),
    }


def _profile_of(tracking: Tracking, version: ModelVersion | None) -> Profile | None:
    """Return the profile of a version; None where there is none that can be read."""
    facts = tracking.read_json(version.run_id, REFERENCE_PROFILE) if version else None
    if version is None or facts is None or "columns" not in facts:
        return None
    return Profile.from_facts(facts, tracking.read_frame(version.run_id, REFERENCE_SAMPLE))


def _reference(version: ModelVersion, before: list[dict[str, Any]]) -> dict[str, Any]:
    """Name the reference, and the one before where it has changed since the last batch."""
    last = before[-1]["champion"] if before else None
    changed = last if last not in (None, version.version) else None
    return {"version": version.version, "batch": version.batch, "before": changed}


def _scores_and_labels(
    scored: pd.DataFrame | None, profile: Profile, version: ModelVersion
) -> dict[str, Any]:
    if scored is None:
        return {"scores": None, "expected": None}
    return {
        "scores": compare_scores(profile.scores, scored["score"]),
        "expected": expected_performance(scored, version.decision_threshold),
        "decision_threshold": version.decision_threshold,
    }


def _reports(catalog: BatchCatalog, earlier: "Sequence[AcceptedBatch]") -> list[dict[str, Any]]:
    """Return the reports of earlier batches that were measured, oldest first."""
    found = (catalog.report(DRIFT_REPORT, accepted.batch) for accepted in earlier)
    return [report for report in found if report and "reference" in report]


def _performance(
    catalog: BatchCatalog,
    earlier: "Sequence[AcceptedBatch]",
    before: list[dict[str, Any]],
    report: dict[str, Any],
    scored: pd.DataFrame | None,
) -> list[dict[str, Any]]:
    """Compare what was expected of each batch with the labels that are known by now."""
    if scored is None:
        return []
    now, accepted = clock(scored), {b.batch: b for b in earlier}
    found = ((r, catalog.scores(accepted[r["batch"]], r["champion"])) for r in before)
    return [
        {
            "batch": of_batch["batch"],
            "champion": of_batch["champion"],
            "expected": of_batch["expected"],
            "came_true": came_true(scores, of_batch["decision_threshold"], now),
        }
        for of_batch, scores in [*found, (report, scored)]
        if of_batch.get("expected") and scores is not None
    ]


def _point(report: dict[str, Any]) -> dict[str, Any]:
    figures = {name: report.get(name) for name in FIGURES}
    named = ("batch", "champion", "verdict")
    return {**{name: report[name] for name in named}, **figures}


def _write_plots(
    report: dict[str, Any], columns: "Sequence[Column]", summary: Summary
) -> dict[str, bytes]:
    pictures = {"drift_over_batches": plots.drift_over_batches(report["history"])}
    if "features" in report:
        by_name = {column.name: column for column in columns}
        moved = [by_name[f["feature"]] for f in report["features"] if not f["finding"]]
        distance = report["settings"]["min_distance"]
        pictures["drift"] = plots.drift_by_feature(report["features"], distance)
        pictures["distributions"] = plots.distributions(moved, summary.counts)
    folder = paths.report_folder(report["batch"])
    for name, picture in pictures.items():
        files.write_atomically(folder / f"{name}.png", picture)
    return pictures


def _log(
    tracking: Tracking,
    version: ModelVersion,
    report: dict[str, Any],
    pictures: dict[str, bytes],
    place: int,
) -> None:
    """Show in MLflow how the champion's data has moved since: report, pictures and curves."""
    folder = f"drift/{re.sub(r'[^A-Za-z0-9_.-]', '_', report['batch'])}"
    files: list[Path] = [paths.report_folder(report["batch"]) / f"{name}.png" for name in pictures]
    tracking.log_files(version.run_id, files, folder)
    tracking.log_json(version.run_id, f"{folder}/{DRIFT_REPORT}.json", report)
    figures = {name: report[name] for name in FIGURES if name in report}
    tracking.log_figures(version.run_id, figures, place)


def _metadata(
    tracking: Tracking, report: dict[str, Any], pictures: dict[str, bytes]
) -> dict[str, Any]:
    shown = ("feature", "distance", "psi", "ks", "missing_change", "outside", "p_value", "drifted")
    features = [{n: f[n] for n in shown} for f in report.get("features", [])[:SHOWN_FEATURES]]
    tables = {
        "features": features,
        "pairs": report.get("pairs", []),
        "given_away_by": report.get("giveaways", []),
        "segments": report.get("segments", []),
    }
    details = ("scores", "prevalence", "expected", "performance", "columns")
    return {
        "champion": tracking.version_link(report["champion"]),
        "verdict": report["verdict"],
        "in_words": verdict_sentence(report),
        "dagster/row_count": report["rows"],
        **{name: report[name] for name in FIGURES if name in report},
        **{
            name: dg.MetadataValue.table([dg.TableRecord(record) for record in records])
            for name, records in tables.items()
            if records
        },
        **{name: dg.MetadataValue.json(report[name]) for name in details},
        "not_judged": report.get("not_judged", []),
        **{f"plot_{name}": plot_metadata(picture) for name, picture in pictures.items()},
    }
