"""`registered_model`: the decision about the challenger, carried out and logged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.names import USER_TAG
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.platform.outages import runs_to_take_up
from fraud_assets.records.drift import DriftReport
from fraud_assets.records.models import ReferenceProfile, TrainedModel
from fraud_assets.registry.card import model_card
from fraud_assets.registry.promotion import decide
from fraud_assets.store import files, paths, tables
from fraud_assets.store.decision_log import (
    append_entry,
    decision_of,
    log_hash,
    read_entries,
    recorded_artifacts,
    registry_lock,
)
from fraud_assets.text import named
from fraud_assets.tracking import (
    DECISION_TAG,
    ModelVersion,
    Tracking,
)

CARD = "model_card.md"
LOG_HASH = "decision_log_sha256"
"""Metadata: what the log was when the decision stood in it. The audit compares."""


@batch_asset(kinds={"mlflow", "json"}, code_version="1", io_manager_key="reports")
def registered_model(
    context: dg.AssetExecutionContext,
    splits: tables.SplitTable,
    trained_model: TrainedModel,
    evaluation_report: dict[str, Any],
    drift_report: DriftReport,
    reference_profile: ReferenceProfile,
    catalog: BatchCatalog,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """`promote`, `shadow_only` or `reject`, with the reason; the aliases follow it."""
    batch, version = context.partition_key, trained_model.version
    log = paths.decisions_path()
    artifacts = _artifacts(log, trained_model, reference_profile)
    with registry_lock(log):
        # The log first, then the alias: what dies in between finds its decision there.
        entry = decision_of(
            read_entries(log), version, runs_to_take_up(context.instance, context.run)
        )
        if entry is None:
            current = tracking.champion()
            decision = decide(
                evaluation_report,
                drift_report,
                current.version if current else None,
                _is_newer(catalog, current, batch),
            )
            entry = append_entry(
                log,
                {
                    "event": "decision",
                    "batch": batch,
                    "version": version,
                    "champion_before": current.version if current else None,
                    "actor": actor_of(context.run, trained_model.source.source_file),
                    "dagster_run_id": context.run_id,
                    "mlflow_run_id": trained_model.run_id,
                    "data_hash": trained_model.content_hash,
                    "configuration_hash": trained_model.configuration_hash,
                    "model_hash": trained_model.model_hash,
                    "artifacts": artifacts,
                    **decision.to_dict(),
                },
            )
        if entry["outcome"] == "promote":
            tracking.make_champion(version)
        confirmed = log_hash(log)
    tracking.tag_version(version, {DECISION_TAG: entry["outcome"], "fraud.reason": entry["reason"]})
    context.log.info(f"version {version}: {entry['outcome']}: {entry['reason']}")
    card = model_card(trained_model, evaluation_report, entry, _period(splits))
    files.write_atomically(paths.report_folder(batch) / CARD, card)
    tracking.log_text(trained_model.run_id, CARD, card)
    tracking.describe_version(version, card, CARD)
    metadata = _metadata(tracking, entry) | {
        "model_card": dg.MetadataValue.md(card),
        LOG_HASH: confirmed,
    }
    return dg.MaterializeResult(value=entry, metadata=metadata)


def _period(splits: tables.SplitTable) -> tuple[str, str] | None:
    """Return first and last day of a window, None when its data has no dates."""
    spans = []
    for batch, content_hash in splits.facts.window:
        facts = tables.load_table(tables.FeatureTable, batch, content_hash).facts
        first, last, _ = facts.span
        if facts.roles.real_time and first is not None and last is not None:
            spans.append((first, last))
    if not spans:
        return None
    ends = (min(first for first, _ in spans), max(last for _, last in spans))
    first_day, last_day = (
        datetime.fromtimestamp(end / 1e6, UTC).date().isoformat() for end in ends
    )
    return first_day, last_day


def _artifacts(log: Path, trained_model: TrainedModel, profile: ReferenceProfile) -> dict[str, str]:
    """Return the SHA-256 of what later runs read of the model's MLflow run, by name."""
    # What an earlier decision recorded of this model stays: it is what is compared later.
    recorded = recorded_artifacts(read_entries(log), trained_model.run_id)
    if recorded is not None:
        return recorded
    if profile.model_version != trained_model.version:
        raise dg.Failure(
            f"the reference profile of batch {named(profile.batch)} is that of version "
            f"{profile.model_version}, and version {trained_model.version} is to be decided "
            "about; materialize reference_profile and registered_model of this batch",
            allow_retries=False,
        )
    artifacts: dict[str, str] = trained_model.artifacts | profile.artifacts
    return artifacts


def _is_newer(catalog: BatchCatalog, champion: ModelVersion | None, batch: str) -> bool:
    """Tell whether the champion was trained for a batch that arrived after this one."""
    if champion is None or champion.batch == batch:
        return False
    return champion.batch not in {b.batch for b in catalog.earlier(batch)}


def actor_of(run: dg.DagsterRun, source_file: str) -> str:
    """Return who decides: the login that asked for a run, else the run and its file.

    Parameters
    ----------
    run : DagsterRun
    source_file : str
        Name of the file that the batch was read from.

    Returns
    -------
    str
    """
    return run.tags.get(USER_TAG) or f"run {run.run_id}, file {source_file}"


def _metadata(tracking: Tracking, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "decision": entry["outcome"],
        "reason": entry["reason"],
        "decided_by": entry.get("actor", "not recorded"),
        "version": tracking.version_link(entry["version"]),
        "champion_before": entry["champion_before"] or "none",
        "checks_passed": entry["passed"],
        "checks_failed": entry["failed"],
        "figures": dg.MetadataValue.json(entry["figures"]),
        "thresholds": dg.MetadataValue.json(entry["thresholds"]),
        "decision_log": dg.MetadataValue.path(paths.decisions_path()),
        "hashes": dg.MetadataValue.json(
            {name: entry[name] for name in ("data_hash", "configuration_hash", "model_hash")}
        ),
    }
