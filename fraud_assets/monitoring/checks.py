"""Checks of what was published: whether the push succeeded."""

import dagster as dg

from fraud_assets.intake.partitions import batches
from fraud_assets.monitoring.assets import published_drift, published_metrics
from fraud_assets.records.published import Published


def _push_succeeded(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="push_succeeded",
        asset=asset,
        partitions_def=batches,
        description="The figures were pushed to the Pushgateway, where one is set.",
    )
    def push_succeeded(published: Published) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=published.error is None,
            severity=dg.AssetCheckSeverity.ERROR,
            description=describe_push(published),
        )

    return push_succeeded


def describe_push(published: Published) -> str:
    """Return one sentence on how a push ended, and what to do when it failed.

    Parameters
    ----------
    published : Published
        The record of what was published.

    Returns
    -------
    str

    See Also
    --------
    fraud_assets.monitoring.exposition.push : pushes the figures.
    """
    if published.gateway is None:
        return "PROMETHEUS_PUSHGATEWAY_URL is not set: only the textfile was written"
    if published.pushed:
        return f"pushed to {published.gateway}"
    return (
        f"push to {published.gateway} failed: {published.error}; check that the Pushgateway "
        "runs, then materialize this asset again"
    )


drift_push_succeeded = _push_succeeded(published_drift)
metrics_push_succeeded = _push_succeeded(published_metrics)
