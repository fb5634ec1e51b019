"""When a row and its label became known, as used by every cut in time."""

from typing import TYPE_CHECKING

from fraud_assets.records.batches import Roles
from fraud_assets.store.sql import literal

if TYPE_CHECKING:
    import ibis.expr.types as ir

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND

KNOWN, LABEL_KNOWN = "known_us", "label_known_us"
"""Columns of `features`: microseconds since 1970, or since the data's own start."""
MOMENT = f"make_timestamp({KNOWN})"
"""SQL for the moment at which a row of `features` became known."""


def microseconds(days: float) -> int:
    """Return days in whole microseconds.

    Parameters
    ----------
    days : float
        Length of time; fractions are allowed.

    Returns
    -------
    int

    Examples
    --------
    >>> microseconds(0.5)
    43200000000
    """
    return round(days * MICROSECONDS_PER_DAY)


def row_known_at(rows: "ir.Table", roles: Roles) -> "ir.Value":
    """Return when each row became known: its `known_at`, else its timestamp.

    Parameters
    ----------
    rows : Table
        Accepted rows.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Returns
    -------
    Value of int64
        In microseconds; null where the data has no such time.

    See Also
    --------
    label_known_at : the same for labels.
    """
    return _clock(rows, roles.known_at or roles.timestamp, roles.real_time)


def label_known_at(rows: "ir.Table", roles: Roles, label_delay_days: float) -> "ir.Value":
    """Return when each row's label became known.

    Its own column where the data has one, otherwise the label delay after the transaction.

    Parameters
    ----------
    rows : Table
        Accepted rows.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    label_delay_days : float
        In days.

    Returns
    -------
    Value of int64
        In microseconds; null where the data has no such time.

    See Also
    --------
    row_known_at : the same for rows.
    """
    if roles.label_known_at is not None:
        return _clock(rows, roles.label_known_at, roles.real_time)
    return _clock(rows, roles.timestamp, roles.real_time) + microseconds(label_delay_days)


def labels_follow_the_delay(roles: Roles) -> bool:
    """Tell whether every label becomes known one label delay after its row.

    Parameters
    ----------
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Returns
    -------
    bool
        False when a column says when rows or labels became known.

    See Also
    --------
    label_known_at : when each label became known.

    Examples
    --------
    >>> labels_follow_the_delay(Roles(target="fraud"))
    True
    """
    return roles.known_at is None and roles.label_known_at is None


def label_known_by(moment: str) -> str:
    """Return an SQL condition that the label of a row of `features` was known by then.

    Parameters
    ----------
    moment : str
        A timestamp as DuckDB writes it.

    Returns
    -------
    str
        In parentheses.
    """
    return f"({LABEL_KNOWN} <= epoch_us(TIMESTAMP {literal(moment)}))"


def _clock(rows: "ir.Table", column: str | None, real_time: bool) -> "ir.Value":
    import ibis

    if column is None:
        return ibis.null("int64")
    if real_time:
        return _since_1970(rows[column])
    return (rows[column].cast("float64") * MICROSECONDS_PER_SECOND).round().cast("int64")


def _since_1970(moment: "ir.Value") -> "ir.Value":
    """Return microseconds since 1970; Ibis has no function that both engines share."""
    import ibis
    import ibis.expr.datatypes as dt

    utc = dt.Timestamp(timezone="UTC")

    @ibis.udf.scalar.builtin(signature=((dt.timestamp,), dt.int64))
    def epoch_us(moment): ...  # type: ignore[no-untyped-def]

    @ibis.udf.scalar.builtin(signature=((utc,), dt.int64))
    def unix_micros(moment): ...  # type: ignore[no-untyped-def]

    if moment.get_backend().name == "pyspark":
        return unix_micros(moment.cast(utc))
    return epoch_us(moment)
