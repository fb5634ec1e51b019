"""The decimal mark of a CSV: a point or a comma."""

import re
from collections.abc import Mapping

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.patterns import is_number
from fraud_assets.intake.sample import ColumnSample
from fraud_assets.text import named

_comma_number = re.compile(r"^[+-]?[0-9]*,[0-9]+$")
_three_digits = re.compile(r"^[+-]?[0-9]{1,3},[0-9]{3}$")


def find_decimal_mark(
    file: str, delimiter: str, sample: Mapping[str, ColumnSample], settings: IntakeSettings
) -> str:
    """Return the decimal mark: a comma when no number has a decimal point.

    Parameters
    ----------
    file : str
        Names the file in messages.
    delimiter : str
        Field delimiter; with a comma, the decimal mark is a point unless it is set.
    sample : mapping of str to ColumnSample
        By column.
    settings : IntakeSettings
        Column roles, spellings of the labels and format of the file.

    Returns
    -------
    {".", ","}

    Raises
    ------
    IntakeError
        When every comma could also be a thousands separator.

    See Also
    --------
    fraud_assets.intake.contract.infer_contract : calls it for each file.
    """
    if settings.decimal or delimiter == ",":
        return settings.decimal or "."
    commas = {
        name: column
        for name, column in sample.items()
        if any(map(_comma_number.match, column.values))
    }
    values = [value for column in sample.values() for value in column.values]
    if not commas or any("." in value and is_number(value) for value in values):
        return "."
    if all(_three_digits.match(value) for value in values if _comma_number.match(value)):
        name, column = next(iter(commas.items()))
        raise IntakeError(
            f"{file}: line {column.first_line(_comma_number.match)}, column {named(name)}: the "
            "comma may be a thousands separator or a decimal mark, and no other value shows "
            "which; set `decimal` to , or . "
        )
    return ","
