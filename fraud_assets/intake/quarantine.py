"""Quarantine of rejected rows: a CSV that can be repaired and dropped again.

Its first row holds the header of the original file and says how many rows of it were accepted.
Dropped under the name of its batch, the repaired rows are merged with the accepted ones, each in
its original place; under another name they become a new batch. Apostrophes keep spreadsheets from
evaluating the text as formulas, as in the worklists of the analysts; they are removed when the
file is read back.
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

from fraud_assets.intake.csv.decoding import HEAD_BYTES, CsvStream, IntakeError
from fraud_assets.store.files import whole_file
from fraud_assets.store.spreadsheet import csv_line, with_apostrophes, without_apostrophes

COLUMNS = ["line_number", "reason", "raw_text"]
"""Columns of the file of rejected rows."""
EXAMPLES = 3
"""Rejected rows that are kept for messages."""
_QUOTED = "; an apostrophe before what a spreadsheet would compute goes when this is read"
_HEADER_REASON = (
    "header of the rows below; keep this line"
    + _QUOTED
    + " ({rows} rows accepted of {content}, batch {batch})"
)
_header_pattern = re.compile(r"\((\d+) rows accepted of ([0-9a-f]{64}), batch (.*)\)$")


@dataclass(frozen=True)
class Origin:
    """The file that rejected rows come from.

    Attributes
    ----------
    rows : int
        Number of its rows that were accepted.
    content_hash : str
        Its SHA-256, in hexadecimal.
    batch : str
        Its batch.
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
        Line number in the file; the first line is 1.
    reason : str
        Names the column and the kind of fault, but never a value: reasons are logged, shown and
        sent.
    text : str
        The row as in the file; written to the file of rejected rows only.
    """

    line: int
    reason: str
    text: str

    def place_and_reason(self) -> str:
        """Return the line number and the reason.

        Returns
        -------
        str
            To be shown in messages.

        Examples
        --------
        >>> RejectedRow(7, "column 'Amount': not a number", "?,0").place_and_reason()
        "line 7, column 'Amount': not a number"
        """
        return f"line {self.line}{', ' if self.reason.startswith('column ') else ': '}{self.reason}"


class RejectedRows:
    """Writes rejected rows to a file, so that they cannot fill the memory.

    Parameters
    ----------
    file : text file
        Open for writing.

    Attributes
    ----------
    count : int
        Number of rows added.
    examples : list of RejectedRow
        The first `EXAMPLES` rows.
    """

    def __init__(self, file: TextIO):
        self._file = file
        self.count = 0
        self.examples: list[RejectedRow] = []

    def add(self, row: RejectedRow) -> None:
        """Add a row.

        Parameters
        ----------
        row : RejectedRow
            Rows are added in the order of the file.
        """
        self._file.write(csv_line([row.line, *map(with_apostrophes, (row.reason, row.text))]))
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(row)


@contextmanager
def collect_rejected(path: Path) -> Iterator[RejectedRows]:
    """Open a temporary file for rejected rows.

    Parameters
    ----------
    path : Path
        The file to create; it has no header yet.

    Yields
    ------
    RejectedRows
        The file is closed when the block ends.

    See Also
    --------
    publish_rejected : Makes the file of rejected rows from it.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        yield RejectedRows(file)


def publish_rejected(rows: Path, destination: Path, header: str, origin: Origin) -> None:
    """Write the file of rejected rows, or delete an older one when no row was rejected.

    Parameters
    ----------
    rows : Path
        Rows written by `collect_rejected`; deleted afterwards.
    destination : Path
        The CSV to write.
    header : str
        Header of the original file, without line break.
    origin : Origin
        The original file.

    See Also
    --------
    read_repair : Reads the file again after it was repaired.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     rows, published = Path(folder, "rows"), Path(folder, "june.csv")
    ...     with collect_rejected(rows) as rejected:
    ...         rejected.add(RejectedRow(7, "column 'Amount': not a number", "?,0"))
    ...     publish_rejected(rows, published, "Amount,Class", Origin(5, "ab" * 32, "june"))
    ...     print(published.read_text().splitlines()[-1])
    7,column 'Amount': not a number,"?,0"
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
    """A repaired file of rejected rows.

    Attributes
    ----------
    text : Path
        The rows as a CSV with the original header.
    lines : ndarray of int64 of shape (n_lines,)
        For each line of `text`, its line number in the original file.
    origin : Origin
        The original file.

    See Also
    --------
    read_repair : makes it from a file.
    """

    text: Path
    lines: NDArray[np.int64]
    origin: Origin


def is_repair(stream: CsvStream) -> bool:
    """Tell whether a CSV is a file of rejected rows.

    Parameters
    ----------
    stream : CsvStream
        The CSV, from its beginning.

    Returns
    -------
    bool
        Whether its header is `COLUMNS`, with any common delimiter and quoting.

    See Also
    --------
    read_repair : reads such a file.
    """
    first = stream.head.split(b"\n", 1)[0].decode("utf-8", "replace").strip().replace('"', "")
    return re.split("[,;\t]", first) == COLUMNS


def read_repair(stream: CsvStream, text: Path) -> Repair:
    """Restore the original CSV format of repaired rows, and their original line numbers.

    Parameters
    ----------
    stream : CsvStream
        A file of rejected rows, from its beginning.
    text : Path
        The CSV to write.

    Returns
    -------
    Repair
        The rows and where they come from.

    Raises
    ------
    IntakeError
        When the first row, which names the original file, is missing or damaged, or when a line
        number is not a number.

    See Also
    --------
    is_repair : Tells whether a CSV is such a file.
    """
    delimiter = chr(stream.head[len(COLUMNS[0]) + stream.head.count(b'"', 0, 13)])
    lines = array("q")
    base: re.Match[str] | None = None
    is_quoted = False  # files of older releases have no apostrophes
    with text.open("w", encoding="utf-8", newline="") as file:
        for number, fields in enumerate(_rows(stream, delimiter), start=1):
            if number == 2 and len(fields) == len(COLUMNS):
                is_quoted = _QUOTED in fields[1]
                reason = without_apostrophes(fields[1]) if is_quoted else fields[1]
                base = _header_pattern.search(reason)
            if number >= 2:
                line = _line_number(stream.name, number, fields, base)
                row = without_apostrophes(fields[2]) if is_quoted else fields[2]
                file.write(row + "\n")
                lines.extend([line] * (row.count("\n") + 1))
    if base is None:
        raise IntakeError(
            f"{stream.name}: line 2: the row that says which file the rejected rows come from is "
            "missing; copy the file from the folder `rejected` again and keep its first two rows"
        )
    return Repair(text, np.asarray(lines, np.int64), Origin(int(base[1]), base[2], base[3]))


def _rows(stream: CsvStream, delimiter: str) -> Iterator[list[str]]:
    def lines() -> Iterator[str]:
        rest = b""
        while block := stream.read(HEAD_BYTES):
            *complete, rest = (rest + block).split(b"\n")
            yield from (line.decode("utf-8", "backslashreplace") + "\n" for line in complete)
        if rest:
            yield rest.decode("utf-8", "backslashreplace")

    yield from (row for row in csv.reader(lines(), delimiter=delimiter) if row)


def _line_number(file: str, number: int, fields: list[str], base: re.Match[str] | None) -> int:
    if len(fields) != len(COLUMNS) or not fields[0].strip().isdecimal():
        raise IntakeError(
            f"{file}: row {number}, column 'line_number': not a number, or the row does not have "
            "three fields; edit only the column raw_text"
        )
    return int(fields[0]) if base is not None else 0
