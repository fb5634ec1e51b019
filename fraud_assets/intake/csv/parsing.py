"""Convert chunks of CSV text to typed rows, and reject the rows that do not fit the contract.

Arrow parses a chunk at once if all its rows fit. Otherwise the chunk is split, and the parts with
a row that does not fit are parsed row by row: first, damaged rows are rejected, then, column by
column, rows with a value that cannot be converted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from fraud_assets.config.settings import MISSING
from fraud_assets.intake.contract import Contract
from fraud_assets.intake.csv.chunks import Chunk
from fraud_assets.intake.header import parse_rows
from fraud_assets.intake.kinds import CARD, LABEL, LONG, MOMENT, NAME, NUMBER
from fraud_assets.intake.patterns import MOMENT_PATTERN, NUMBER_PATTERN
from fraud_assets.intake.quarantine import RejectedRow
from fraud_assets.platform.masking import is_issued
from fraud_assets.text import named

LINE = "source_line"
"""Column of the line number in the CSV."""
BLANKS = " \t"
SPLIT_RECORDS = 128
"""Records of a part of a chunk that could not be parsed at once."""
EXACT = 2.0**53
"""Floating-point numbers represent all whole numbers below this exactly."""
CARD_FOUND = (
    "a payment card number where another number is expected; correct the row, or give the column "
    "of card numbers the role `card`"
)
UTC_MOMENT, PLAIN_MOMENT = pa.timestamp("us", "UTC"), pa.timestamp("us")


@dataclass(frozen=True)
class ParsedChunk:
    """The rows of a chunk.

    Attributes
    ----------
    table : pa.Table of shape (n_accepted, 1 + n_columns)
        The accepted rows: `source_line`, then the columns of the file in its order.
    rejected : list of RejectedRow
        The rejected rows in the order of the file. Line numbers, here and in the table, start
        from 0 at the beginning of the chunk.
    breaks : int
        Number of lines of the chunk.
    """

    table: pa.Table
    rejected: list[RejectedRow]
    breaks: int

    def renumbered(
        self, number: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    ) -> tuple[pa.Table, list[RejectedRow]]:
        """Renumber the lines of all rows.

        Parameters
        ----------
        number : callable
            Converts an array of line numbers within the chunk to those to report.

        Returns
        -------
        table : pa.Table of shape (n_accepted, 1 + n_columns)
            The accepted rows.
        rejected : list of RejectedRow
            The rejected rows.
        """
        accepted = number(self.table[LINE].to_numpy())
        rejected = number(np.array([row.line for row in self.rejected], np.int64)).tolist()
        return self.table.set_column(0, LINE, pa.array(accepted)), [
            replace(row, line=line) for row, line in zip(self.rejected, rejected, strict=True)
        ]


def schema(contract: Contract) -> pa.Schema:
    """Return the Arrow schema of the accepted rows.

    Parameters
    ----------
    contract : Contract
        Names and kinds of the columns.

    Returns
    -------
    pa.Schema
        `source_line`, then the columns of the file in its order.
    """
    types = {
        NUMBER: pa.float64(),
        MOMENT: PLAIN_MOMENT,
        NAME: pa.string(),
        CARD: pa.string(),
        LABEL: pa.int8(),
    }
    return pa.schema(
        [(LINE, pa.int64()), *((name, types[kind]) for name, kind in contract.kinds.items())]
    )


def parse_chunk(chunk: Chunk, contract: Contract) -> ParsedChunk:
    r"""Convert a chunk to typed rows.

    Parameters
    ----------
    chunk : Chunk
        Records without the header.
    contract : Contract
        Delimiter, names, kinds and roles of the columns.

    Returns
    -------
    ParsedChunk
        Every record that is not a blank line is either an accepted or a rejected row.

    See Also
    --------
    fraud_assets.intake.csv.conversion.convert : Converts a whole file.

    Examples
    --------
    >>> from fraud_assets.intake.kinds import LABEL, NUMBER
    >>> from fraud_assets.records.batches import Roles
    >>> kinds, labels = {"amount": NUMBER, "fraud": LABEL}, {"0": 0, "1": 1}
    >>> contract = Contract(",", ".", b"amount,fraud", kinds, Roles(target="fraud"), labels)
    >>> parsed = parse_chunk(Chunk(b"9.5,0\n?,1\n"), contract)
    >>> parsed.table.to_pylist(), parsed.rejected[0].reason
    ([{'source_line': 0, 'amount': 9.5, 'fraud': 0}], "column 'amount': not a number")
    """
    columns = None if _needs_row_by_row(chunk) else _parse_at_once(chunk, contract)
    usable = None if columns is None else _checked(columns, contract)
    if usable is not None:
        return ParsedChunk(_table(chunk.lines(), usable, contract), [], chunk.breaks)
    if chunk.count > SPLIT_RECORDS:
        return _concatenated([parse_chunk(part, contract) for part in chunk.split(SPLIT_RECORDS)])
    return _parse_row_by_row(chunk, contract)


def _concatenated(parts: list[ParsedChunk]) -> ParsedChunk:
    """Concatenate consecutive parts of a chunk."""
    tables, rejected, breaks = [], [], 0
    for part in parts:
        table, part_rejected = part.renumbered(partial(np.add, breaks))
        tables.append(table)
        rejected += part_rejected
        breaks += part.breaks
    return ParsedChunk(pa.concat_tables(tables).combine_chunks(), rejected, breaks)


def _table(lines: NDArray[np.int64], columns: dict[str, pa.Array], contract: Contract) -> pa.Table:
    return pa.Table.from_arrays([pa.array(lines), *columns.values()], schema=schema(contract))


# --- a chunk at once --------------------------------------------------------------------


def _needs_row_by_row(chunk: Chunk) -> bool:
    """Tell whether a chunk is damaged, or contains bytes that Arrow would interpret differently."""
    data = chunk.data
    return bool(
        chunk.damaged
        or b"\0" in data
        or (b"\r" in data and data.count(b"\r") != data.count(b"\r\n"))
    )


def _parse_at_once(chunk: Chunk, contract: Contract) -> dict[str, pa.Array] | None:
    """Return the columns of a chunk; None when Arrow cannot parse one of its rows."""
    types = {
        name: _moment_type(name, contract)
        if kind == MOMENT
        else (pa.float64() if kind == NUMBER else pa.string())
        for name, kind in contract.kinds.items()
    }
    try:
        table = pacsv.read_csv(
            pa.BufferReader(chunk.data),
            pacsv.ReadOptions(
                use_threads=False,
                block_size=len(chunk.data) + 1,
                column_names=list(contract.kinds),
            ),
            pacsv.ParseOptions(delimiter=contract.delimiter, newlines_in_values=True),
            pacsv.ConvertOptions(
                column_types=types,
                null_values=list(MISSING),
                strings_can_be_null=True,
                decimal_point=contract.decimal,
                timestamp_parsers=_timestamp_parsers(contract),
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != chunk.count:  # Arrow skips blank lines
        return None
    columns = {name: table[name].combine_chunks() for name in contract.kinds}
    for name, kind in contract.kinds.items():
        if kind == LABEL:
            columns[name] = _labels(columns[name], contract)
        elif kind == MOMENT:
            columns[name] = columns[name].cast(PLAIN_MOMENT)
    return columns


def _timestamp_parsers(contract: Contract) -> list[str | object] | None:
    return [contract.timestamp_format] if contract.timestamp_format else None


def _moment_type(name: str, contract: Contract) -> pa.DataType:
    return UTC_MOMENT if name in contract.zoned else PLAIN_MOMENT


def _labels(values: pa.Array, contract: Contract) -> pa.Array:
    """Convert the spellings of the target to 0 and 1, all else to null."""
    spellings = pa.array(list(contract.labels))
    indices = pc.index_in(pc.utf8_lower(pc.utf8_trim(values, BLANKS)), spellings)
    return pa.array(list(contract.labels.values()), pa.int8()).take(indices)


def _checked(columns: dict[str, pa.Array], contract: Contract) -> dict[str, pa.Array] | None:
    """Return the columns with NaN as null; None when a row may have to be rejected.

    Reasons are an infinite number, a missing label or timestamp, and a number as long as a card
    number.
    """
    needed = [contract.roles.target, contract.roles.timestamp]
    if any(name and columns[name].null_count for name in needed):
        return None
    for name, kind in contract.kinds.items():
        # `all` is true for an empty array, and null for one with nulls only.
        if kind == NUMBER and pc.all(pc.is_finite(columns[name])).as_py() is False:
            columns[name] = _without_nan(columns[name])
            if pc.any(pc.is_inf(columns[name])).as_py():
                return None
        if kind == NUMBER and name not in contract.long_numbers:
            ends = pc.min_max(columns[name]).as_py()
            if ends["max"] is not None and max(ends["max"], -ends["min"]) >= LONG:
                return None
    return columns


def _without_nan(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)


# --- row by row -------------------------------------------------------------------------


def _parse_row_by_row(chunk: Chunk, contract: Contract) -> ParsedChunk:
    records, damages = zip(*chunk.records(), strict=True)
    lines = chunk.lines()
    whole = [index for index, record in enumerate(records) if record.strip(b"\r\n")]
    faults = {index: damages[index] for index in whole if damages[index]}
    sound = [index for index in whole if index not in faults]
    rows = parse_rows([records[index] for index in sound], contract.delimiter)
    faults |= {
        index: f"{len(row)} fields where the header has {len(contract.kinds)}"
        for index, row in zip(sound, rows, strict=True)
        if len(row) != len(contract.kinds)
    }
    fitting = [(i, row) for i, row in zip(sound, rows, strict=True) if i not in faults]
    places = np.array([index for index, _ in fitting], np.int64)
    columns, value_faults = _convert([row for _, row in fitting], contract)
    faults |= {int(places[place]): fault for place, fault in value_faults.items()}
    kept = np.array([place not in value_faults for place in range(len(places))], bool)
    table = _table(lines[places], columns, contract).filter(pa.array(kept))
    rejected = [
        RejectedRow(int(lines[index]), faults[index], _text(records[index]))
        for index in sorted(faults)
    ]
    return ParsedChunk(table, rejected, chunk.breaks)


def _text(record: bytes) -> str:
    return record.decode("utf-8", "backslashreplace").rstrip("\r\n")


def _convert(
    rows: list[list[str]], contract: Contract
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """Convert rows to typed columns; return also the first fault of each row that has one."""
    columns: dict[str, pa.Array] = {}
    faults: dict[int, str] = {}
    texts = zip(*rows, strict=True) if rows else ([] for _ in contract.kinds)
    for (name, kind), values in zip(contract.kinds.items(), texts, strict=True):
        text = pa.array(values, pa.string())
        missing = pc.is_in(text, pa.array(MISSING))
        text = pc.if_else(missing, pa.scalar(None, pa.string()), text)
        columns[name] = _typed(text, name, kind, contract)
        for place, fault in _faults(text, columns[name], name, kind, contract):
            faults.setdefault(place, fault)
    return columns, faults


def _typed(text: pa.Array, name: str, kind: str, contract: Contract) -> pa.Array:
    """Convert texts to a kind of column; null where that is impossible."""
    if kind in (NAME, CARD):
        return text
    if kind == LABEL:
        return _labels(text, contract)
    if kind == NUMBER:
        if contract.decimal != ".":
            # In such a file, a value with a point is not a number.
            pointed = pc.match_substring(text, ".")
            text = pc.if_else(pointed, pa.scalar("x"), text)
            text = pc.replace_substring(text, contract.decimal, ".")
        return _without_nan(_cast(pc.utf8_trim(text, BLANKS), NUMBER_PATTERN, pa.float64()))
    if contract.timestamp_format:
        return pc.strptime(text, contract.timestamp_format, "us", error_is_null=True)
    return _cast(text, MOMENT_PATTERN, _moment_type(name, contract)).cast(PLAIN_MOMENT)


def _cast(text: pa.Array, pattern: str, kind: pa.DataType) -> pa.Array:
    """Convert texts to an Arrow type; null where that is impossible.

    The pattern excludes most invalid texts at once. Those it does not, such as the 30th of
    February, are found by bisection.
    """
    matches = pc.fill_null(pc.match_substring_regex(text, pattern), False)
    text = pc.if_else(matches, text, pa.scalar(None, pa.string()))
    return pa.concat_arrays(list(_cast_bisecting(text, kind)))


def _cast_bisecting(text: pa.Array, kind: pa.DataType) -> Iterator[pa.Array]:
    try:
        yield pc.cast(text, kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            yield pa.nulls(1, kind)
        else:
            half = len(text) // 2
            yield from _cast_bisecting(text[:half], kind)
            yield from _cast_bisecting(text[half:], kind)


def _faults(
    text: pa.Array, typed: pa.Array, name: str, kind: str, contract: Contract
) -> Iterator[tuple[int, str]]:
    """Yield the row index and the reason of every value because of which its row is rejected."""
    unread = pc.and_(pc.is_valid(text), pc.is_null(typed))
    if kind == NUMBER:
        unread = pc.and_(unread, pc.invert(_says_nan(text)))
        for place in _places(pc.fill_null(pc.is_inf(typed), False)):
            yield place, f"column {named(name)}: infinity is not allowed"
        if name not in contract.long_numbers:
            for place in _places(pc.fill_null(pc.greater_equal(pc.abs(typed), LONG), False)):
                if _is_card(text[place].as_py(), typed[place].as_py(), contract.decimal):
                    yield place, f"column {named(name)}: {CARD_FOUND}"
    for place in _places(unread):
        expected = _expected(text[place].as_py(), name, kind, contract)
        yield place, f"column {named(name)}: not {expected}"
    what = {contract.roles.target: "label", contract.roles.timestamp: "timestamp"}.get(name)
    if what:
        for place in _places(pc.is_null(text)):
            yield place, f"column {named(name)}: the {what} is missing"


def _is_card(text: str, value: float, decimal: str) -> bool:
    """Tell whether a number is a card number, even if a spreadsheet has reformatted it."""
    spellings = [text.strip(BLANKS + "+-").replace(decimal, ".")]
    if abs(value) < EXACT and value.is_integer():
        spellings.append(str(int(abs(value))))
    return any(map(is_issued, spellings))


def _says_nan(text: pa.Array) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(text, r"^[ \t]*[+-]?[nN][aA][nN][ \t]*$"), False)


def _places(mask: pa.Array) -> list[int]:
    places: list[int] = pc.indices_nonzero(mask).to_pylist()
    return places


def _expected(value: str, name: str, kind: str, contract: Contract) -> str:
    """Return what was expected instead of a value, with the likely remedy, but not the value."""
    if kind == LABEL:
        return "0 or 1" if value.replace(".", "").isdigit() else f"one of {list(contract.labels)}"
    if kind == NUMBER:
        thousands = ("," in value and contract.decimal == ".") or value.count(".") > 1
        remedy = "; write it without thousand separators, or set `decimal`" if thousands else ""
        return "a number" + remedy
    if name in contract.zoned:
        return "a date and time with a time zone, like the others in the column"
    return "a date and time in the format of the others in the column"
