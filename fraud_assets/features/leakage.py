"""Looks for features that know the future, by taking the future away."""

from dataclasses import dataclass

import duckdb

from fraud_assets.features.build import derived_features, features_query
from fraud_assets.intake.contract import Roles

CUTS = (0.3, 0.6, 0.9)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Leak:
    """A feature whose value moved when the future was taken away.

    Attributes
    ----------
    feature : str
    rows : int
        Rows at which it moved.
    """

    feature: str
    rows: int


def find_leaks(
    engine: duckdb.DuckDBPyConnection, roles: Roles, label_delay_days: float
) -> list[Leak]:
    """Compute the features again without the future and compare.

    At some moments of the batch, every later row is removed and every label that was not
    known by then is flipped; no feature of an earlier row may move.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        With the table `transactions` of `features.build.load_transactions`.
    roles : Roles
    label_delay_days : float

    Returns
    -------
    list of Leak
        Empty when no feature knows the future.
    """
    names = derived_features(roles)
    if not names:
        return []
    found: dict[str, int] = dict.fromkeys(names, 0)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE whole AS {features_query(roles, label_delay_days)}"
    )
    for cut in CUTS:
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE past AS WITH cut AS (SELECT quantile_disc(event_time, "
            f"{cut}) AS moment FROM transactions WHERE row IS NOT NULL) "
            "SELECT * REPLACE (CASE WHEN label_known_at > moment THEN 1 - fraud ELSE fraud END "
            "AS fraud) FROM transactions, cut WHERE event_time <= moment"
        )
        moved = ", ".join(
            f"count(*) FILTER (WHERE {_differs(f'whole.{name}', f'past.{name}')})" for name in names
        )
        counts = engine.execute(
            f"SELECT {moved} FROM ({features_query(roles, label_delay_days, 'past')}) AS past "
            "JOIN whole USING (row)"
        ).fetchall()[0]
        for name, count in zip(names, counts, strict=True):
            found[name] += count
    return [Leak(name, rows) for name, rows in found.items() if rows]


def _differs(left: str, right: str) -> str:
    return (
        f"{left} IS DISTINCT FROM {right} AND NOT coalesce("
        f"abs({left} - {right}) <= {TOLERANCE} * greatest(1, abs({left})), false)"
    )
