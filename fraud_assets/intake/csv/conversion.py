"""From a CSV to typed Parquet: rows that fit the contract, and the rejected rest."""

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

from fraud_assets.intake.contract import CARD, NAME, Contract
from fraud_assets.intake.csv.chunks import CHUNK_BYTES, chunks
from fraud_assets.intake.csv.decoding import IntakeError, Source
from fraud_assets.intake.csv.parsing import LINE, Parsed, parse, schema
from fraud_assets.intake.quarantine import RejectedRow, RejectedRows
from fraud_assets.text import inert, named

WORKERS = 2
WRITES_AHEAD = 1
ROW_GROUP = 122_880
"""Rows that DuckDB reads as one piece."""
SECONDS_BETWEEN_LINES = 5.0
"""How often the log says how far a long file has been read."""


@dataclass
class Intake:
    """What came of a file.

    Attributes
    ----------
    rows : int
        Accepted rows.
    frauds : int
        Accepted rows whose target is 1.
    rejected : int
    examples : list of RejectedRow
        The first rejected rows.
    filled : dict of str to int
        Values that are not missing, by column.
    """

    rows: int = 0
    frauds: int = 0
    rejected: int = 0
    examples: list[RejectedRow] = field(default_factory=list)
    filled: dict[str, int] = field(default_factory=dict)

    @property
    def empty_columns(self) -> list[str]:
        """Columns without one value in all accepted rows."""
        return [name for name, count in self.filled.items() if self.rows and count == 0]


def ingest(
    source: Source,
    contract: Contract,
    destination: Path,
    rejected: RejectedRows,
    log: Callable[[str], Any] = lambda _: None,
    lines: NDArray[np.int64] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Intake:
    """Write the rows of a CSV that fit the contract to a Parquet file.

    Memory is bounded: chunks are read by two threads and written in order.

    Parameters
    ----------
    source : Source
        The CSV, of which nothing has been read yet.
    contract : Contract
    destination : Path
        The Parquet file to write: `source_line`, then the columns, in the order of the file.
        NaN becomes null.
    rejected : RejectedRows
        Takes the other rows.
    log : callable, optional
        Is told of the progress.
    lines : ndarray of int64, optional
        What to say in place of each line number: of a repaired row, its old one.
    chunk_bytes : int, optional
        How much is read at a time; the outcome does not depend on it.

    Returns
    -------
    Intake
    """
    intake = Intake(filled=dict.fromkeys(contract.kinds, 0))
    next_line, said = contract.first_line, time.monotonic()
    with _ordered_writer(destination, contract) as write:
        for parsed in _in_order(source, contract, chunk_bytes):
            table, refused = parsed.renumbered(_numbers(next_line, lines))
            next_line += parsed.breaks
            for row in refused:
                rejected.add(row)
            _count(intake, table, contract)
            write(table)
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                share = source.position / max(1, source.size)
                log(f"{share:.0%} of {source.size:,} bytes read: {intake.rows:,} rows")
    intake.rejected, intake.examples = rejected.count, rejected.examples
    return intake


def _numbers(
    next_line: int, lines: NDArray[np.int64] | None
) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    """Return what turns the lines of a chunk into those of its file, or of the file it repairs."""
    own = partial(np.add, next_line)
    return own if lines is None else lambda places: lines[own(places) - 1]


def _count(intake: Intake, table: pa.Table, contract: Contract) -> None:
    intake.rows += table.num_rows
    intake.frauds += pc.sum(table[contract.roles.target]).as_py() or 0
    for name in contract.kinds:
        intake.filled[name] += table.num_rows - table[name].null_count


@contextmanager
def _ordered_writer(destination: Path, contract: Contract) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what writes tables in order, in a thread of its own, as whole row groups."""
    names = [name for name, kind in contract.kinds.items() if kind in (NAME, CARD)]
    waiting: list[pa.Table] = []
    under_way: deque[Future[None]] = deque()
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
            under_way.append(thread.submit(writer.write_table, rows, ROW_GROUP))
            while len(under_way) > WRITES_AHEAD:
                under_way.popleft().result()

        def write(table: pa.Table) -> None:
            waiting.append(table)
            if sum(map(len, waiting)) >= ROW_GROUP:
                rows = pa.concat_tables(waiting)
                whole = len(rows) // ROW_GROUP * ROW_GROUP
                waiting[:] = [rows[whole:]]
                flush(rows[:whole])

        yield write
        flush(pa.concat_tables([schema(contract).empty_table(), *waiting]))
        while under_way:
            under_way.popleft().result()


def _in_order(source: Source, contract: Contract, chunk_bytes: int) -> Iterator[Parsed]:
    """Parse chunks side by side; yield them in the order of the file."""
    skipped = _Skipped(source, len(contract.header))
    with ThreadPoolExecutor(WORKERS) as pool:
        under_way: deque[Future[Parsed]] = deque()
        for chunk in chunks(skipped, contract.delimiter, chunk_bytes):
            under_way.append(pool.submit(parse, chunk, contract))
            if len(under_way) > WORKERS + 1:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


class _Skipped:
    """A reader without its first bytes."""

    def __init__(self, source: Source, size: int):
        self._source, self._size = source, size

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        while data and self._size:
            cut = min(self._size, len(data))
            self._size -= cut
            data = data[cut:] or self._source.read(size)
        return data


def require_rows(name: str, intake: Intake) -> None:
    """Refuse a file of which no row was accepted.

    Parameters
    ----------
    name : str
        Of the file.
    intake : Intake

    Raises
    ------
    IntakeError
        With the first rejected row as the example.
    """
    if intake.rows == 0:
        example = intake.examples[0] if intake.examples else None
        where = example.place_and_reason() if example else "no row could be read"
        raise IntakeError(
            f"{name}: none of its rows fits the contract; first, {where}; "
            "correct the file and drop it again"
        )


def empty_column_problems(name: str, intake: Intake) -> list[str]:
    """Return a message for each column without a value."""
    return [
        f"{inert(name)}: column {named(column)} holds no value (only NaN or nothing) in all "
        f"{intake.rows} rows; fill or remove the column"
        for column in intake.empty_columns
    ]
