"""`champion_scores` and `scored_transactions`: the champion's scores and decisions by batch."""

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
from fraud_assets.metadata import shown, table_metadata
from fraud_assets.platform.masking import masking
from fraud_assets.records.batches import ChampionScores, Features
from fraud_assets.records.scoring import ScoredBatch, ScoredTransactions, UnscoredBatch
from fraud_assets.scoring.score import BatchRows, no_scores, rank_rows, score_rows
from fraud_assets.scoring.suppressions import Suppression, read_suppressions, to_frame
from fraud_assets.scoring.worklist import alert_outcomes, make_worklist
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.store.spreadsheet import csv_text
from fraud_assets.text import inert
from fraud_assets.tracking import ModelVersion, Tracking

NO_CHAMPION = (
    "there was no champion yet; once there is one, materialize champion_scores and "
    "scored_transactions of this batch"
)
SHOWN_ENTRIES = 20
ENTRY_COLUMNS = ["place", "kind", "score", "amount", "reasons"]
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
    """The champion's score of every row, computed once for everything that uses it.

    From the champion at the time the batch arrived: no row was used to train the model that scores
    it, and no later step compares the champion with itself. Needs no training.
    """
    champion = tracking.champion()
    record = _record(tracking, champion, features.facts)
    with (
        tables.incoming("champion_scores", record.batch) as rows,
        engine.connect("features", "champion_scores") as connection,
    ):
        scores = no_scores()
        if champion and record.is_scored:
            model, roles = tracking.load(champion.version), features.facts.roles
            scores = score_rows(connection, features.path, roles, model, list(champion.features))
        scores.assign(champion=record.champion).to_parquet(rows, index=False)
        metadata = table_metadata(connection, rows)
    metadata["champion"] = tracking.version_link(champion.version) if champion else "none yet"
    if not record.is_scored:
        metadata["not_scored"] = _why_not_scored(record)
        context.log.warning(f"not scored: {_why_not_scored(record)}")
    return dg.MaterializeResult(value=tables.ScoreTable(rows, record), metadata=metadata)


def _record(tracking: Tracking, champion: ModelVersion | None, facts: Features) -> ChampionScores:
    missing = set(champion.features) - set(facts.features) if champion else set()
    return ChampionScores(
        batch=facts.batch,
        content_hash=facts.content_hash,
        champion=champion.version if champion else None,
        decision_threshold=champion.decision_threshold if champion else None,
        missing_columns=sorted(missing),
        champion_batch=champion.batch if champion else None,
        source_file=facts.source.source_file,
        column_changes=_column_changes(tracking, champion, facts.kinds),
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
) -> dg.MaterializeResult[ScoredTransactions]:
    """The champion's decisions with reasons, ranked by score, and a worklist for the analysts.

    Needs no training, so a batch too poor to train on is scored, too.
    """
    batch, record = context.partition_key, champion_scores.facts
    if record.champion is None or not record.is_scored:
        reason = _why_not_scored(record)
        unscored = UnscoredBatch(batch=batch, not_scored=reason)
        return dg.MaterializeResult(value=unscored, metadata={"not_scored": reason})
    version = tracking.version(record.champion)
    suppressions = read_suppressions(environment.suppressions_path(), masking())
    rows = BatchRows(features.path, champion_scores.path, features.facts.roles)
    scored = _rank(engine, tracking, version, rows, suppressions)
    worklist = make_worklist(scored, config)
    suppressed_by = _suppressions_csv(suppressions)
    _write(batch, scored, worklist, suppressed_by)
    report = ScoredBatch(
        batch=batch,
        content_hash=record.content_hash,
        champion=version.version,
        decision_threshold=version.decision_threshold,
        rows=len(scored),
        suppressions=hashlib.sha256(suppressed_by.encode()).hexdigest() if suppressed_by else None,
        worklist_entries=len(worklist),
        **dict(alert_outcomes(scored)),
    )
    context.log.info(f"{report.alerts_count} alerts, {len(worklist)} worklist entries")
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, worklist))


def _rank(
    engine: resources.Engine,
    tracking: Tracking,
    version: ModelVersion,
    rows: BatchRows,
    suppressions: list[Suppression],
) -> pd.DataFrame:
    with engine.connect("features", "champion_scores") as connection:
        return rank_rows(
            connection,
            rows,
            tracking.load(version.version),
            list(version.features),
            version.decision_threshold,
            suppressions,
            datetime.now(UTC).date(),
        )


def _why_not_scored(record: ChampionScores) -> str:
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


def _suppressions_csv(suppressions: list[Suppression]) -> str | None:
    """Return the suppressions with tokens in place of card numbers; None without a file."""
    if not environment.suppressions_path().exists():
        return None
    return csv_text(to_frame(suppressions))


def _write(
    batch: str, scored: pd.DataFrame, worklist: pd.DataFrame, suppressions: str | None
) -> None:
    folder = paths.report_folder(batch)
    files.write_atomically(folder / "scored_transactions.parquet", scored.to_parquet(index=False))
    files.write_atomically(folder / "scored_transactions.csv", csv_text(scored))
    files.write_atomically(folder / "worklist.csv", csv_text(worklist))
    # A copy from an earlier release may contain card numbers.
    (folder / SUPPRESSIONS).unlink(missing_ok=True)
    if suppressions is not None:
        files.write_atomically(folder / SUPPRESSIONS, suppressions)


def _metadata(tracking: Tracking, report: ScoredBatch, worklist: pd.DataFrame) -> dict[str, Any]:
    folder = paths.report_folder(report.batch)
    # Without cards and terminals: events are kept for long, and copied.
    entries = json.loads(worklist.head(SHOWN_ENTRIES)[ENTRY_COLUMNS].to_json(orient="records"))
    return {
        "champion": tracking.version_link(report.champion),
        "dagster/row_count": report.rows,
        "worklist": dg.MetadataValue.table([dg.TableRecord(shown(entry)) for entry in entries]),
        "worklist_csv": dg.MetadataValue.path(folder / "worklist.csv"),
        "scored_csv": dg.MetadataValue.path(folder / "scored_transactions.csv"),
        "suppressions": report.suppressions or "none",
        **shown(report.figures),
    }
