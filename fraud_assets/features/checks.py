"""Check on `features`: no feature uses information from the future."""

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config import environment
from fraud_assets.features.assets import features, visible_history
from fraud_assets.features.compute import common_delay
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import WindowFeature, features_for
from fraud_assets.features.leakage import CUTS, SAMPLED_ROWS, find_leaks
from fraud_assets.features.lookback import AcceptedRows, Span, look_back
from fraud_assets.intake.partitions import batches
from fraud_assets.store import resources, tables


@dg.asset_check(asset=features, blocking=True, partitions_def=batches)
def no_future_information(
    features: tables.FeatureTable, engine: resources.Engine, catalog: BatchCatalog
) -> dg.AssetCheckResult:
    """Removing the future, labels included, changes no feature of an earlier row."""
    facts = features.facts
    roles, delay, span = facts.roles, facts.label_delay_days, Span(*facts.span)
    derived = features_for(roles, facts.kinds)
    windows = [feature for feature in derived if isinstance(feature, WindowFeature)]
    if not windows:
        description = "no feature looks at other rows, so none can use the future"
        return dg.AssetCheckResult(passed=True, description=description)
    raw = tables.load_table(tables.RawTable, facts.batch, facts.content_hash)
    own = AcceptedRows(raw.path, roles)
    history = visible_history(catalog, facts.batch, span)
    shared_delay = common_delay([own, *history], delay)
    with (
        engine.connect("raw_transactions", "features") as connection,
        open_engine(environment.IN_PROCESS, connection) as backend,
        look_back(backend, own, history, span, delay).cache() as transactions,
    ):
        leaks = find_leaks(connection, transactions, features.path, windows, shared_delay)
    moved = "; ".join(f"{leak.feature} changed at {leak.rows} sampled rows" for leak in leaks)
    return dg.AssetCheckResult(
        passed=not leaks,
        severity=dg.AssetCheckSeverity.ERROR,
        description=moved
        or f"none of {len(windows)} features changes when the future is cut off at "
        f"{len(CUTS)} moments",
        metadata={
            "features_checked": len(windows),
            "moments": len(CUTS),
            "rows_at_each_moment": SAMPLED_ROWS,
        },
    )
