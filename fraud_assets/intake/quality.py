"""What is odd about accepted rows although each of them fits: repeats, times, constants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from fraud_assets.store.sql import identifier, literal, parquet


@dataclass(frozen=True)
class Repeats:
    """Rows that are there more than once.

    Attributes
    ----------
    rows : int
        Rows that are equal to an earlier one in every column.
    ids : int
        Transaction ids that stand at several rows.
    line : int or None
        The first line that repeats one of these ids.
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
    """Count what is there more than once.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    rows : Path
        Parquet.
    columns : sequence of str
    transaction_id : str or None
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
class Times:
    """When the transactions of a batch took place.

    Attributes
    ----------
    first, last : datetime
        UTC, or what the file means where it says no zone.
    future : int
        Rows later than the moment of looking.
    line : int or None
        The first of them.
    backwards : int
        Rows earlier than the row before them in the file.
    """

    first: datetime
    last: datetime
    future: int
    line: int | None
    backwards: int


def look_at_times(
    engine: duckdb.DuckDBPyConnection, rows: Path, timestamp: str, now: datetime
) -> Times:
    """Return when the transactions took place.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    rows : Path
        Parquet, in the order of the file.
    timestamp : str
        A column of moments.
    now : datetime
        Without a zone, UTC.
    """
    moment = identifier(timestamp)
    found = engine.execute(
        f"SELECT min(moment), max(moment), count(*) FILTER (WHERE moment > {literal(now)}), "
        f"min(source_line) FILTER (WHERE moment > {literal(now)}), "
        "count(*) FILTER (WHERE moment < earlier) FROM ("
        f"SELECT source_line, {moment} AS moment, "
        f"lag({moment}) OVER (ORDER BY file_row_number) AS earlier "
        f"FROM {parquet(rows, row_numbers=True)})"
    ).fetchall()[0]
    return Times(*found)


def constant_columns(rows: Path, columns: Sequence[str]) -> list[str]:
    """Return the columns that have one value in all rows, from the statistics of the Parquet file.

    Parameters
    ----------
    rows : Path
    columns : sequence of str
    """
    metadata = pq.read_metadata(rows)
    seen: dict[str, set[object]] = {name: set() for name in columns}
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            column = metadata.row_group(group).column(place)
            if column.path_in_schema in seen and column.statistics is not None:
                values = seen[column.path_in_schema]
                if column.statistics.has_min_max:
                    values |= {column.statistics.min, column.statistics.max}
                if column.statistics.null_count:
                    values.add(None)
    return [name for name, values in seen.items() if len(values) == 1 and None not in values]
