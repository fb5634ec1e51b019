"""Check on `champion_scores`: the batch has the columns that the champion was trained on."""

import dagster as dg

from fraud_assets.intake.partitions import batches
from fraud_assets.records.batches import ChampionScores
from fraud_assets.scoring.assets import champion_scores
from fraud_assets.store import tables
from fraud_assets.text import inert, named, some

CHANGES_SHOWN = 5


@dg.asset_check(asset=champion_scores, partitions_def=batches)
def champion_columns(champion_scores: tables.ScoreTable) -> dg.AssetCheckResult:
    """Every column that the champion was trained on is present and has the same type.

    Otherwise a new model can still be trained, but perhaps not compared with the champion.
    """
    record = champion_scores.facts
    return dg.AssetCheckResult(
        passed=not record.column_changes,
        severity=dg.AssetCheckSeverity.WARN,
        description=_description(record),
        metadata={"champion": record.champion or "none yet"},
    )


def _description(record: ChampionScores) -> str:
    if record.champion is None or record.champion_batch is None:
        return "no champion to compare with"
    if not record.column_changes:
        return "every column is as in the champion's training data"
    return (
        f"{inert(record.source_file)}: compared with the champion (version {record.champion}, "
        f"batch {named(record.champion_batch)}): {some(record.column_changes, CHANGES_SHOWN)}; "
        "export these columns again, or expect a model that cannot be compared with it"
    )
