"""Kinds of column: which values are numbers, timestamps, card numbers or text."""

import math
from collections.abc import Sequence

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.patterns import is_moment, is_number
from fraud_assets.intake.sample import ColumnSample
from fraud_assets.platform.masking import FEWEST_DIGITS, is_card_number, is_issued
from fraud_assets.records.batches import Roles
from fraud_assets.text import inert, named

NUMBER, MOMENT, NAME, LABEL, CARD = "DOUBLE", "TIMESTAMP", "VARCHAR", "LABEL", "CARD"
"""The kinds of column: number, timestamp, name or other text, target, and payment card numbers
without a role, which are stored with the accepted rows but never read."""
LONG = 10.0 ** (FEWEST_DIGITS - 1)
"""The smallest number with as many digits as a card number."""


def find_kind(name: str, roles: Roles, values: Sequence[str]) -> str:
    """Return the kind of a column.

    Parameters
    ----------
    name : str
        Of the column.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    values : sequence of str
        Sampled values that are not missing, with a decimal point.

    Returns
    -------
    {"DOUBLE", "TIMESTAMP", "VARCHAR", "LABEL", "CARD"}

    See Also
    --------
    are_cards : detects card numbers.

    Examples
    --------
    >>> roles = Roles(target="y")
    >>> find_kind("y", roles, ["0"]), find_kind("a", roles, ["1", "2.5"])
    ('LABEL', 'DOUBLE')
    """
    if name == roles.target:
        return LABEL
    if name in (roles.card, roles.terminal, roles.transaction_id):
        return NAME
    mostly_numbers = 2 * len([*filter(is_number, values)]) >= len(values)
    if name in (roles.timestamp, roles.known_at, roles.label_known_at):
        return NUMBER if values and mostly_numbers else MOMENT
    if are_cards(values):
        return CARD
    return NUMBER if mostly_numbers else NAME


def are_cards(values: Sequence[str]) -> bool:
    """Tell whether most values are payment card numbers.

    Parameters
    ----------
    values : sequence of str
        Values of a column that are not missing.

    Returns
    -------
    bool

    See Also
    --------
    are_long_numbers : numbers of the same length.

    Notes
    -----
    One in ten random numbers passes the check digit of Luhn's algorithm, so a few matches do not
    make a column of card numbers.

    Examples
    --------
    >>> are_cards(["4111111111111111", "5500005555555559"]), are_cards(["12.50", "7"])
    (True, False)
    """
    return 2 * sum(map(is_card_number, values)) > len(values)


def are_long_numbers(values: Sequence[str]) -> bool:
    """Tell whether most values are numbers as long as card numbers, but not card numbers.

    Times in milliseconds are an example.

    Parameters
    ----------
    values : sequence of str
        Values of a column that are not missing.

    Returns
    -------
    bool

    See Also
    --------
    are_cards : detects card numbers.
    """
    return 2 * sum(map(_is_long, values)) > len(values)


def _is_long(value: str) -> bool:
    if not is_number(value) or not LONG <= abs(float(value)) < math.inf:
        return False
    return not (is_issued(value.lstrip("+-")) or is_issued(str(int(abs(float(value))))))


def require_moments(file: str, name: str, column: ColumnSample, settings: IntakeSettings) -> None:
    """Refuse a timestamp column of which most values are not timestamps.

    Parameters
    ----------
    file, name : str
        The file and the column, for the message.
    column : ColumnSample
        Sampled values of the column.
    settings : IntakeSettings
        With a `timestamp_format`, the values are not checked.

    Raises
    ------
    IntakeError
        When most values are not in ISO 8601.
    """
    moments = [*filter(is_moment, column.values)]
    if settings.timestamp_format or 2 * len(moments) >= len(column.values):
        return
    line = column.first_line(lambda value: not is_moment(value))
    raise IntakeError(
        f"{file}: line {line}, column {named(name)}: not a date and time like "
        "2026-01-31 23:59:59; set `timestamp_format`, for example to %d/%m/%Y %H:%M"
    )


def describe_text(file: str, name: str, column: ColumnSample) -> str:
    """Return why a column of text breaks the contract, and what to do about it.

    Parameters
    ----------
    file, name : str
        The file and the column.
    column : ColumnSample
        At least one value is not a number.

    Returns
    -------
    str
        One sentence that names the file, the column and the remedy.
    """
    line = column.first_line(lambda value: not is_number(value))
    return (
        f"{inert(file)}: line {line}, column {named(name)}: text; models read numbers: encode the "
        "column, remove it, or give it a role such as `card`"
    )
