"""CSV texts in which a spreadsheet finds no formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b")
"""First characters of a formula; East Asian spreadsheets accept wide and small forms, too."""

# A cell begins at the start of the text, or after a line break or the separator of some locale;
# quotes and invisible characters before its content are skipped.
_between = re.compile("[;,|\\s\"'\x00-\x1f\u200b-\u200f\u2060\ufeff]+")
_separator = re.compile(r"[;,|\t\r\n]")
_number = re.compile(r"[+\-](?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?\"?(?:[;,\t\r\n]|\Z)")


def csv_text(frame: "pd.DataFrame") -> str:
    """Return a table as CSV in which a spreadsheet computes nothing.

    Parameters
    ----------
    frame : DataFrame
        Its text and its column names may come from outside. What a spreadsheet would take for a
        formula gets an apostrophe in front, as OWASP's page on CSV injection asks for: also after
        blanks and line breaks, and after a separator, because where the list separator is a
        semicolon, a spreadsheet cuts the line there, whatever quotes this file has.

    Returns
    -------
    str
        With a header and without the index.

    See Also
    --------
    csv_line : for a single row, unchanged.
    with_apostrophes : for a row that becomes a cell.

    Examples
    --------
    >>> import pandas as pd
    >>> print(csv_text(pd.DataFrame({"name": ["=1+1", "Anna"], "amount": [-5.2, 3.0]})), end="")
    name,amount
    '=1+1,-5.2
    Anna,3.0
    """
    text = frame.select_dtypes(include=["object", "string", "category"]).columns
    plain = {name: frame[name].map(_plain, na_action="ignore") for name in text}
    return str(frame.assign(**plain).rename(columns=_plain).to_csv(index=False))


def csv_line(values: Iterable[object]) -> str:
    r"""Return a row of a CSV with its line feed; a value with a carriage return is quoted, too.

    Parameters
    ----------
    values : iterable of object
        The cells, in order; None becomes an empty cell.

    Returns
    -------
    str

    See Also
    --------
    csv_text : for a whole table.

    Examples
    --------
    >>> csv_line([1, "a", "b,\r"])
    '1,a,"b,\r"\n'
    """
    # The writer quotes no other line break than its own.
    text, end = io.StringIO(), "\r\n"
    csv.writer(text, lineterminator=end).writerow(values)
    return text.getvalue().removesuffix(end) + "\n"


def with_apostrophes(row: str) -> str:
    """Return a CSV row that can be one cell of another CSV without being read as a formula.

    Parameters
    ----------
    row : str
        A line of a CSV. Apostrophes are added as by `csv_text`, but not before plain numbers.

    Returns
    -------
    str

    See Also
    --------
    without_apostrophes : the inverse.

    Examples
    --------
    >>> with_apostrophes("=1+1,-5.2,a")
    "'=1+1,-5.2,a"
    """
    return _put(row, [place for place in _formulas(row) if not _number.match(row, place)])


def without_apostrophes(row: str) -> str:
    """Return a row as it was before `with_apostrophes`.

    Parameters
    ----------
    row : str
        As returned by `with_apostrophes`.

    Returns
    -------
    str

    See Also
    --------
    with_apostrophes : adds the apostrophes.

    Examples
    --------
    >>> without_apostrophes("'=1+1,-5.2,a"), without_apostrophes("'a'")
    ('=1+1,-5.2,a', "'a'")
    """
    parts, end = [], 0
    for place in _formulas(row):
        if row[place - 1 : place] == "'" and not _number.match(row, place):
            parts.append(row[end : place - 1])
            end = place
    return "".join([*parts, row[end:]])


def _plain(cell: Any) -> Any:
    return _put(cell, _formulas(cell)) if isinstance(cell, str) else cell


def _put(text: str, places: Iterable[int]) -> str:
    parts, end = [], 0
    for place in places:
        parts += [text[end:place], "'"]
        end = place
    return "".join([*parts, text[end:]])


def _formulas(text: str) -> Iterator[int]:
    """Yield where a cell begins like a formula, in time linear in the length of the text."""
    if text[:1] in FORMULA:
        yield 0
    for run in _between.finditer(text):
        begins = run.start() == 0 or _separator.search(run[0])
        if begins and text[run.end() : run.end() + 1] in FORMULA:
            yield run.end()
