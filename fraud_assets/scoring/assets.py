"""`champion_scores` and `scored_transactions`: what the champion makes of a whole batch."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from fraud_assets.config import environment
from fraud_assets.config.settings import ScoringSettings
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.intake.schema import schema_changes
from fraud_assets.metadata import table_metadata
from fraud_assets.platform.masking import masking
from fraud_assets.records.batches import ChampionScores
from fraud_assets.scoring.score import BatchRows, no_scores, rank_rows, score_rows
from fraud_assets.scoring.suppressions import read_suppressions, to_frame
from fraud_assets.scoring.worklist import make_worklist, outcome
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.store.spreadsheet import csv_text
from fraud_assets.text import inert
from fraud_assets.tracking import ModelVersion, Tracking

NO_CHAMPION = (
    "there was no champion yet; once there is one, materialize champion_scores and "
    "scored_transactions of this batch"
)
SHOWN_ENTRIES = 20
SUPPRESSIONS = "suppressions.csv"


class ScoringConfig(ScoringSettings, dg.Config):
    """Launchpad configuration of `scored_transactions`."""


@batch_asset(kinds={"parquet"}, code_version="1", io_manager_key="tables")
def champion_scores(
    context: dg.AssetExecutionContext,
    features: tables.FeatureTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[tables.ScoreTable]:
    """The champion's score of every row, computed once for all that compare with the champion.

    By the champion of the moment at which the batch arrived, so that no row helped to train what
    scores it, and no later step is compared with itself. Needs no training.
    """
    facts = features.facts
    champion = tracking.champion()
    record = ChampionScores(
        batch=facts.batch,
        content_hash=facts.content_hash,
        champion=champion.version if champion else None,
        decision_threshold=champion.decision_threshold if champion else None,
        missing_columns=sorted(set(champion.features) - set(facts.features)) if champion else [],
        champion_batch=champion.batch if champion else None,
        source_file=facts.source.source_file,
        column_changes=_column_changes(tracking, champion, facts.kinds),
    )
    with (
        tables.incoming("champion_scores", record.batch) as rows,
        engine.connect("features", "champion_scores") as connection,
    ):
        scores = no_scores()
        if champion and record.is_scored:
            model, roles = tracking.load(champion.version), facts.roles
            scores = score_rows(connection, features.path, roles, model, list(champion.features))
        scores.assign(champion=record.champion).to_parquet(rows, index=False)
        metadata = table_metadata(connection, rows)
    if not record.is_scored:
        context.log.warning(f"not scored: {_obstacle(record)}")
    return dg.MaterializeResult(
        value=tables.ScoreTable(rows, record),
        metadata=metadata
        | {"champion": tracking.version_link(champion.version) if champion else "none yet"}
        | ({} if record.is_scored else {"not_scored": _obstacle(record)}),
    )


def _column_changes(
    tracking: Tracking, champion: ModelVersion | None, kinds: dict[str, str]
) -> list[str]:
    if champion is None:
        return []
    trained = tracking.model_facts(champion.run_id)
    return schema_changes(kinds, trained.kinds if trained else {})


@batch_asset(kinds={"parquet", "csv"}, code_version="3", io_manager_key="reports")
def scored_transactions(
    context: dg.AssetExecutionContext,
    config: ScoringConfig,
    features: tables.FeatureTable,
    champion_scores: tables.ScoreTable,
    engine: resources.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """The champion's decisions and reasons, ranked by its scores, and a worklist for the analysts.

    Needs no training, so that a batch too poor to train on is scored, too.
    """
    batch, record = context.partition_key, champion_scores.facts
    if record.champion is None or not record.is_scored:
        value = {"batch": batch, "not_scored": _obstacle(record)}
        return dg.MaterializeResult(value=value, metadata={"not_scored": _obstacle(record)})
    version = tracking.version(record.champion)
    path = environment.suppressions_path()
    entries = read_suppressions(path, masking())
    with engine.connect("features", "champion_scores") as connection:
        scored = rank_rows(
            connection,
            BatchRows(features.path, champion_scores.path, features.facts.roles),
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
        "content_hash": record.content_hash,
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


def _obstacle(record: ChampionScores) -> str:
    """Return why a batch was not scored; empty when it was."""
    if record.champion is None:
        return NO_CHAMPION
    if not record.missing_columns:
        return ""
    return (
        f"champion version {record.champion} reads columns that this batch does not have: "
        f"{', '.join(map(inert, record.missing_columns[:10]))}; make a version the champion that "
        "was trained on such data, and materialize champion_scores and scored_transactions of "
        "this batch"
    )


def _write(
    batch: str, scored: pd.DataFrame, worklist: pd.DataFrame, suppressions: str | None
) -> None:
    folder = paths.report_folder(batch)
    files.write_atomically(folder / "scored_transactions.parquet", scored.to_parquet(index=False))
    files.write_atomically(folder / "scored_transactions.csv", csv_text(scored))
    files.write_atomically(folder / "worklist.csv", csv_text(worklist))
    # One of before may name cards by their numbers.
    (folder / SUPPRESSIONS).unlink(missing_ok=True)
    if suppressions is not None:
        files.write_atomically(folder / SUPPRESSIONS, suppressions)


def _metadata(tracking: Tracking, report: dict[str, Any], worklist: pd.DataFrame) -> dict[str, Any]:
    folder = paths.report_folder(report["batch"])
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
