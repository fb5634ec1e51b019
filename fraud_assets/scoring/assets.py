"""`scored_transactions`: what the model in charge makes of a whole batch."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets import config as configuration
from fraud_assets import storage
from fraud_assets.config import ScoringSettings
from fraud_assets.files import csv_text
from fraud_assets.intake.contract import Roles
from fraud_assets.intake.resources import OWNERS, batches
from fraud_assets.masking import masking
from fraud_assets.scoring.score import score_batch
from fraud_assets.scoring.suppressions import read_suppressions, to_frame
from fraud_assets.scoring.worklist import make_worklist, outcome
from fraud_assets.text import inert
from fraud_assets.tracking import ModelVersion, Tracking

NO_CHAMPION = (
    "no model was in charge yet; once one is, materialize scored_transactions of this batch"
)
SHOWN_ENTRIES = 20
SUPPRESSIONS = "suppressions.csv"


class ScoringConfig(ScoringSettings, dg.Config):
    """Launchpad configuration of `scored_transactions`."""


@dg.asset(
    partitions_def=batches,
    group_name="scoring",
    owners=OWNERS,
    kinds={"parquet", "csv"},
    code_version="2",
    io_manager_key="reports",
)
def scored_transactions(
    context: dg.AssetExecutionContext,
    config: ScoringConfig,
    features: storage.Table,
    engine: storage.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """The champion's scores, decisions and reasons, ranked, and a worklist for the analysts.

    By the champion that was in charge when the batch arrived, so that no row helped to train
    what scores it; needs no training, so that a batch too poor to train on is scored, too.
    """
    batch = context.partition_key
    champion = features.facts["champion"] or _current(tracking)
    version = tracking.version(champion) if champion else None
    obstacle = _obstacle(version, features.facts["features"])
    if version is None or obstacle:
        context.log.warning(f"not scored: {obstacle}")
        value = {"batch": batch, "not_scored": obstacle}
        return dg.MaterializeResult(value=value, metadata={"not_scored": obstacle})
    path = configuration.suppressions_path()
    entries = read_suppressions(path, masking())
    with engine.connect("features") as connection:
        scored = score_batch(
            connection,
            features.path,
            Roles(**features.facts["roles"]),
            tracking.load(version.version),
            list(version.features),
            version.decision_threshold,
            entries,
            datetime.now(UTC).date(),
        )
    worklist = make_worklist(scored, config)
    suppressions = csv_text(to_frame(entries)) if path.exists() else None
    _write(batch, scored, worklist, suppressions)
    report = {
        "batch": batch,
        # Line numbers are of one version of the batch.
        "content_hash": features.facts["content_hash"],
        "champion": version.version,
        "decision_threshold": version.decision_threshold,
        "rows": len(scored),
        # Of the copy that is kept beside, in which no card number stands.
        "suppressions": hashlib.sha256(suppressions.encode()).hexdigest() if suppressions else None,
        "worklist_entries": len(worklist),
        **outcome(scored),
    }
    context.log.info(f"{report['alerts_count']} alerts, {len(worklist)} entries of the worklist")
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, worklist))


def _obstacle(version: ModelVersion | None, columns: list[str]) -> str:
    """Say why a batch cannot be scored; empty when it can."""
    if version is None:
        return NO_CHAMPION
    missing = sorted(set(version.features) - set(columns))
    if not missing:
        return ""
    return (
        f"champion version {version.version} reads columns that this batch does not have: "
        f"{', '.join(map(inert, missing[:10]))}; put a version in charge that was trained on such "
        "data, and materialize scored_transactions of this batch"
    )


def _current(tracking: Tracking) -> str | None:
    champion = tracking.champion()
    return champion.version if champion else None


def _write(
    batch: str, scored: pd.DataFrame, worklist: pd.DataFrame, suppressions: str | None
) -> None:
    folder = storage.report_folder(batch)
    storage.write_atomically(folder / "scored_transactions.parquet", scored.to_parquet(index=False))
    storage.write_atomically(folder / "scored_transactions.csv", csv_text(scored))
    storage.write_atomically(folder / "worklist.csv", csv_text(worklist))
    # One of before may name cards by their numbers.
    (folder / SUPPRESSIONS).unlink(missing_ok=True)
    if suppressions is not None:
        storage.write_atomically(folder / SUPPRESSIONS, suppressions)


def _metadata(tracking: Tracking, report: dict[str, Any], worklist: pd.DataFrame) -> dict[str, Any]:
    folder = storage.report_folder(report["batch"])
    # Who is behind an entry stands in the CSV alone: events are kept for long, and copied.
    shown = worklist.head(SHOWN_ENTRIES)[["place", "kind", "score", "amount", "reasons"]]
    records = json.loads(shown.to_json(orient="records"))
    return {
        "champion": tracking.version_link(report["champion"]),
        "dagster/row_count": report["rows"],
        "worklist": dg.MetadataValue.table([dg.TableRecord(record) for record in records]),
        "worklist_csv": dg.MetadataValue.path(folder / "worklist.csv"),
        "scored_csv": dg.MetadataValue.path(folder / "scored_transactions.csv"),
        "suppressions": report["suppressions"] or "none",
        **{name: value for name, value in report.items() if name.endswith(("_count", "_rate"))},
    }
