"""Suppressions: cards and terminals kept off the worklist, with reason and expiry date."""

import csv
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from fraud_assets.platform.masking import Masking

COLUMNS = ["kind", "name", "reason", "expires"]
KINDS = ("card", "terminal")


class Suppression(NamedTuple):
    """An entry of the suppressions file.

    Attributes
    ----------
    kind : {"card", "terminal"}
        What is suppressed.
    name : str
        Of the card or terminal, as it is shown: a token in place of a card number.
    reason : str
        Shown in the list of scored transactions.
    expires : date
        The last day on which it is in force.

    See Also
    --------
    read_suppressions : reads the entries.
    """

    kind: Literal["card", "terminal"]
    name: str
    reason: str
    expires: date


def read_suppressions(path: Path, mask: Masking) -> list[Suppression]:
    """Read the suppressions file.

    Parameters
    ----------
    path : Path
        CSV with the header `kind,name,reason,expires`. A card is named by its number, or by the
        token that the worklist shows.
    mask : Masking
        Replaces card numbers by tokens.

    Returns
    -------
    list of Suppression
        With tokens in place of card numbers; empty without a file.

    Raises
    ------
    ValueError
        When a line is invalid. The message names file, line and column, not the value.

    See Also
    --------
    suppressed : applies the entries.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(
                f"{path}: line 1: not the header of suppressions; it must be {','.join(COLUMNS)}"
            )
        return [_entry(path, reader.line_num, line, mask) for line in reader]


def _entry(path: Path, number: int, line: dict[str, str | None], mask: Masking) -> Suppression:
    values = {name: (line.get(name) or "").strip() for name in COLUMNS}

    def refuse(column: str, remedy: str) -> ValueError:
        return ValueError(f"{path}: line {number}, column {column!r}: {remedy}")

    if values["kind"] not in KINDS:
        raise refuse("kind", "write card or terminal")
    for column in ("name", "reason"):
        if not values[column]:
            raise refuse(column, "write one; without it nobody knows later what the entry was for")
    try:
        expires = date.fromisoformat(values["expires"])
    except ValueError as error:
        raise refuse("expires", "write the last day as 2026-12-31") from error
    kind: Literal["card", "terminal"] = "card" if values["kind"] == "card" else "terminal"
    name = mask.entry(values["name"]) if kind == "card" else mask.text(values["name"])
    return Suppression(kind, name, mask.text(values["reason"]), expires)


def to_frame(entries: list[Suppression]) -> pd.DataFrame:
    """Return entries as a table with the columns of the file, card numbers as tokens.

    Parameters
    ----------
    entries : list of Suppression
        Cards and terminals to keep off the worklist.

    Returns
    -------
    DataFrame of shape (n_entries, 4)

    See Also
    --------
    read_suppressions : reads the entries.

    Examples
    --------
    >>> to_frame([Suppression("card", "a", "a trip", date(2026, 6, 30))]).columns.tolist()
    ['kind', 'name', 'reason', 'expires']
    """
    return pd.DataFrame(entries, columns=COLUMNS)


def suppressed(rows: pd.DataFrame, entries: list[Suppression], today: date) -> pd.Series:
    """Return the reason why each row is suppressed, None where it is not.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        With `card`, `terminal` and `day` (datetime64, or missing).
    entries : list of Suppression
        Cards and terminals to keep off the worklist.
    today : date
        The day of rows without one.

    Returns
    -------
    Series of shape (n_rows,)
        Of the first entry that applies.

    See Also
    --------
    read_suppressions : reads the entries.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"card": ["a", "b"], "terminal": ["x", "y"], "day": pd.NaT})
    >>> entries = [Suppression("card", "a", "a trip", date(2026, 6, 30))]
    >>> suppressed(rows, entries, date(2026, 6, 1)).tolist()
    ['a trip', None]
    """
    reasons = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    days = rows["day"].fillna(pd.Timestamp(today))
    for entry in entries:
        applies = (rows[entry.kind] == entry.name) & (days <= pd.Timestamp(entry.expires))
        reasons[np.asarray(applies & reasons.isna())] = entry.reason
    return reasons
