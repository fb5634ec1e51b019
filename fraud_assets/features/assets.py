"""`features`: the accepted rows with what was known about each at its time."""

from typing import Any

import dagster as dg

from fraud_assets.catalog import HISTORY, AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.config import environment
from fraud_assets.config.settings import FeatureSettings
from fraud_assets.features.compute import own_features, write_features
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import WindowFeature, features_for
from fraud_assets.features.lookback import Source, Span, span_of
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import table_metadata
from fraud_assets.records.batches import Features, Provenance
from fraud_assets.store import resources, tables


class FeatureConfig(FeatureSettings, dg.Config):
    """Launchpad configuration of `features`."""


@batch_asset(kinds={"duckdb", "parquet"}, code_version="3", io_manager_key="tables", deps=[HISTORY])
def features(
    context: dg.AssetExecutionContext,
    config: FeatureConfig,
    raw_transactions: tables.RawTable,
    engine: resources.Engine,
    catalog: BatchCatalog,
) -> dg.MaterializeResult[tables.FeatureTable]:
    """Model-ready rows: numbers as they came, and the past of each card and terminal.

    The first step after intake: it notes that the batch was accepted.
    """
    raw = raw_transactions.facts
    batch, roles, delay = raw.batch, raw.roles, config.label_delay_days
    own = Source(raw_transactions.path, roles)
    derived = features_for(roles, raw.kinds)
    address = environment.feature_engine()
    with (
        tables.incoming("features", batch) as rows,
        engine.connect("raw_transactions", "features") as connection,
        open_engine(address, connection) as backend,
    ):
        span = span_of(backend, own, delay)
        past = looked_back_on(catalog, batch, span)
        context.log.info(
            f"{len(derived)} derived features by {address}, looking back on {len(past)} batches"
        )
        write_features(backend, connection, own, past, span, derived, delay, rows)
        metadata = table_metadata(connection, rows)
    tables.prune_versions(batch, raw.content_hash)
    note_acceptance(context, catalog, AcceptedBatch(batch, raw.content_hash, span), raw.rows)
    facts = Features(
        batch=batch,
        content_hash=raw.content_hash,
        source=Provenance.of(raw),
        kinds=raw.kinds,
        roles=roles,
        features=own_features(raw.kinds, roles) + [feature.name for feature in derived],
        label_delay_days=delay,
        span=span,
        warm_up_days={
            f.name: f.warm_up_days(delay) for f in derived if isinstance(f, WindowFeature)
        },
    )
    return dg.MaterializeResult(
        value=tables.FeatureTable(rows, facts), metadata=metadata | _metadata(facts)
    )


def looked_back_on(catalog: BatchCatalog, batch: str, span: Span) -> list[Source]:
    """Return the batches accepted before one that its windows may see.

    Parameters
    ----------
    catalog : BatchCatalog
    batch : str
    span : Span
        Of the batch.

    Returns
    -------
    list of Source
        Oldest first.
    """
    found = (
        catalog.table(tables.RawTable, earlier.batch, earlier.content_hash)
        for earlier in catalog.earlier(batch)
        if span.may_see(Span(*earlier.span))
    )
    # What was removed by age is no longer looked back on.
    tables = [table for table in found if table is not None]
    return [Source(table.path, table.facts.roles) for table in tables]


def note_acceptance(
    context: dg.AssetExecutionContext, catalog: BatchCatalog, accepted: AcceptedBatch, rows: int
) -> None:
    """Log that a batch passed intake; when it was corrected, also what became stale by that."""
    before = catalog.accepted()
    context.log_event(acceptance(accepted, rows))
    catalog.note(accepted)
    old = before.get(accepted.batch)
    if old is None or old.content_hash == accepted.content_hash:
        return
    later = list(before)[list(before).index(accepted.batch) + 1 :]
    for batch in later:
        span = Span(*before[batch].span)
        if span.may_see(Span(*old.span)) or span.may_see(Span(*accepted.span)):
            context.log.warning(f"{accepted.batch} was corrected: features of {batch} are stale")
            context.log_event(catalog.history_version(batch))


def _metadata(facts: Features) -> dict[str, Any]:
    return {
        "features": dg.MetadataValue.json(facts.features),
        "n_features": len(facts.features),
        "label_delay_days": facts.label_delay_days,
    }
