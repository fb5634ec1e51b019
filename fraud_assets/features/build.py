"""Builds the point-in-time features of a batch with DuckDB's window functions."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from fraud_assets.config import LABEL_LEAKS
from fraud_assets.features.families import (
    CALENDAR_FEATURES,
    LONGEST_WINDOW_DAYS,
    WindowFeature,
    window_features,
)
from fraud_assets.features.known import days, event_time, label_known_at
from fraud_assets.intake.contract import NUMBER, Roles
from fraud_assets.sql import identifier, literal, parquet

MICROSECONDS_PER_DAY = 86_400_000_000


class Source(NamedTuple):
    """A Parquet file of accepted rows and the roles of its columns."""

    path: Path
    roles: Roles


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


def derived_features(roles: Roles, taken: Collection[str] = ()) -> list[str]:
    """Return the names of the features that are made from a row's time and its past.

    Parameters
    ----------
    roles : Roles
    taken : collection of str
        Names of source columns: a column of the data goes before a feature of its name.
    """
    names = [feature.name for feature in _windows(roles)]
    if roles.real_time and roles.has_behaviour:
        names += CALENDAR_FEATURES
    return [name for name in names if name not in taken]


def warm_up_days(roles: Roles, label_delay_days: float) -> dict[str, float]:
    """Return, for each window feature, the days of history that fill its window."""
    return {feature.name: feature.warm_up_days(label_delay_days) for feature in _windows(roles)}


def _windows(roles: Roles) -> list[WindowFeature]:
    if not roles.has_behaviour:
        return []
    return window_features(bool(roles.card), bool(roles.terminal), bool(roles.amount))


def load_transactions(
    engine: duckdb.DuckDBPyConnection,
    own: Source,
    history: Sequence[Source],
    label_delay_days: float,
) -> None:
    """Make the temporary table `transactions`: a batch and the past that it looks back on.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    own : Source
        The batch.
    history : sequence of Source
        Earlier batches; of these only the rows within the longest window are read.
    label_delay_days : float
        In days, positive.

    Notes
    -----
    Columns: `row` (position in the batch; null for history), `event_time`, `card`,
    `terminal`, `amount`, `fraud`, `label_known_at`.
    """
    horizon = days(LONGEST_WINDOW_DAYS + label_delay_days)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE transactions AS "
        f"{_canonical(own, 'file_row_number', label_delay_days)}"
    )
    for source in history:
        engine.execute(
            "INSERT INTO transactions FROM "
            f"({_canonical(source, 'NULL', label_delay_days)}) WHERE event_time > "
            f"(SELECT min(event_time) - {horizon} FROM transactions WHERE row IS NOT NULL) "
            "AND event_time <= (SELECT max(event_time) FROM transactions WHERE row IS NOT NULL)"
        )


def _canonical(source: Source, row: str, label_delay_days: float) -> str:
    roles = source.roles

    def column(name: str | None, kind: str) -> str:
        return f"CAST({identifier(name)} AS {kind})" if name else f"CAST(NULL AS {kind})"

    return (
        f"SELECT CAST({row} AS BIGINT) AS row, {event_time(roles)} AS event_time, "
        f"{column(roles.card, 'VARCHAR')} AS card, "
        f"{column(roles.terminal, 'VARCHAR')} AS terminal, "
        f"{column(roles.amount, 'DOUBLE')} AS amount, {column(roles.target, 'TINYINT')} AS fraud, "
        f"{label_known_at(roles, label_delay_days)} AS label_known_at "
        f"FROM {parquet(source.path, row_numbers=True)}"
    )


def features_query(roles: Roles, label_delay_days: float, source: str = "transactions") -> str:
    """Return SQL for the derived features of the batch's rows.

    Parameters
    ----------
    roles : Roles
    label_delay_days : float
    source : str
        A table as made by `load_transactions`.

    Returns
    -------
    str
        A query with `row`, `event_time`, `days_known` (days since the first transaction
        that is known) and the columns of `derived_features`.
    """
    windows = _windows(roles)
    columns = [f"{_aggregate(feature, label_delay_days)} AS {feature.name}" for feature in windows]
    if roles.real_time and roles.has_behaviour:
        columns += [f"{sql} AS {name}" for name, sql in CALENDAR_FEATURES.items()]
    age = "epoch(event_time - min(event_time) OVER ()) / 86400 AS days_known"
    return (
        f"SELECT * FROM (SELECT {', '.join(['row', 'event_time', age, *columns])} FROM {source}) "
        "WHERE row IS NOT NULL"
    )


def _aggregate(feature: WindowFeature, label_delay_days: float) -> str:
    frame = _frame(feature, label_delay_days)
    count = f"count(*) OVER {frame}"
    if feature.aggregation == "transactions":
        return count
    if feature.aggregation == "mean_amount":
        return f"avg(amount) OVER {frame}"
    # A label that comes later than the delay is not known at the window's end: it counts as none.
    window_end = f"event_time + {days(label_delay_days)}"
    known_fraud = f"CASE WHEN label_known_at <= {window_end} THEN fraud ELSE 0 END"
    return f"coalesce(sum({known_fraud}) OVER {frame} / nullif({count}, 0), 0)"


def _frame(feature: WindowFeature, label_delay_days: float) -> str:
    delay = round(label_delay_days * MICROSECONDS_PER_DAY) if feature.delayed else 0
    start = delay + feature.days * MICROSECONDS_PER_DAY - 1
    return (
        f"(PARTITION BY {feature.entity} ORDER BY event_time RANGE BETWEEN "
        f"to_microseconds({start}) PRECEDING AND to_microseconds({delay}) PRECEDING)"
    )


def write_features(
    engine: duckdb.DuckDBPyConnection,
    own: Source,
    label_delay_days: float,
    derived: Sequence[str],
    destination: Path,
) -> None:
    """Write a batch's rows with their features.

    Needs `load_transactions` before where cards or terminals can be followed.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    own : Source
    label_delay_days : float
    derived : sequence of str
        The derived features to add.
    destination : Path
        Parquet: `source_line`, the source columns, `days_known`, then the derived features,
        in the order of the file.
    """
    added, joined = ", NULL AS days_known", ""
    if own.roles.has_behaviour:
        added = "".join(f", features.{name}" for name in ("days_known", *derived))
        joined = (
            f"JOIN ({features_query(own.roles, label_delay_days)}) AS features "
            "ON features.row = source.file_row_number "
        )
    engine.execute(
        f"COPY (SELECT source.* EXCLUDE (file_row_number){added} "
        f"FROM {parquet(own.path, row_numbers=True)} AS source {joined}"
        f"ORDER BY source.file_row_number) TO {literal(destination)} (FORMAT parquet)"
    )
