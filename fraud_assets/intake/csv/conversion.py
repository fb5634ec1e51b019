"""Convert a CSV to a typed Parquet file, and collect the rows that do not fit the contract."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud_assets.intake.contract import Contract
from fraud_assets.intake.csv.chunks import CHUNK_BYTES, read_chunks
from fraud_assets.intake.csv.decoding import CsvStream, IntakeError
from fraud_assets.intake.csv.parsing import LINE, ParsedChunk, parse_chunk, schema
from fraud_assets.intake.kinds import CARD, NAME
from fraud_assets.intake.quarantine import RejectedRow, RejectedRows
from fraud_assets.text import inert, named

WORKERS = 2
"""Threads that parse chunks."""
WRITES_AHEAD = 1
"""Row groups that may wait for the writing thread."""
ROW_GROUP = 122_880
"""Rows in a row group, as many as DuckDB processes at once."""
LOG_SECONDS = 5.0
"""Seconds between two progress messages in the log."""


@dataclass
class ConversionResult:
    """Counts of a converted file.

    Attributes
    ----------
    rows : int
        Number of accepted rows.
    frauds : int
        Number of accepted rows whose target is 1.
    rejected : int
        Number of rejected rows.
    examples : list of RejectedRow
        The first rejected rows.
    filled : dict of str to int
        Number of values that are not missing, by column.
    """

    rows: int = 0
    frauds: int = 0
    rejected: int = 0
    examples: list[RejectedRow] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)

    @property
    def empty_columns(self) -> list[str]:
        """Columns without any value in the accepted rows."""
        return [name for name, count in self.filled.items() if self.rows and count == 0]


def convert(
    stream: CsvStream,
    contract: Contract,
    destination: Path,
    rejected: RejectedRows,
    log: Callable[[str], Any] = lambda _: None,
    lines: NDArray[np.int64] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> ConversionResult:
    r"""Convert a CSV to Parquet, row by row either accepted or rejected.

    Memory use is bounded: a few chunks are parsed in parallel and written in order.

    Parameters
    ----------
    stream : CsvStream
        The CSV, from its beginning.
    contract : Contract
        Header, names, kinds and roles of the columns.
    destination : Path
        The Parquet file to write: `source_line`, then the columns in the order of the CSV. NaN
        becomes null.
    rejected : RejectedRows
        Collects the rejected rows.
    log : callable, optional
        Called with progress messages.
    lines : ndarray of int64 of shape (n_lines,), optional
        Line number to report for each line of the CSV; by default its own. Repaired rows keep
        the line numbers of the original file.
    chunk_bytes : int, optional
        Number of bytes to read at a time; does not change the result.

    Returns
    -------
    ConversionResult
        Counts of accepted and rejected rows.

    Raises
    ------
    IntakeError
        When the file cannot be decompressed or decoded to its end.

    See Also
    --------
    require_rows : Refuses a file without any accepted row.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from fraud_assets.config.settings import IntakeSettings
    >>> from fraud_assets.intake.contract import infer_contract
    >>> from fraud_assets.intake.csv.decoding import open_csv
    >>> from fraud_assets.intake.quarantine import collect_rejected
    >>> with TemporaryDirectory() as folder:
    ...     path, rows = Path(folder, "june.csv"), Path(folder, "june.parquet")
    ...     _ = path.write_text("amount,fraud\n" + "9.5,0\n" * 98 + "7,1\n?,0\n")
    ...     with open_csv(path) as stream, collect_rejected(Path(folder, "rejected")) as rejected:
    ...         contract = infer_contract(stream, IntakeSettings())
    ...         result = convert(stream, contract, rows, rejected)
    >>> result.rows, result.frauds, [row.place_and_reason() for row in result.examples]
    (99, 1, ["line 101, column 'amount': not a number"])
    """
    result = ConversionResult(filled=dict.fromkeys(contract.kinds, 0))
    next_line, logged_at = contract.first_line, time.monotonic()
    with _ordered_writer(destination, contract) as write:
        for parsed in _parsed_chunks(stream, contract, chunk_bytes):
            table, rejected_rows = parsed.renumbered(_line_numbering(next_line, lines))
            next_line += parsed.breaks
            for row in rejected_rows:
                rejected.add(row)
            _count(result, table, contract)
            write(table)
            if time.monotonic() - logged_at > LOG_SECONDS:
                logged_at = time.monotonic()
                share = stream.position / max(1, stream.size)
                log(f"{share:.0%} of {stream.size:,} bytes read: {result.rows:,} rows")
    result.rejected, result.examples = rejected.count, rejected.examples
    return result


def _line_numbering(
    next_line: int, lines: NDArray[np.int64] | None
) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    """Return a function from line numbers in a chunk to line numbers in the file.

    With `lines`, to those in the file that is repaired.
    """
    in_file = partial(np.add, next_line)
    return in_file if lines is None else lambda in_chunk: lines[in_file(in_chunk) - 1]


def _count(result: ConversionResult, table: pa.Table, contract: Contract) -> None:
    result.rows += table.num_rows
    result.frauds += pc.sum(table[contract.roles.target]).as_py() or 0
    for name in contract.kinds:
        result.filled[name] += table.num_rows - table[name].null_count


@contextmanager
def _ordered_writer(destination: Path, contract: Contract) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that writes tables in order, as whole row groups, in another thread."""
    names = [name for name, kind in contract.kinds.items() if kind in (NAME, CARD)]
    waiting: list[pa.Table] = []
    pending: deque[Future[None]] = deque()
    with (
        pq.ParquetWriter(
            destination,
            schema(contract),
            use_dictionary=names,
            column_encoding={LINE: "DELTA_BINARY_PACKED"},
        ) as writer,
        ThreadPoolExecutor(1) as thread,
    ):

        def flush(rows: pa.Table) -> None:
            pending.append(thread.submit(writer.write_table, rows, ROW_GROUP))
            while len(pending) > WRITES_AHEAD:
                pending.popleft().result()

        def write(table: pa.Table) -> None:
            waiting.append(table)
            if sum(map(len, waiting)) >= ROW_GROUP:
                rows = pa.concat_tables(waiting)
                whole = len(rows) // ROW_GROUP * ROW_GROUP
                waiting[:] = [rows[whole:]]
                flush(rows[:whole])

        yield write
        flush(pa.concat_tables([schema(contract).empty_table(), *waiting]))
        while pending:
            pending.popleft().result()


def _parsed_chunks(
    stream: CsvStream, contract: Contract, chunk_bytes: int
) -> Iterator[ParsedChunk]:
    """Parse chunks in parallel; yield them in the order of the file."""
    body = _WithoutHeader(stream, len(contract.header))
    with ThreadPoolExecutor(WORKERS) as pool:
        pending: deque[Future[ParsedChunk]] = deque()
        for chunk in read_chunks(body, contract.delimiter, chunk_bytes):
            pending.append(pool.submit(parse_chunk, chunk, contract))
            if len(pending) > WORKERS + 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


class _WithoutHeader:
    """A stream without its first bytes."""

    def __init__(self, stream: CsvStream, size: int):
        self._stream, self._size = stream, size

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        while data and self._size:
            cut = min(self._size, len(data))
            self._size -= cut
            data = data[cut:] or self._stream.read(size)
        return data


def require_rows(name: str, result: ConversionResult) -> None:
    """Refuse a file without any accepted row.

    Parameters
    ----------
    name : str
        Name of the file, for the message.
    result : ConversionResult
        Counts of the file.

    Raises
    ------
    IntakeError
        When no row was accepted; names the first rejected row and the reason.
    """
    if result.rows == 0:
        example = result.examples[0] if result.examples else None
        reason = f"the first is {example.place_and_reason()}" if example else "the file has no rows"
        raise IntakeError(
            f"{name}: none of its rows fits the contract; {reason}; "
            "correct the file and drop it again"
        )


def empty_column_problems(name: str, result: ConversionResult) -> list[str]:
    """Describe the columns without any value.

    Parameters
    ----------
    name : str
        Name of the file, for the messages.
    result : ConversionResult
        Counts of the file.

    Returns
    -------
    list of str
        A message for each empty column, with the remedy.

    Examples
    --------
    >>> empty_column_problems("june.csv", ConversionResult(rows=2, filled={"a": 0, "b": 2}))
    ["june.csv: column 'a' is empty or NaN in all 2 rows; fill or remove the column"]
    """
    return [
        f"{inert(name)}: column {named(column)} is empty or NaN in all {result.rows} rows; "
        "fill or remove the column"
        for column in result.empty_columns
    ]
