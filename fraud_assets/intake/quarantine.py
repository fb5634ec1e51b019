"""The rows that were refused: a CSV that can be edited and dropped again.

Its first row is the header of the file that the rows come from, and says what was accepted of
it. Under the name of its batch, the repaired rows join the accepted ones, each in its old
place; under another name they are a batch of their own. A spreadsheet computes nothing of it:
apostrophes are put into it, as into the lists for analysts, and taken out when it comes back.
"""

import csv
import re
import shutil
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from fraud_assets.intake.csv.decoding import HEAD_BYTES, IntakeError, Source
from fraud_assets.store.files import whole_file
from fraud_assets.store.spreadsheet import csv_line, with_apostrophes, without_apostrophes

COLUMNS = ["line_number", "reason", "raw_text"]
EXAMPLES = 3
_QUOTED = "; an apostrophe before what a spreadsheet would compute goes when this is read"
_HEADER_REASON = (
    "header of the rows below; keep this line"
    + _QUOTED
    + " ({rows} rows accepted of {content}, batch {batch})"
)
_header_pattern = re.compile(r"\((\d+) rows accepted of ([0-9a-f]{64}), batch (.*)\)$")


@dataclass(frozen=True)
class Origin:
    """Where rejected rows come from.

    Attributes
    ----------
    rows : int
        How many rows of the file were accepted.
    content_hash : str
        Its SHA-256.
    batch : str
    """

    rows: int
    content_hash: str
    batch: str


@dataclass(frozen=True)
class RejectedRow:
    """A row that does not fit the contract.

    Attributes
    ----------
    line : int
        Line number in the file; the header is line 1.
    reason : str
        Names the column and the kind of fault, never a value: reasons are logged, shown and sent.
    text : str
        The row as it stands in the file; for the file of rejected rows alone.
    """

    line: int
    reason: str
    text: str

    def place_and_reason(self) -> str:
        """Return the line and the reason, as in "line 7, column 'Amount': not a number"."""
        return f"line {self.line}{', ' if self.reason.startswith('column ') else ': '}{self.reason}"


class RejectedRows:
    """Collects rejected rows in a file, so that they never fill the memory.

    Attributes
    ----------
    count : int
    examples : list of RejectedRow
        The first ones.
    """

    def __init__(self, file: TextIO):
        self._file = file
        self.count = 0
        self.examples: list[RejectedRow] = []

    def add(self, row: RejectedRow) -> None:
        """Add a row; rows come in the order of the file."""
        self._file.write(csv_line([row.line, *map(with_apostrophes, (row.reason, row.text))]))
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(row)


@contextmanager
def collect_rejected(path: Path) -> Iterator[RejectedRows]:
    """Collect rejected rows in a new file.

    Parameters
    ----------
    path : Path
        Of rows alone; `publish_rejected` makes it whole.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        yield RejectedRows(file)


def publish_rejected(rows: Path, destination: Path, header: str, origin: Origin) -> None:
    """Put the rejected rows where a person finds them, or nothing when there are none.

    Parameters
    ----------
    rows : Path
        As written by `collect_rejected`; it is gone afterwards.
    destination : Path
    header : str
        The header of the file that the rows come from.
    origin : Origin
    """
    if rows.stat().st_size == 0:
        rows.unlink()
        destination.unlink(missing_ok=True)
        return
    reason = _HEADER_REASON.format(
        rows=origin.rows, content=origin.content_hash, batch=origin.batch
    )
    first = csv_line(COLUMNS) + csv_line([1, *map(with_apostrophes, (reason, header))])
    with whole_file(destination) as whole, rows.open("rb") as tail:
        whole.write(first.encode())
        shutil.copyfileobj(tail, whole)
    rows.unlink()


@dataclass(frozen=True)
class Repair:
    """A file of rejected rows that was dropped again.

    Attributes
    ----------
    text : Path
        The rows as a CSV, with the header that they had.
    lines : ndarray of shape (n_lines,)
        For each line of `text`, the line number that it had in the file it comes from.
    origin : Origin
    """

    text: Path
    lines: NDArray[np.int64]
    origin: Origin


def is_repair(source: Source) -> bool:
    """Tell whether a file is one of rejected rows."""
    first = source.head.split(b"\n", 1)[0].decode("utf-8", "replace").strip().replace('"', "")
    return re.split("[,;\t]", first) == COLUMNS


def unwrap(source: Source, text: Path) -> Repair:
    """Write the repaired rows as the CSV that they were, and remember their lines.

    Parameters
    ----------
    source : Source
        A file of rejected rows, of which nothing has been read yet.
    text : Path
        The CSV to write.

    Raises
    ------
    IntakeError
        When the first row, which says where the rows come from, is missing or damaged, or a
        line number is no number.
    """
    delimiter = chr(source.head[len(COLUMNS[0]) + source.head.count(b'"', 0, 13)])
    lines = array("q")
    base: re.Match[str] | None = None
    is_quoted = False  # older releases put no apostrophes
    with text.open("w", encoding="utf-8", newline="") as file:
        for number, fields in enumerate(_rows(source, delimiter), start=1):
            if number == 2 and len(fields) == len(COLUMNS):
                is_quoted = _QUOTED in fields[1]
                about = without_apostrophes(fields[1]) if is_quoted else fields[1]
                base = _header_pattern.search(about)
            if number >= 2:
                line = _line_number(source.name, number, fields, base)
                row = without_apostrophes(fields[2]) if is_quoted else fields[2]
                file.write(row + "\n")
                lines.extend([line] * (row.count("\n") + 1))
    if base is None:
        raise IntakeError(
            f"{source.name}: line 2: the row that says which file the rejected rows come from is "
            "missing; take the file from the folder `rejected` again and keep its first rows"
        )
    return Repair(text, np.asarray(lines, np.int64), Origin(int(base[1]), base[2], base[3]))


def _rows(source: Source, delimiter: str) -> Iterator[list[str]]:
    def pieces() -> Iterator[str]:
        rest = b""
        while block := source.read(HEAD_BYTES):
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode("utf-8", "backslashreplace") + "\n" for line in whole)
        if rest:
            yield rest.decode("utf-8", "backslashreplace")

    yield from (row for row in csv.reader(pieces(), delimiter=delimiter) if row)


def _line_number(file: str, number: int, fields: list[str], base: re.Match[str] | None) -> int:
    if len(fields) != len(COLUMNS) or not fields[0].strip().isdecimal():
        raise IntakeError(
            f"{file}: row {number}, column 'line_number': not a number, or there are not three "
            "fields; edit only what stands under raw_text"
        )
    return int(fields[0]) if base is not None else 0
