"""Writes the rows of a batch with their features."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.config.settings import LABEL_LEAKS
from fraud_assets.features.availability import (
    KNOWN,
    LABEL_KNOWN,
    MICROSECONDS_PER_DAY,
    label_known_at,
    labels_follow_the_delay,
    row_known_at,
)
from fraud_assets.features.build import KEY, row_features, window_features
from fraud_assets.features.engines import computed
from fraud_assets.features.families import Feature, WindowFeature
from fraud_assets.features.lookback import AcceptedRows, Span, look_back
from fraud_assets.intake.kinds import NUMBER
from fraud_assets.platform.masking import MASK_CARD, MASK_TEXT
from fraud_assets.records.batches import Roles
from fraud_assets.store.sql import identifier, literal, one_file

if TYPE_CHECKING:
    import duckdb
    from ibis.backends import BaseBackend

FORMAT = "(FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1)"
"""Deltas instead of dictionaries: most values are distinct, so files are smaller and faster."""


def own_features(kinds: dict[str, str], roles: Roles) -> list[str]:
    """Return the source columns that are used as features unchanged.

    Parameters
    ----------
    kinds : dict of str to str
        Kind of each source column.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Returns
    -------
    list of str
        The numbers, except for the target, for roles that only identify the transaction, and for
        columns that reveal the label. A timestamp in seconds is kept when there is no card or
        terminal to follow.

    See Also
    --------
    fraud_assets.features.families.features_for : the derived features.
    """
    left_out = {roles.target, roles.card, roles.terminal, roles.transaction_id}
    left_out |= {roles.known_at, roles.label_known_at, *LABEL_LEAKS}
    if roles.has_behaviour:
        left_out.add(roles.timestamp)
    return [name for name, kind in kinds.items() if kind == NUMBER and name not in left_out]


def common_delay(sources: Sequence[AcceptedRows], label_delay_days: float) -> float | None:
    """Return the label delay if it holds for every row of these batches.

    Parameters
    ----------
    sources : sequence of AcceptedRows
        Parquet files of the batches and the roles of their columns.
    label_delay_days : float
        In days.

    Returns
    -------
    float or None
        None where a batch has a column that says when rows or labels became known.

    See Also
    --------
    fraud_assets.features.availability.labels_follow_the_delay : the same for one batch.
    """
    follow = all(labels_follow_the_delay(source.roles) for source in sources)
    return label_delay_days if follow else None


def write_features(
    backend: "BaseBackend",
    connection: "duckdb.DuckDBPyConnection",
    own: AcceptedRows,
    history: Sequence[AcceptedRows],
    span: Span,
    features: Sequence[Feature],
    label_delay_days: float,
    destination: Path,
) -> None:
    """Write a batch's rows with their features.

    Parameters
    ----------
    backend : BaseBackend
        Computes the features.
    connection : duckdb.DuckDBPyConnection
        Writes the file, with the masking of `store.resources.Engine`.
    own : AcceptedRows
        The batch.
    history : sequence of AcceptedRows
        The earlier batches that its windows may see.
    span : Span
        When the rows and labels of the batch became known.
    features : sequence of Feature
        The derived features to add.
    label_delay_days : float
        In days, positive.
    destination : Path
        Parquet: the source columns, `known_us`, `label_known_us`, `days_known` and the
        derived features; rows in the order of the file. Card numbers are replaced by tokens: the
        windows are computed from the accepted rows, so no reader of features needs the numbers.

    See Also
    --------
    fraud_assets.features.lookback.look_back : the rows that the windows see.
    fraud_assets.features.build.window_features : computes the features.
    """
    scratch, delay = destination.parent, common_delay([own, *history], label_delay_days)
    windows = [feature for feature in features if isinstance(feature, WindowFeature)]
    with (
        look_back(backend, own, history, span, label_delay_days).cache() as transactions,
        ExitStack() as kept,
    ):
        first = transactions[KNOWN].min().to_pyarrow().as_py()
        parts = [f"({_rows(connection, own, features, label_delay_days, first)})"]
        # One entity at a time, so that its sort does not carry the windows of the other.
        for entity in dict.fromkeys(feature.family.entity[0] for feature in windows):
            of_entity = [f for f in windows if f.family.entity[0] == entity]
            table = window_features(transactions, of_entity, delay)
            parts.append(kept.enter_context(computed(table, scratch)))
        connection.execute(f"COPY ({_joined(parts)}) TO {literal(destination)} {FORMAT}")


def _rows(
    connection: "duckdb.DuckDBPyConnection",
    own: AcceptedRows,
    features: Sequence[Feature],
    label_delay_days: float,
    first: int | None,
) -> str:
    """Return SQL for the rows of a batch with the features that need no other row."""
    import ibis

    rows = ibis.duckdb.from_connection(connection).read_parquet(
        one_file(own.path), hive_partitioning=False
    )
    known = row_known_at(rows, own.roles)
    age = (known - ibis.literal(first, "int64")) / MICROSECONDS_PER_DAY
    clocks = {KNOWN: known, LABEL_KNOWN: label_known_at(rows, own.roles, label_delay_days)}
    table = row_features(rows.mutate(**clocks, days_known=age), own.roles, features)
    texts = [name for name, kind in rows.schema().items() if kind.is_string()]
    return _masked(str(ibis.to_sql(table)), texts, own.roles.card)


def _masked(query: str, texts: Sequence[str], card: str | None) -> str:
    """Return SQL for the same rows with tokens in place of card numbers."""
    if not texts:
        return query
    masked = ", ".join(
        f"{MASK_CARD if name == card else MASK_TEXT}({identifier(name)}) AS {identifier(name)}"
        for name in texts
    )
    return f"SELECT * REPLACE ({masked}) FROM ({query})"


def _joined(parts: Sequence[str]) -> str:
    """Return SQL that joins tables of the same rows, in the order of the file."""
    others = range(1, len(parts))
    columns = ", ".join(["part0.*", *(f"part{n}.* EXCLUDE ({KEY})" for n in others)])
    joins = " ".join(f"JOIN {parts[n]} AS part{n} ON part{n}.{KEY} = part0.{KEY}" for n in others)
    return f"SELECT {columns} FROM {parts[0]} AS part0 {joins} ORDER BY part0.{KEY}"
