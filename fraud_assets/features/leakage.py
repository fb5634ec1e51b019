"""Looks for features that know the future, by taking the future away."""

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
"""Rows at each moment whose features are computed again."""
TOLERANCE = 1e-6
PAST = "past_without_future"


@dataclass(frozen=True)
class Leak:
    """A feature whose value moved when the future was taken away.

    Attributes
    ----------
    feature : str
    rows : int
        Sampled rows at which it moved.
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
    """Compute stored features again without the future and compare.

    At some moments of the batch, every later row is removed and every label that was not
    known by then is flipped; no feature of an earlier row may move. At each moment a sample
    of earlier rows is looked at, with the past of their cards and terminals.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    transactions : Table
        In DuckDB, as made by `transactions.look_back`.
    stored : Path
        Parquet file of the batch's features.
    features : sequence of WindowFeature
    label_delay_days : float or None
        As for `window_features`.

    Returns
    -------
    list of Leak
        Empty when no feature knows the future.
    """
    import ibis

    found = {feature.name: 0 for feature in features}
    backend, question = transactions.get_backend(), ""
    for share in CUTS if features else ():
        moment = connection.execute(
            f"SELECT quantile_disc({KNOWN}, {share}) FROM {parquet(stored)}"
        ).fetchall()[0][0]
        if moment is None:
            continue
        past = backend.create_table(PAST, as_of(transactions, moment), temp=True, overwrite=True)
        # The same question of each past: writing it as SQL takes longer than answering it.
        question = question or str(ibis.to_sql(window_features(past, features, label_delay_days)))
        moved = ", ".join(f"count(*) FILTER (WHERE {_differs(name)})" for name in found)
        counts = connection.execute(
            f"SELECT {moved} FROM ({question}) AS again "
            f"JOIN {parquet(stored)} AS stored USING ({KEY})"
        ).fetchall()[0]
        for name, count in zip(found, counts, strict=True):
            found[name] += count
    backend.drop_table(PAST, force=True)
    return [Leak(name, rows) for name, rows in found.items() if rows]


def as_of(transactions: "ir.Table", moment: int) -> "ir.Table":
    """Return what was known at a moment of a sample of rows and of their cards and terminals.

    Parameters
    ----------
    transactions : Table
    moment : int
        In microseconds.

    Returns
    -------
    Table
        The columns of `transactions`; `source_line` is null for all but the sampled rows, and
        a label that was not known is the opposite of the true one.
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
