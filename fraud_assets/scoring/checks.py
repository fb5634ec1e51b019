"""Check on `champion_scores`: the champion knows the columns of the batch."""

import dagster as dg

from fraud_assets import storage
from fraud_assets.intake.resources import batches
from fraud_assets.records import ChampionScores
from fraud_assets.scoring.assets import champion_scores
from fraud_assets.text import some

CHANGES_SHOWN = 5


@dg.asset_check(asset=champion_scores, partitions_def=batches)
def champion_columns(champion_scores: storage.Table) -> dg.AssetCheckResult:
    """Every column that the champion was trained on is there, and of the same kind.

    Otherwise a new model can be trained, and perhaps cannot be compared with the champion.
    """
    record = ChampionScores(**champion_scores.facts)
    changes = some(record.column_changes, CHANGES_SHOWN)
    remedy = "export these columns again, or expect a model that cannot be compared with it"
    return dg.AssetCheckResult(
        passed=not record.column_changes,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{changes}; {remedy}"
        if record.column_changes
        else "no champion to compare with"
        if record.champion is None
        else "every column is as the champion knows it",
        metadata={"champion": record.champion or "none yet"},
    )
