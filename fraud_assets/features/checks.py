"""Check on `features`: nothing in them comes from the future."""

import dagster as dg

from fraud_assets import storage
from fraud_assets.features.assets import features, history
from fraud_assets.features.build import Source, derived_features, load_transactions
from fraud_assets.features.leakage import CUTS, find_leaks
from fraud_assets.intake.contract import Roles
from fraud_assets.intake.resources import batches


@dg.asset_check(asset=features, blocking=True, partitions_def=batches)
def no_future_information(
    context: dg.AssetCheckExecutionContext, features: storage.Table, engine: storage.Engine
) -> dg.AssetCheckResult:
    """Taking the future away, labels included, moves no feature of an earlier row."""
    facts = features.facts
    roles = Roles(**facts["roles"])
    derived = derived_features(roles)
    if not derived:
        description = "no feature looks at other rows, so none can know the future"
        return dg.AssetCheckResult(passed=True, description=description)
    raw = storage.load_table("raw_transactions", facts["batch"], facts["content_hash"])
    with engine.connect() as connection:
        own = Source(raw.path, roles)
        past = history(context.instance, facts["batch"])
        load_transactions(connection, own, past, facts["label_delay_days"])
        leaks = find_leaks(connection, roles, facts["label_delay_days"])
    moved = "; ".join(f"{leak.feature} moved at {leak.rows} rows" for leak in leaks)
    return dg.AssetCheckResult(
        passed=not leaks,
        severity=dg.AssetCheckSeverity.ERROR,
        description=moved
        or f"{len(derived)} features stay as they are when the future is cut off at "
        f"{len(CUTS)} moments",
        metadata={"features_checked": len(derived), "moments": len(CUTS)},
    )
