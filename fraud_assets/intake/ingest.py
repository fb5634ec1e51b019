"""From a CSV to typed Parquet: rows that fit the contract, and the rejected rest."""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from fraud_assets.intake.contract import (
    LABEL,
    MOMENT,
    NUMBER,
    TARGET_VALUES,
    Contract,
    IntakeError,
)
from fraud_assets.sql import identifier, literal, parquet, struct

EXPECTED = {NUMBER: "a number", MOMENT: "a date and time", LABEL: "0 or 1"}


@dataclass(frozen=True)
class RejectedRow:
    """A row that does not fit the contract.

    Attributes
    ----------
    line : int
        Line number in the file; the header is line 1.
    reason : str
        Names column and value.
    text : str
        The row as it stands in the file.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class Intake:
    """What came of a file.

    Attributes
    ----------
    rows : int
        Accepted rows.
    frauds : int
        Accepted rows whose target is 1.
    rejected : list of RejectedRow
        In the order of the file.
    empty_columns : list of str
        Columns without one value in all accepted rows.
    """

    rows: int
    frauds: int
    rejected: list[RejectedRow]
    empty_columns: list[str]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ingest(
    engine: duckdb.DuckDBPyConnection, source: Path, contract: Contract, destination: Path
) -> Intake:
    """Write the rows of a CSV that fit the contract to a Parquet file.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    source : Path
        The CSV.
    contract : Contract
    destination : Path
        The Parquet file to write; its rows keep the order of the file. NaN becomes null.

    Returns
    -------
    Intake
    """
    engine.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    engine.execute(
        f"COPY (SELECT {_selection(contract)} FROM {_reader(contract)}) "
        f"TO {literal(destination)} (FORMAT parquet)",
        [str(source), contract.delimiter],
    )
    rejected = _misread_rows(engine, contract)
    rejected += _reject_unusable(engine, source, contract, destination, rejected)
    rejected.sort(key=lambda row: row.line)
    target = identifier(contract.roles.target)
    counts = ", ".join(f"count({identifier(name)})" for name in contract.kinds)
    (rows, frauds, *filled) = engine.execute(
        f"SELECT count(*), coalesce(sum({target}), 0), {counts} FROM {parquet(destination)}"
    ).fetchall()[0]
    empty = [name for name, n in zip(contract.kinds, filled, strict=True) if rows and n == 0]
    return Intake(int(rows), int(frauds), rejected, empty)


def require_rows(source: Path, intake: Intake) -> None:
    """Refuse a file of which no row was accepted.

    Raises
    ------
    IntakeError
        With the first rejected row as the example.
    """
    if intake.rows == 0:
        example = intake.rejected[0] if intake.rejected else None
        where = f"line {example.line}: {example.reason}" if example else "no row could be read"
        raise IntakeError(
            f"{source.name}: none of its rows fits the contract; first, {where}; "
            "correct the file and drop it again"
        )


def empty_column_problems(source: Path, intake: Intake) -> list[str]:
    """Return a message for each column without a value."""
    return [
        f"{source.name}: column {name!r} holds no value (only NaN or nothing) in all "
        f"{intake.rows} rows; fill or remove the column"
        for name in intake.empty_columns
    ]


def rejected_csv(rejected: Iterable[RejectedRow]) -> str:
    """Return rejected rows as CSV text: line number, reason, the raw text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line_number", "reason", "raw_text"])
    writer.writerows([row.line, row.reason, row.text] for row in rejected)
    return text.getvalue()


def source_lines(n_rows: int, rejected_lines: list[int]) -> NDArray[np.int64]:
    """Return the line numbers of the accepted rows.

    Parameters
    ----------
    n_rows : int
        Accepted rows.
    rejected_lines : list of int

    Returns
    -------
    ndarray of shape (n_rows,)
        Ascending; the header is line 1.
    """
    lines = np.arange(2, n_rows + len(rejected_lines) + 2)
    return np.setdiff1d(lines, np.asarray(rejected_lines, dtype=lines.dtype), assume_unique=True)


def _reader(contract: Contract) -> str:
    labels = f"ENUM({', '.join(map(literal, TARGET_VALUES))})"
    types = struct(
        {name: labels if kind == LABEL else kind for name, kind in contract.kinds.items()}
    )
    return (
        "read_csv(?, header=true, auto_detect=false, delim=?, quote='\"', escape='\"', "
        f"columns={types}, store_rejects=true, rejects_limit=0)"
    )


def _selection(contract: Contract) -> str:
    def expression(name: str, kind: str) -> str:
        column = identifier(name)
        if kind == NUMBER:
            return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END AS {column}"
        if kind == LABEL:
            return f"CAST(CAST(CAST({column} AS VARCHAR) AS DOUBLE) AS TINYINT) AS {column}"
        return column

    return ", ".join(expression(name, kind) for name, kind in contract.kinds.items())


def _misread_rows(engine: duckdb.DuckDBPyConnection, contract: Contract) -> list[RejectedRow]:
    """Return the rows that DuckDB could not read as the contract's types."""
    errors = engine.execute(
        "SELECT line, column_idx, error_type, csv_line FROM reject_errors "
        "QUALIFY row_number() OVER (PARTITION BY line ORDER BY column_idx) = 1 ORDER BY line"
    ).fetchall()
    names, kinds = list(contract.kinds), list(contract.kinds.values())
    rejected = []
    for line, column, problem, raw in errors:
        # With CRLF endings, DuckDB begins a line at the line feed that ended the one before.
        text = (raw or "").strip("\r\n")
        if problem == "CAST" and column and column <= len(names):
            fields = _fields(text, contract.delimiter)
            value = fields[column - 1] if column <= len(fields) else ""
            reason = f"column {names[column - 1]!r}: {value[:40]!r} is not " + EXPECTED.get(
                kinds[column - 1], "text"
            )
        elif problem in ("MISSING COLUMNS", "TOO MANY COLUMNS"):
            found = len(_fields(text, contract.delimiter))
            reason = f"{found} fields where the header has {len(names)}"
        else:
            reason = problem.lower()
        rejected.append(RejectedRow(int(line), reason, text))
    return rejected


def _fields(text: str, delimiter: str) -> list[str]:
    """Return the fields of a row as it stands in the file."""
    return next(csv.reader(io.StringIO(text), delimiter=delimiter), [])


def _reject_unusable(
    engine: duckdb.DuckDBPyConnection,
    source: Path,
    contract: Contract,
    destination: Path,
    misread: list[RejectedRow],
) -> list[RejectedRow]:
    """Take rows out of the Parquet file that have types but no use: no label, infinity."""
    table = parquet(destination, row_numbers=True)
    found = engine.execute(
        f"SELECT file_row_number, fault FROM (SELECT file_row_number, {_fault_of_a_row(contract)} "
        f"AS fault FROM {table}) WHERE fault IS NOT NULL ORDER BY file_row_number"
    ).fetchall()
    if not found:
        return []
    last = found[-1][0] + 1
    lines = source_lines(last, [row.line for row in misread if row.line <= last + len(misread) + 1])
    texts = _lines_of(source, {int(lines[row]) for row, _ in found})
    kept = destination.with_suffix(".kept.parquet")
    engine.execute(
        f"COPY (SELECT * EXCLUDE (file_row_number) FROM {table} "
        f"WHERE {_fault_of_a_row(contract)} IS NULL ORDER BY file_row_number) "
        f"TO {literal(kept)} (FORMAT parquet)"
    )
    kept.replace(destination)
    return [
        RejectedRow(int(lines[row]), fault, texts.get(int(lines[row]), "")) for row, fault in found
    ]


def _fault_of_a_row(contract: Contract) -> str:
    def fault(condition: str, name: str, what: str) -> str:
        return f"WHEN {condition} THEN {literal(f'column {name!r}: {what}')}"

    roles = contract.roles
    faults = [fault(f"{identifier(roles.target)} IS NULL", roles.target, "the label is missing")]
    if roles.timestamp:
        unknown = f"{identifier(roles.timestamp)} IS NULL"
        faults.append(fault(unknown, roles.timestamp, "the timestamp is missing"))
    for name, kind in contract.kinds.items():
        if kind == NUMBER:
            faults.append(fault(f"isinf({identifier(name)})", name, "infinity is not usable"))
    return f"CASE {' '.join(faults)} END"


def _lines_of(source: Path, wanted: set[int]) -> dict[int, str]:
    """Return the text of some lines of a file."""
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return {
            number: line.rstrip("\r\n")
            for number, line in enumerate(file, start=1)
            if number in wanted
        }
