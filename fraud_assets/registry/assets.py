"""`registered_model`: the decision about the challenger, carried out and logged."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from fraud_assets import storage
from fraud_assets.config import USER_TAG
from fraud_assets.decisions import (
    append_entry,
    decision_of,
    log_hash,
    read_entries,
    recorded_artifacts,
    registry_lock,
)
from fraud_assets.drift.profile import make_profile, watched_columns
from fraud_assets.intake.contract import Roles
from fraud_assets.intake.resources import OWNERS, batches, earlier_batches
from fraud_assets.launcher import runs_to_take_up
from fraud_assets.registry.card import model_card
from fraud_assets.registry.promotion import decide
from fraud_assets.tracking import (
    DECISION_TAG,
    REFERENCE_PROFILE,
    REFERENCE_SAMPLE,
    ModelVersion,
    Tracking,
)
from fraud_assets.training.assets import window_of
from fraud_assets.training.splits import TRAIN, VALIDATION
from fraud_assets.training.train import fraud_scores
from fraud_assets.training.window import load_rows

CARD = "model_card.md"
LOG_HASH = "decision_log_sha256"
"""Metadata: what the log was when the decision stood in it. The audit compares."""


@dg.asset(
    partitions_def=batches,
    group_name="registry",
    owners=OWNERS,
    kinds={"mlflow", "json"},
    code_version="1",
    io_manager_key="reports",
)
def registered_model(
    context: dg.AssetExecutionContext,
    features: storage.Table,
    splits: storage.Table,
    trained_model: dict[str, Any],
    evaluation_report: dict[str, Any],
    drift_report: dict[str, Any],
    engine: storage.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """`promote`, `shadow_only` or `reject`, with the reason; the aliases follow it."""
    batch, version = context.partition_key, trained_model["version"]
    log = storage.decisions_path()
    # What an earlier decision recorded of this model stays: it is what is compared later.
    artifacts = recorded_artifacts(read_entries(log), trained_model["run_id"]) or (
        trained_model["artifacts"]
        | _store_reference_profile(tracking, engine, features, splits, trained_model)
    )
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
                _is_newer(context.instance, current, batch),
            )
            entry = append_entry(
                log,
                {
                    "event": "decision",
                    "batch": batch,
                    "version": version,
                    "champion_before": current.version if current else None,
                    "actor": actor_of(context.run, trained_model["source"]["source_file"]),
                    "dagster_run_id": context.run_id,
                    "mlflow_run_id": trained_model["run_id"],
                    "data_hash": trained_model["content_hash"],
                    "configuration_hash": trained_model["configuration_hash"],
                    "model_hash": trained_model["model_hash"],
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
    storage.write_atomically(storage.report_folder(batch) / CARD, card)
    tracking.log_text(trained_model["run_id"], CARD, card)
    tracking.describe_version(version, card, CARD)
    metadata = _metadata(tracking, entry) | {
        "model_card": dg.MetadataValue.md(card),
        LOG_HASH: confirmed,
    }
    return dg.MaterializeResult(value=entry, metadata=metadata)


def _period(splits: storage.Table) -> tuple[str, str] | None:
    """Return first and last day of a window, None when its data has no dates."""
    spans = []
    for batch, content_hash in splits.facts["window"]:
        facts = storage.load_table("features", batch, content_hash).facts
        if facts["roles"]["real_time"] and facts["span"][0] is not None:
            spans.append(facts["span"][:2])
    if not spans:
        return None
    ends = (min(first for first, _ in spans), max(last for _, last in spans))
    first, last = (datetime.fromtimestamp(end / 1e6, UTC).date().isoformat() for end in ends)
    return first, last


def _is_newer(instance: dg.DagsterInstance, champion: ModelVersion | None, batch: str) -> bool:
    """Tell whether the champion was trained for a batch that arrived after this one."""
    if champion is None or champion.batch == batch:
        return False
    return champion.batch not in {b.batch for b in earlier_batches(instance, batch)}


def _store_reference_profile(
    tracking: Tracking,
    engine: storage.Engine,
    features: storage.Table,
    splits: storage.Table,
    model: dict[str, Any],
) -> dict[str, str]:
    """Keep with the model version what drift is measured against when it is the champion.

    Returns
    -------
    dict of str to str
        SHA-256 of the artifacts, by their names.
    """
    roles = Roles(**features.facts["roles"])
    watched = watched_columns(model["batch_features"], model["kinds"], roles)
    members, known_by = window_of(splits), splits.facts["test_start"]
    with engine.connect("features", "splits") as connection:
        rows = load_rows(connection, members, TRAIN, watched.numbers, known_by, watched.texts)
        unfitted = load_rows(connection, members, VALIDATION, model["features"], known_by)
    fitted = tracking.load(model["version"], model["model_hash"])
    scores = fraud_scores(fitted, unfitted, model["features"])
    profile = make_profile(rows, watched, features.facts["warm_up_days"], scores)
    run_id = model["run_id"]
    return {
        REFERENCE_SAMPLE: tracking.log_frame(run_id, REFERENCE_SAMPLE, profile.sample),
        REFERENCE_PROFILE: tracking.log_json(run_id, REFERENCE_PROFILE, profile.facts()),
    }


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
        "decision_log": dg.MetadataValue.path(storage.decisions_path()),
        "hashes": dg.MetadataValue.json(
            {name: entry[name] for name in ("data_hash", "configuration_hash", "model_hash")}
        ),
    }
