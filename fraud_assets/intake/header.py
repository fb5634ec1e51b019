"""The header of a CSV: its delimiter and its column names."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fraud_assets.config.settings import RESERVED_NAMES, IntakeSettings
from fraud_assets.intake.csv.chunks import MAX_RECORD_BYTES, Chunk, read_chunks
from fraud_assets.intake.csv.decoding import CsvStream, IntakeError
from fraud_assets.intake.patterns import is_moment, is_number
from fraud_assets.platform.masking import holds_card_number, is_card_number
from fraud_assets.text import named

DELIMITERS = ",;\t|"
_fraction = re.compile(r"^[+-]?[0-9]*[.,][0-9]+$")
_mail = re.compile(r"^\S+@\S+\.\S+$")

csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True)
class Header:
    """The header of a CSV.

    Attributes
    ----------
    delimiter : str
        The field delimiter, one character.
    text : bytes
        The header as the file has it, with what precedes it.
    names : list of str
        The column names, in order.

    See Also
    --------
    read_header : reads it from a file.
    """

    delimiter: str
    text: bytes
    names: list[str]

    @property
    def first_line(self) -> int:
        """The number of the line after the header."""
        return self.text.count(b"\n") + 1


def read_header(source: CsvStream, settings: IntakeSettings) -> Header:
    """Read the header of a file.

    Parameters
    ----------
    source : CsvStream
        Nothing has been read from it yet.
    settings : IntakeSettings
        The delimiter is detected unless it is set.

    Returns
    -------
    Header

    Raises
    ------
    IntakeError
        When the file is empty or has no header, or names are blank, repeated or not allowed.

    See Also
    --------
    detect_delimiter : detects the delimiter.
    """
    text, file = source.head, source.name
    _refuse_unreadable(file, text)
    blank = len(text) - len(text.lstrip(b"\r\n"))
    first = text[blank:].split(b"\n", 1)[0].decode("utf-8", "replace")
    delimiter = settings.delimiter or detect_delimiter(first)
    chunk = next(read_chunks(io.BytesIO(text[blank:]), delimiter), None)
    end = _end_of_first(chunk) if chunk else 0
    if end == 0 or (chunk and chunk.damaged.get(0)):
        raise IntakeError(
            f"{file}: line 1: the header cannot be read as column names: a quote is not closed, "
            "or the header is longer than a megabyte; correct the first line"
        )
    try:
        (fields,) = parse_rows([text[blank : blank + end]], delimiter)
    except csv.Error:
        raise IntakeError(
            f"{file}: line 1: there is a carriage return within the header; correct the first line"
        ) from None
    names = [field.strip() for field in fields]
    _check_names(file, names)
    return Header(delimiter, text[: blank + end], names)


def _refuse_unreadable(file: str, text: bytes) -> None:
    if not text.strip():
        raise IntakeError(
            f"{file}: line 1: the file is empty; export it again with a header and rows"
        )
    if b"\n" not in text and b"\r" in text:
        raise IntakeError(
            f"{file}: line 1: lines end with a carriage return only; save the file with line feeds"
        )


def detect_delimiter(line: str) -> str:
    """Return the delimiter that occurs most often outside quotes.

    Parameters
    ----------
    line : str
        The first line of the file.

    Returns
    -------
    str
        One of the common delimiters.

    See Also
    --------
    read_header : reads the names, too.

    Examples
    --------
    >>> detect_delimiter('"a,b,c";d;e')
    ';'
    """
    outside_quotes = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=outside_quotes.count)


def _end_of_first(chunk: Chunk) -> int:
    starts = chunk.record_starts()
    return int(starts[1]) if len(starts) > 1 else len(chunk.data)


def parse_rows(records: Sequence[bytes], delimiter: str) -> list[list[str]]:
    r"""Split records into their fields, without converting them.

    Parameters
    ----------
    records : sequence of bytes
        In UTF-8; invalid bytes are written as backslash escapes.
    delimiter : str
        Field delimiter, one character.

    Returns
    -------
    list of list of str
        The fields of each record, in order.

    Examples
    --------
    >>> parse_rows([b'1,"a, b"\n'], ",")
    [['1', 'a, b']]
    """
    texts = (record.decode("utf-8", "backslashreplace").rstrip("\r\n") for record in records)
    return [next(csv.reader(io.StringIO(text), delimiter=delimiter), [""]) for text in texts]


def _check_names(file: str, names: list[str]) -> None:
    """Refuse a line that is not a header, or names that cannot be used.

    The line may be a row of data, so that no message repeats what is in it.
    """
    values = [place for place, name in enumerate(names, start=1) if _is_value(name)]
    numbers = [place for place, name in enumerate(names, start=1) if is_number(name)]
    if values or (numbers and 2 * len(numbers) >= len(names)):
        raise no_header(file, min(values + numbers))
    for index in range(len(names)):
        if problem := _name_problem(names, index):
            raise IntakeError(f"{file}: line 1, column {index + 1}: {problem}")
    if len(names) == 1:
        raise IntakeError(
            f"{file}: line 1: there is only one column, with none of the delimiters "
            f"{' '.join(map(repr, DELIMITERS))}; add columns next to the label, or set `delimiter`"
        )


def _name_problem(names: list[str], index: int) -> str | None:
    """Return why a column name cannot be used; None when it can."""
    name = names[index]
    # DuckDB ignores case in names, and would read the first of two columns for both.
    folded = [name.casefold() for name in names]
    if not name:
        return "the column name is blank; name every column, and export without an index"
    if folded[index] in RESERVED_NAMES:
        return f"{named(name)} is a name that the platform uses itself; rename the column"
    if folded[index] in folded[:index]:
        return (
            f"column {folded.index(folded[index]) + 1} has the same name (case is ignored); "
            "rename or remove one of them"
        )
    if holds_card_number(name):
        return "the column name contains a payment card number; rename the column"
    if "\0" in name or "\ufffd" in name or "\\x" in name:
        return "the column name is damaged; export the file again"
    return None


def _is_value(name: str) -> bool:
    """Tell whether a field of the first line is clearly a value, not a column name."""
    return (
        is_card_number(name)
        or is_moment(name)
        or any(pattern.match(name) for pattern in (_fraction, _mail))
    )


def no_header(file: str, column: int) -> IntakeError:
    """Return the error of a file whose first line is not a header.

    Parameters
    ----------
    file : str
        Names the file in the message.
    column : int
        Counted from 1; its field is a value.

    Returns
    -------
    IntakeError
        To be raised by the caller.
    """
    return IntakeError(
        f"{file}: line 1, column {column}: a value, not a name; add a header line with the column "
        "names"
    )
