"""Detects features that use the future, by removing the future and computing them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.features.availability import KNOWN, LABEL_KNOWN
from fraud_assets.features.build import KEY, window_features
from fraud_assets.features.families import WindowFeature
from fraud_assets.store.sql import identifier, parquet

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir

CUTS = (0.3, 0.6, 0.9)
SAMPLED_ROWS = 300
"""Rows at each moment whose features are recomputed."""
TOLERANCE = 1e-6
PAST = "past_without_future"


@dataclass(frozen=True)
class Leak:
    """A feature whose values changed when the future was removed.

    Attributes
    ----------
    feature : str
        Column name.
    rows : int
        Sampled rows at which it changed.

    See Also
    --------
    find_leaks : finds them.
    """

    feature: str
    rows: int


def find_leaks(
    connection: "duckdb.DuckDBPyConnection",
    transactions: "ir.Table",
    stored: Path,
    features: Sequence[WindowFeature],
    label_delay_days: float | None,
) -> list[Leak]:
    """Recompute stored features without the future, and compare.

    At several moments of the batch, all later rows are removed and every label not yet known is
    flipped; no feature of an earlier row may change. At each moment a sample of earlier rows is
    compared, with the history of their cards and terminals.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection that may read the files.
    transactions : Table
        In DuckDB, as made by `lookback.look_back`.
    stored : Path
        Parquet file of the batch's features.
    features : sequence of WindowFeature
        The features to recompute.
    label_delay_days : float or None
        As for `window_features`.

    Returns
    -------
    list of Leak
        Empty when no feature uses the future.

    See Also
    --------
    as_of : removes the future.
    """
    import ibis

    changed = {feature.name: 0 for feature in features}
    backend, query = transactions.get_backend(), ""
    for share in CUTS if features else ():
        moment = connection.execute(
            f"SELECT quantile_disc({KNOWN}, {share}) FROM {parquet(stored)}"
        ).fetchall()[0][0]
        if moment is None:
            continue
        past = backend.create_table(PAST, as_of(transactions, moment), temp=True, overwrite=True)
        # One query for all moments: generating its SQL takes longer than running it.
        query = query or str(ibis.to_sql(window_features(past, features, label_delay_days)))
        differing = ", ".join(f"count(*) FILTER (WHERE {_differs(name)})" for name in changed)
        counts = connection.execute(
            f"SELECT {differing} FROM ({query}) AS again "
            f"JOIN {parquet(stored)} AS stored USING ({KEY})"
        ).fetchall()[0]
        for name, count in zip(changed, counts, strict=True):
            changed[name] += count
    backend.drop_table(PAST, force=True)
    return [Leak(name, rows) for name, rows in changed.items() if rows]


def as_of(transactions: "ir.Table", moment: int) -> "ir.Table":
    """Return what was known at a moment about sampled rows and their cards and terminals.

    Parameters
    ----------
    transactions : Table
        In DuckDB, as from `lookback.look_back`.
    moment : int
        In microseconds.

    Returns
    -------
    Table
        The columns of `transactions`; `source_line` is null except for the sampled rows, and
        labels not yet known are flipped.

    See Also
    --------
    find_leaks : compares the features.
    """
    import ibis

    past = transactions.filter(transactions[KNOWN] <= moment)
    sample = past.filter(past[KEY].notnull())
    sample = sample.order_by(sample[KEY].hash()).limit(SAMPLED_ROWS)
    past = past.filter(
        past["card"].isin(sample["card"]) | past["terminal"].isin(sample["terminal"])
    )
    sampled = past[KEY].isin(sample[KEY])
    unknown = past[LABEL_KNOWN] > moment
    return past.mutate(
        **{KEY: ibis.ifelse(sampled, past[KEY], ibis.null("int64"))},
        fraud=ibis.ifelse(unknown, (1 - past["fraud"]).cast("int8"), past["fraud"]),
    )


def _differs(name: str) -> str:
    again, stored = f"again.{identifier(name)}", f"stored.{identifier(name)}"
    return (
        f"{again} IS DISTINCT FROM {stored} AND NOT coalesce("
        f"abs({again} - {stored}) <= {TOLERANCE} * greatest(1, abs({stored})), false)"
    )
