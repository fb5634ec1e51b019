"""Find suspicious patterns in accepted rows: repeated rows, implausible times, constant columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from fraud_assets.store.sql import identifier, literal, parquet


@dataclass(frozen=True)
class Repeats:
    """Repeated rows and transaction ids.

    Attributes
    ----------
    rows : int
        Number of rows that equal an earlier one in every column.
    ids : int
        Number of transaction ids that several rows have.
    line : int or None
        Line number of the first row with an id that an earlier row has.
    """

    rows: int
    ids: int
    line: int | None


def find_repeats(
    engine: duckdb.DuckDBPyConnection,
    rows: Path,
    columns: Sequence[str],
    transaction_id: str | None,
) -> Repeats:
    """Count repeated rows and transaction ids.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Connection that may read the file.
    rows : Path
        Parquet file of the accepted rows.
    columns : sequence of str
        Columns to compare.
    transaction_id : str or None
        Column of unique ids; None when the data has none.

    Returns
    -------
    Repeats
        Without a column of ids, only the rows are counted.

    See Also
    --------
    summarize_times : the same for timestamps.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pyarrow as pa
    >>> table = pa.table({"source_line": [2, 3, 4], "id": ["a", "b", "a"], "amount": [1, 2, 1]})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "rows.parquet")
    ...     pq.write_table(table, path)
    ...     find_repeats(duckdb.connect(), path, ["id", "amount"], "id")
    Repeats(rows=1, ids=1, line=4)
    """
    hashed = ", ".join(map(identifier, columns))
    (same,) = engine.execute(
        f"SELECT count(*) - count(DISTINCT hash({hashed})) FROM {parquet(rows)}"
    ).fetchall()[0]
    if transaction_id is None:
        return Repeats(same, 0, None)
    name = identifier(transaction_id)
    (ids,) = engine.execute(
        f"SELECT count(*) FROM (SELECT {name} FROM {parquet(rows)} "
        f"WHERE {name} IS NOT NULL GROUP BY {name} HAVING count(*) > 1)"
    ).fetchall()[0]
    return Repeats(same, ids, _first_repeat(engine, rows, name) if ids else None)


def _first_repeat(engine: duckdb.DuckDBPyConnection, rows: Path, name: str) -> int:
    line = engine.execute(
        f"SELECT min(second) FROM (SELECT source_line AS second, row_number() OVER "
        f"(PARTITION BY {name} ORDER BY source_line) AS place FROM {parquet(rows)} "
        f"WHERE {name} IS NOT NULL) WHERE place = 2"
    ).fetchall()[0][0]
    return int(line)


@dataclass(frozen=True)
class TimeSummary:
    """Times of the transactions of a batch.

    Attributes
    ----------
    first, last : datetime
        Earliest and latest time, without a zone: UTC, or the file's own clock if its times have
        no time zone.
    future : int
        Number of rows in the future.
    line : int or None
        Line number of the first row in the future.
    backwards : int
        Number of rows earlier than the row before them in the file.
    """

    first: datetime
    last: datetime
    future: int
    line: int | None
    backwards: int


def summarize_times(
    engine: duckdb.DuckDBPyConnection, rows: Path, timestamp: str, now: datetime
) -> TimeSummary:
    """Summarize the times of transactions.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Connection that may read the file.
    rows : Path
        Parquet file of the accepted rows, in the order of the CSV.
    timestamp : str
        Column of timestamps.
    now : datetime
        Later times are in the future. UTC, without a zone.

    Returns
    -------
    TimeSummary
        Range of the times, and counts of implausible ones.

    See Also
    --------
    find_repeats : counts repeated rows.
    """
    moment = identifier(timestamp)
    summary = engine.execute(
        f"SELECT min(moment), max(moment), count(*) FILTER (WHERE moment > {literal(now)}), "
        f"min(source_line) FILTER (WHERE moment > {literal(now)}), "
        "count(*) FILTER (WHERE moment < earlier) FROM ("
        f"SELECT source_line, {moment} AS moment, "
        f"lag({moment}) OVER (ORDER BY file_row_number) AS earlier "
        f"FROM {parquet(rows, row_numbers=True)})"
    ).fetchall()[0]
    return TimeSummary(*summary)


def constant_columns(rows: Path, columns: Sequence[str]) -> list[str]:
    """Return the columns with the same value in all rows.

    Only the statistics in the Parquet file are read.

    Parameters
    ----------
    rows : Path
        Parquet file of the accepted rows.
    columns : sequence of str
        Columns to check.

    Returns
    -------
    list of str
        In the given order. A column with missing values is not constant.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pyarrow as pa
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "rows.parquet")
    ...     pq.write_table(pa.table({"currency": ["EUR", "EUR"], "amount": [1.0, 2.0]}), path)
    ...     constant_columns(path, ["currency", "amount"])
    ['currency']
    """
    metadata = pq.read_metadata(rows)
    values_by_column: dict[str, set[object]] = {name: set() for name in columns}
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.path_in_schema in values_by_column and column.statistics is not None:
                values = values_by_column[column.path_in_schema]
                if column.statistics.has_min_max:
                    values |= {column.statistics.min, column.statistics.max}
                if column.statistics.null_count:
                    values.add(None)
    return [
        name for name, values in values_by_column.items() if len(values) == 1 and None not in values
    ]
