"""`features`: the accepted rows with what was known about each at its time."""

from typing import Any

import dagster as dg

from fraud_assets import storage
from fraud_assets.config import FeatureSettings
from fraud_assets.features.build import (
    Source,
    derived_features,
    load_transactions,
    own_features,
    warm_up_days,
    write_features,
)
from fraud_assets.intake.contract import Roles
from fraud_assets.intake.resources import (
    ACCEPTED_BATCHES,
    OWNERS,
    acceptance,
    batches,
    earlier_batches,
)
from fraud_assets.tracking import Tracking

PROVENANCE = (
    *("source_file", "source_bytes", "content_hash", "schema_fingerprint"),
    *("rows", "rejected", "rows_hash"),
)
"""What is said of the file behind a batch, wherever its model goes."""


class FeatureConfig(FeatureSettings, dg.Config):
    """Launchpad configuration of `features`."""


@dg.asset(
    partitions_def=batches,
    group_name="features",
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    code_version="1",
    io_manager_key="tables",
    deps=[dg.AssetDep(ACCEPTED_BATCHES, partition_mapping=dg.AllPartitionMapping())],
)
def features(
    context: dg.AssetExecutionContext,
    config: FeatureConfig,
    raw_transactions: storage.Table,
    engine: storage.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[storage.Table]:
    """Model-ready rows: numbers as they came, and the past of each card and terminal.

    The first step after intake: it notes that the batch was accepted, and which champion is
    in charge, so that no later step of the batch is compared with itself.
    """
    raw = raw_transactions.facts
    batch, roles = raw["batch"], Roles(**raw["roles"])
    champion = tracking.champion()
    own = Source(raw_transactions.path, roles)
    rows = storage.new_rows_file("features", batch)
    with engine.connect() as connection:
        if roles.has_behaviour:
            past = history(context.instance, batch)
            context.log.info(f"looking back on {len(past)} earlier batches")
            load_transactions(connection, own, past, config.label_delay_days)
        derived = derived_features(roles, raw["kinds"])
        write_features(connection, own, config.label_delay_days, derived, rows)
        metadata = storage.table_metadata(connection, rows)
    storage.prune_versions(batch, raw["content_hash"])
    context.log_event(acceptance(batch, raw["content_hash"], raw["rows"]))
    names = own_features(raw["kinds"], roles) + derived
    facts = {
        "batch": batch,
        "content_hash": raw["content_hash"],
        "source": {name: raw[name] for name in PROVENANCE},
        "kinds": raw["kinds"],
        "roles": raw["roles"],
        "features": names,
        "label_delay_days": config.label_delay_days,
        "warm_up_days": warm_up_days(roles, config.label_delay_days),
        "champion": champion.version if champion else None,
    }
    return dg.MaterializeResult(
        value=storage.Table(rows, facts), metadata=metadata | _metadata(facts)
    )


def history(instance: dg.DagsterInstance, batch: str) -> list[Source]:
    """Return the accepted rows of the batches before one."""
    tables = [
        storage.load_table("raw_transactions", earlier.batch, earlier.content_hash)
        for earlier in earlier_batches(instance, batch)
    ]
    return [Source(table.path, Roles(**table.facts["roles"])) for table in tables]


def _metadata(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "features": dg.MetadataValue.json(facts["features"]),
        "n_features": len(facts["features"]),
        "label_delay_days": facts["label_delay_days"],
        "champion_version": facts["champion"] or "none yet",
    }
