"""The first rows of a CSV, by column: what its contract is inferred from."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from fraud_assets.config.settings import MISSING
from fraud_assets.intake.csv.chunks import read_chunks
from fraud_assets.intake.csv.decoding import HEAD_BYTES
from fraud_assets.intake.header import Header, parse_rows

SAMPLE_ROWS = 2_000


@dataclass(frozen=True)
class ColumnSample:
    """Values of a column that are not missing, and the lines of the file they come from.

    Attributes
    ----------
    values : list of str
        The values, without surrounding blanks.
    lines : list of int
        The line number of each value.

    See Also
    --------
    sample_rows : the rows that it is made from.
    """

    values: list[str]
    lines: list[int]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, list[str]]], index: int) -> Self:
        """Return the sample of one column.

        Parameters
        ----------
        rows : sequence of (int, list of str)
            Line and fields of each row.
        index : int
            Position of the column.

        Returns
        -------
        ColumnSample

        See Also
        --------
        sample_rows : reads the rows.

        Examples
        --------
        >>> ColumnSample.of([(2, ["9.5", "0"]), (3, [" ", "1"])], index=0)
        ColumnSample(values=['9.5'], lines=[2])
        """
        stripped = [(line, row[index].strip()) for line, row in rows]
        present = [(line, value) for line, value in stripped if value not in MISSING]
        return cls([value for _, value in present], [line for line, _ in present])

    def replaced(self, old: str, new: str) -> "ColumnSample":
        """Return the sample with a text replaced in each value.

        Parameters
        ----------
        old, new : str
            Each occurrence of `old` is replaced by `new`.

        Returns
        -------
        ColumnSample
            With the same lines.
        """
        return ColumnSample([value.replace(old, new) for value in self.values], self.lines)

    def first_line(self, condition: Callable[[str], Any]) -> int:
        """Return the line of the first value that meets a condition.

        Parameters
        ----------
        condition : callable
            Takes a value; its result is true or false.

        Returns
        -------
        int
            Line number in the file.

        Raises
        ------
        StopIteration
            When no value meets it.
        """
        pairs = zip(self.lines, self.values, strict=True)
        return next(line for line, value in pairs if condition(value))


def sample_rows(head: bytes, header: Header) -> list[tuple[int, list[str]]]:
    """Return the first rows with as many fields as the header, each with its line number.

    Parameters
    ----------
    head : bytes
        Beginning of the text, the header included.
    header : Header
        The file's delimiter and column names.

    Returns
    -------
    list of (int, list of str)
        At most `SAMPLE_ROWS`; blank lines and damaged rows are skipped.

    See Also
    --------
    ColumnSample.of : the values of one column.
    """
    records = list(islice(_records(head, header), SAMPLE_ROWS))
    present = [(line, record) for line, record in records if record.strip(b"\r\n")]
    rows = parse_rows([record for _, record in present], header.delimiter)
    return [
        (line, row)
        for (line, _), row in zip(present, rows, strict=True)
        if len(row) == len(header.names)
    ]


def _records(head: bytes, header: Header) -> Iterator[tuple[int, bytes]]:
    # The last record of a head that was cut off may be incomplete.
    is_whole, line = len(head) < HEAD_BYTES, header.first_line
    for chunk in read_chunks(io.BytesIO(head[len(header.text) :]), header.delimiter):
        for place, (record, damage) in zip(chunk.lines().tolist(), chunk.records(), strict=True):
            if damage is None and (is_whole or record.endswith(b"\n")):
                yield line + place, record
        line += chunk.breaks
