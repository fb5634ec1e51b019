"""`features`: the accepted rows with what was known about each at its time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from fraud_assets.catalog import HISTORY, AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.config.settings import FeatureSettings
from fraud_assets.features.compute import own_features, write_features
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import WindowFeature, features_for
from fraud_assets.features.lookback import AcceptedRows, Span, span_of
from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import shown, table_metadata
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
    """Model-ready rows: the numeric columns, and the history of each card and terminal.

    As the first step after the blocking checks of intake, it also records the batch as accepted.
    """
    raw = raw_transactions.facts
    batch, roles, delay = raw.batch, raw.roles, config.label_delay_days
    own = AcceptedRows(raw_transactions.path, roles)
    derived = features_for(roles, raw.kinds)
    address = engine.feature_address()
    with (
        tables.incoming("features", batch) as rows,
        engine.connect("raw_transactions", "features") as connection,
        open_engine(address, connection) as backend,
    ):
        span = span_of(backend, own, delay)
        history = visible_history(catalog, batch, span)
        context.log.info(
            f"{len(derived)} derived features by {address}, from {len(history)} earlier batches"
        )
        write_features(backend, connection, own, history, span, derived, delay, rows)
        metadata = table_metadata(connection, rows)
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


def visible_history(catalog: BatchCatalog, batch: str, span: Span) -> list[AcceptedRows]:
    """Return the earlier batches that the windows of a batch may see.

    Parameters
    ----------
    catalog : BatchCatalog
        The batches that were accepted, and their tables.
    batch : str
        Name of the batch (partition key).
    span : Span
        When the rows and labels of the batch became known.

    Returns
    -------
    list of AcceptedRows
        Oldest first; batches that were excluded or removed by age are left out.

    See Also
    --------
    fraud_assets.features.lookback.Span.may_see : which batches a window may see.
    """
    kept = (
        catalog.table(tables.RawTable, earlier.batch, earlier.content_hash)
        for earlier in catalog.usable(batch)
        if span.may_see(Span(*earlier.span))
    )
    return [AcceptedRows(table.path, table.facts.roles) for table in kept if table is not None]


def note_acceptance(
    context: dg.AssetExecutionContext, catalog: BatchCatalog, accepted: AcceptedBatch, rows: int
) -> None:
    """Record that a batch passed intake, and which later batches its correction makes stale.

    Parameters
    ----------
    context : AssetExecutionContext
        Its run gets the events.
    catalog : BatchCatalog
        The batches that were accepted, and their tables.
    accepted : AcceptedBatch
        The batch as it was accepted now.
    rows : int
        Accepted rows.

    See Also
    --------
    stale_batches : finds the later batches.
    """
    before = catalog.accepted()
    known = before.get(accepted.batch)
    if known is not None and known.content_hash == accepted.content_hash:
        accepted = replace(accepted, excluded=known.excluded)
    context.log_event(acceptance(accepted, rows))
    catalog.note(accepted)
    catalog.prune(accepted.batch)
    for batch in stale_batches(before, accepted):
        context.log.warning(f"{accepted.batch} was corrected: features of {batch} are stale")
        context.log_event(catalog.history_version(batch))


def stale_batches(before: Mapping[str, AcceptedBatch], accepted: AcceptedBatch) -> list[str]:
    """Return the batches whose features no longer fit the content of an accepted one.

    Parameters
    ----------
    before : mapping of str to AcceptedBatch
        The accepted batches in the order of their first acceptance, without this acceptance.
    accepted : AcceptedBatch
        The new acceptance of the batch.

    Returns
    -------
    list of str
        Later batches whose windows see the old or the new rows; none unless the content changed.

    See Also
    --------
    note_acceptance : records the result.
    """
    old = before.get(accepted.batch)
    if old is None or old.content_hash == accepted.content_hash:
        return []
    corrected = [Span(*old.span), Span(*accepted.span)]
    order = list(before)
    return [
        batch
        for batch in order[order.index(accepted.batch) + 1 :]
        if any(Span(*before[batch].span).may_see(span) for span in corrected)
    ]


def _metadata(facts: Features) -> dict[str, Any]:
    return {
        "features": dg.MetadataValue.json(facts.features),
        "n_features": len(facts.features),
        "label_delay_days": shown(facts.label_delay_days),
    }
