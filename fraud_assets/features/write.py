"""Writes the rows of a batch with their features."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.config import LABEL_LEAKS
from fraud_assets.features.build import KEY, row_features, window_features
from fraud_assets.features.engines import as_sql
from fraud_assets.features.families import Feature, WindowFeature
from fraud_assets.features.known import (
    KNOWN,
    LABEL_KNOWN,
    MICROSECONDS_PER_DAY,
    label_known_at,
    labels_follow_the_delay,
    row_known_at,
)
from fraud_assets.features.transactions import Source, Span, look_back
from fraud_assets.intake.contract import NUMBER, Roles
from fraud_assets.sql import literal

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend


def own_features(kinds: dict[str, str], roles: Roles) -> list[str]:
    """Return the source columns that are features as they are.

    Numbers that are neither the target nor a role that only locates the transaction. A
    timestamp in seconds counts as a number when there is no card or terminal to follow.
    """
    left_out = {roles.target, roles.card, roles.terminal, roles.transaction_id}
    left_out |= {roles.known_at, roles.label_known_at, *LABEL_LEAKS}
    if roles.has_behaviour:
        left_out.add(roles.timestamp)
    return [name for name, kind in kinds.items() if kind == NUMBER and name not in left_out]


def common_delay(sources: Sequence[Source], label_delay_days: float) -> float | None:
    """Return the label delay if it holds for every row of these batches, else None."""
    follow = all(labels_follow_the_delay(source.roles) for source in sources)
    return label_delay_days if follow else None


def write_features(
    backend: "BaseBackend",
    connection: "duckdb.DuckDBPyConnection",
    own: Source,
    history: Sequence[Source],
    span: Span,
    features: Sequence[Feature],
    label_delay_days: float,
    destination: Path,
) -> None:
    """Write a batch's rows with their features.

    Parameters
    ----------
    backend : BaseBackend
        What computes the features.
    connection : duckdb.DuckDBPyConnection
        What writes the file.
    own : Source
    history : sequence of Source
        Batches accepted before it, those that its windows may see.
    span : Span
        Of the batch.
    features : sequence of Feature
        The derived features to add.
    label_delay_days : float
        In days, positive.
    destination : Path
        Parquet: the source columns, `known_us`, `label_known_us`, `days_known`, then the
        derived features, in the order of the file.
    """
    seen = look_back(backend, own, history, span, label_delay_days)
    delay = common_delay([own, *history], label_delay_days)
    with seen.cache() as transactions:
        table = with_features(backend, own, transactions, features, label_delay_days, delay)
        with as_sql(table, destination.parent) as rows:
            connection.execute(
                f"COPY (FROM {rows} ORDER BY source_line) TO {literal(destination)} "
                "(FORMAT parquet)"
            )


def with_features(
    backend: "BaseBackend",
    own: Source,
    transactions: "ir.Table",
    features: Sequence[Feature],
    label_delay_days: float,
    common: float | None,
) -> "ir.Table":
    """Return the rows of a batch with their features, in no order.

    Parameters
    ----------
    backend : BaseBackend
    own : Source
    transactions : Table
        As made by `transactions.look_back`.
    features : sequence of Feature
    label_delay_days : float
        In days.
    common : float or None
        The label delay if it holds for all rows.
    """
    rows, roles = backend.read_parquet(own.path), own.roles
    first = transactions[KNOWN].min().as_scalar()
    known = row_known_at(rows, roles)
    table = rows.mutate(
        **{KNOWN: known, LABEL_KNOWN: label_known_at(rows, roles, label_delay_days)},
        days_known=(known - first) / MICROSECONDS_PER_DAY,
    )
    table = row_features(table, roles, features)
    windows = [feature for feature in features if isinstance(feature, WindowFeature)]
    if windows:
        table = table.inner_join(window_features(transactions, windows, common), KEY)
    columns = [*rows.columns, KNOWN, LABEL_KNOWN, "days_known"]
    return table.select(*columns, *[feature.name for feature in features])
