"""`registered_model`: the decision about the challenger, carried out and logged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.names import USER_TAG
from fraud_assets.config.settings import ApprovalSettings, ManualDecision
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import shown
from fraud_assets.platform.outages import resumed_runs
from fraud_assets.platform.resources import PromotionPolicy
from fraud_assets.records.decisions import DecisionEntry, RegisteredModel, now
from fraud_assets.records.drift import DriftReport
from fraud_assets.records.evaluation import EvaluationReport
from fraud_assets.records.models import ReferenceProfile, TrainedModel
from fraud_assets.registry.approval import approve, decline
from fraud_assets.registry.card import model_card
from fraud_assets.registry.promotion import Candidate, decide
from fraud_assets.store import files, paths, tables
from fraud_assets.store.decision_log import (
    append_entry,
    decision_of,
    is_declined,
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
"""Metadata: the hash of the log just after the decision. The audit compares it."""


@batch_asset(kinds={"mlflow", "json"}, code_version="1", io_manager_key="reports")
def registered_model(
    context: dg.AssetExecutionContext,
    splits: tables.SplitTable,
    trained_model: TrainedModel,
    evaluation_report: EvaluationReport,
    drift_report: DriftReport,
    reference_profile: ReferenceProfile,
    catalog: BatchCatalog,
    tracking: Tracking,
    policy: PromotionPolicy,
) -> dg.MaterializeResult[RegisteredModel]:
    """`promote`, `held`, `proposed`, `shadow_only` or `reject`, with the reason; aliases follow."""
    version, log = trained_model.version, paths.decisions_path()
    artifacts = _artifacts(log, trained_model, reference_profile)
    with registry_lock(log):
        # The log first, then the alias: a run that dies in between finds its decision there.
        runs, entries = resumed_runs(context.instance, context.run), read_entries(log)
        entry = decision_of(entries, version, runs)
        if entry is None:
            champion = tracking.champion()
            candidate = Candidate(
                evaluation_report,
                drift_report,
                champion.version if champion else None,
                _is_newer(catalog, champion, context.partition_key),
                policy.settings().promotion,
                is_declined(entries, version),
            )
            entry = append_entry(log, _decide(context, trained_model, candidate, artifacts))
        if entry.outcome == "promote":
            tracking.make_champion(version)
        confirmed = log_hash(log)
    context.log.info(f"version {version}: {entry.outcome}: {entry.reason}")
    card = model_card(trained_model, evaluation_report, entry, _period(splits))
    _publish(tracking, entry, card)
    metadata = _metadata(tracking, entry) | {
        "model_card": dg.MetadataValue.md(card),
        LOG_HASH: confirmed,
    }
    return dg.MaterializeResult(value=RegisteredModel.of(entry), metadata=metadata)


def _decide(
    context: dg.AssetExecutionContext,
    model: TrainedModel,
    candidate: Candidate,
    artifacts: dict[str, str],
) -> DecisionEntry:
    """Decide about the challenger, and describe the decision for the log."""
    return DecisionEntry(
        time=now(),
        batch=context.partition_key,
        version=model.version,
        champion_before=candidate.champion,
        actor=actor_of(context.run, f"file {model.source.source_file}"),
        dagster_run_id=context.run_id,
        mlflow_run_id=model.run_id,
        data_hash=model.content_hash,
        configuration_hash=model.configuration_hash,
        model_hash=model.model_hash,
        artifacts=artifacts,
        **dict(decide(candidate)),
    )


def _publish(tracking: Tracking, entry: DecisionEntry, card: str) -> None:
    """Write the model card, and describe the version in MLflow."""
    tags = {DECISION_TAG: entry.outcome, "fraud.reason": entry.reason}
    tracking.tag_version(entry.version, tags)
    files.write_atomically(paths.report_folder(entry.batch) / CARD, card)
    tracking.log_text(str(entry.mlflow_run_id), CARD, card)
    tracking.describe_version(entry.version, card, CARD)


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


def _artifacts(log: Path, model: TrainedModel, profile: ReferenceProfile) -> dict[str, str]:
    """Return the SHA-256 of the artifacts of the model's MLflow run that later runs read."""
    # The hashes that an earlier decision recorded stay: later runs compare with them.
    recorded = recorded_artifacts(read_entries(log), model.run_id)
    if recorded is not None:
        return recorded
    if profile.model_version != model.version:
        raise dg.Failure(
            f"the reference profile of batch {named(profile.batch)} belongs to version "
            f"{profile.model_version}, and the decision is about version {model.version}; "
            "materialize reference_profile and registered_model of this batch",
            allow_retries=False,
        )
    return model.artifacts | profile.artifacts


def _is_newer(catalog: BatchCatalog, champion: ModelVersion | None, batch: str) -> bool:
    """Tell whether the champion was trained for a batch that arrived after this one."""
    if champion is None or champion.batch == batch:
        return False
    return champion.batch not in {b.batch for b in catalog.earlier(batch)}


def actor_of(run: dg.DagsterRun, cause: str) -> str:
    """Return who decides: the user who started the run, else the run and its cause.

    Parameters
    ----------
    run : DagsterRun
        The run that makes the decision.
    cause : str
        What the run was started for, such as the file of its batch.

    Returns
    -------
    str
    """
    return run.tags.get(USER_TAG) or f"run {run.run_id}, {cause}"


def _metadata(tracking: Tracking, entry: DecisionEntry) -> dict[str, Any]:
    return {
        "decision": entry.outcome,
        "reason": entry.reason,
        "decided_by": entry.actor or "not recorded",
        "version": tracking.version_link(entry.version),
        **({"confirms": f"version {entry.confirms}, which was held"} if entry.confirms else {}),
        "champion_before": entry.champion_before or "none",
        "checks_passed": entry.passed,
        "checks_failed": entry.failed,
        "figures": dg.MetadataValue.json(shown(entry.figures)),
        "thresholds": dg.MetadataValue.json(shown(entry.thresholds)),
        "decision_log": dg.MetadataValue.path(paths.decisions_path()),
        "hashes": dg.MetadataValue.json(
            entry.model_dump(include={"data_hash", "configuration_hash", "model_hash"})
        ),
    }


class ApprovalConfig(ApprovalSettings, dg.Config):
    """Launchpad configuration of `manual_decision`."""


@dg.asset(kinds={"mlflow"}, code_version="1", deps=[registered_model])
def manual_decision(
    context: dg.AssetExecutionContext, config: ApprovalConfig, tracking: Tracking
) -> dg.MaterializeResult[None]:
    """A person's decision about a version that is held or proposed.

    Materialized by hand, with the version, the decision and its reason in the launchpad; the
    commands `fraud-assets approve` and `fraud-assets reject` do the same.
    """
    decided = approve if config.decision is ManualDecision.approve else decline
    actor = actor_of(context.run, "started by hand")
    try:
        entry = decided(tracking, paths.decisions_path(), config.version, config.reason, actor)
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    return dg.MaterializeResult(
        metadata={
            "decision": entry.outcome,
            "reason": entry.reason,
            "decided_by": actor,
            "version": tracking.version_link(entry.version),
            "champion_before": entry.champion_before or "none",
        }
    )
