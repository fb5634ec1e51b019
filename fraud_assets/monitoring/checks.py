"""Checks on what was published: did the push arrive."""

from typing import Any

import dagster as dg

from fraud_assets.intake.partitions import batches
from fraud_assets.monitoring.assets import published_drift, published_metrics


def _push_succeeded(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="push_succeeded", asset=asset, partitions_def=batches, description="The push arrived."
    )
    def push_succeeded(published: dict[str, Any]) -> dg.AssetCheckResult:
        if published["gateway"] is None:
            description = "PROMETHEUS_PUSHGATEWAY_URL is not set: only the textfile was written"
        elif published["pushed"]:
            description = f"pushed to {published['gateway']}"
        else:
            description = (
                f"push to {published['gateway']} failed: {published['error']}; see that the "
                "Pushgateway runs, then materialize this asset again"
            )
        return dg.AssetCheckResult(
            passed=published["error"] is None,
            severity=dg.AssetCheckSeverity.ERROR,
            description=description,
        )

    return push_succeeded


drift_push_succeeded = _push_succeeded(published_drift)
metrics_push_succeeded = _push_succeeded(published_metrics)
