"""When a row and its label became known: the one place that every cut in time asks."""

from fraud_assets.intake.contract import Roles
from fraud_assets.sql import identifier


def days(number: float) -> str:
    """Return SQL for a length of time in days."""
    return f"{number} * INTERVAL '1 day'"


def as_moment(column: str | None, real_time: bool) -> str:
    """Return SQL that reads a column as a moment in time.

    Parameters
    ----------
    column : str or None
        None: a null moment.
    real_time : bool
        False: the column holds seconds since some start.
    """
    if column is None:
        return "CAST(NULL AS TIMESTAMP)"
    if real_time:
        return identifier(column)
    return f"make_timestamp(CAST({identifier(column)} * 1000000 AS BIGINT))"


def event_time(roles: Roles) -> str:
    """Return SQL for when a row became known: its `known_at`, else its timestamp."""
    return as_moment(roles.known_at or roles.timestamp, roles.real_time)


def label_known_at(roles: Roles, label_delay_days: float) -> str:
    """Return SQL for when a row's label became known.

    Its own column where the data has one, otherwise the label delay after the transaction.
    """
    if roles.label_known_at is not None:
        return as_moment(roles.label_known_at, roles.real_time)
    return f"{as_moment(roles.timestamp, roles.real_time)} + {days(label_delay_days)}"


def label_known_by(roles: Roles, label_delay_days: float, moment: str) -> str:
    """Return an SQL condition that a row's label was known by then.

    Parameters
    ----------
    roles : Roles
    label_delay_days : float
    moment : str
        SQL for a timestamp.
    """
    return f"({label_known_at(roles, label_delay_days)} <= {moment})"
