"""Check on `registered_model`: somebody is in charge."""

import dagster as dg

from fraud_assets.intake.resources import batches
from fraud_assets.registry.assets import registered_model
from fraud_assets.text import named
from fraud_assets.tracking import Tracking


@dg.asset_check(asset=registered_model, partitions_def=batches)
def champion_available(tracking: Tracking) -> dg.AssetCheckResult:
    """There is a champion to score transactions with."""
    champion = tracking.champion()
    if champion is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="no version is in charge: none has passed yet; read the reasons in the "
            "decision log, or put one in charge by hand",
        )
    return dg.AssetCheckResult(
        passed=True,
        description=f"version {champion.version}, trained for batch {named(champion.batch)}",
        metadata={"version": tracking.version_link(champion.version)},
    )
