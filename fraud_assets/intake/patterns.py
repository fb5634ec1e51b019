"""Patterns of values: numbers, timestamps and time zones, for Python's and for Arrow's engine."""

import re

NUMBER_PATTERN = (
    r"^[ \t]*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])[ \t]*$"
)
"""A number as Arrow reads it, with a decimal point."""
MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
"""A timestamp in ISO 8601."""
ZONE_PATTERN = r"[ T].*(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)$"
"""What ends a timestamp that states its time zone."""
_number, _moment, _zone = map(re.compile, (NUMBER_PATTERN, MOMENT_PATTERN, ZONE_PATTERN))


def is_number(value: str) -> bool:
    """Tell whether a value is a number with a decimal point, or without a fraction.

    Parameters
    ----------
    value : str
        A field of a CSV, without its quotes.

    Returns
    -------
    bool

    See Also
    --------
    is_moment : detects timestamps.

    Examples
    --------
    >>> is_number("-1.5e3"), is_number("nan"), is_number("1,5")
    (True, True, False)
    """
    return bool(_number.match(value))


def is_moment(value: str) -> bool:
    """Tell whether a value is a timestamp in ISO 8601.

    Parameters
    ----------
    value : str
        A field of a CSV, without its quotes.

    Returns
    -------
    bool

    See Also
    --------
    has_zone : detects a time zone.

    Examples
    --------
    >>> is_moment("2026-01-31 23:59:59"), is_moment("31.01.2026")
    (True, False)
    """
    return bool(_moment.match(value))


def has_zone(value: str) -> bool:
    """Tell whether a timestamp states its time zone.

    Parameters
    ----------
    value : str
        A timestamp in ISO 8601.

    Returns
    -------
    bool

    See Also
    --------
    is_moment : detects timestamps.

    Examples
    --------
    >>> has_zone("2026-01-31 23:59:59+01:00"), has_zone("2026-01-31")
    (True, False)
    """
    return bool(_zone.search(value))
