"""Split a stream of CSV text into chunks of complete records, and number their lines.

Line numbers are those an editor shows: a record spans several lines when a quoted field contains
line breaks, and blank lines are counted.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fraud_assets.intake.csv.decoding import Reader

CHUNK_BYTES = 1 << 23
"""Default size of a chunk."""
MAX_RECORD_BYTES = 32 << 20
"""Longer records are rejected, so that no file can fill the memory."""
MAX_QUOTED_BYTES = 4 << 20
"""An opening quote without a closing one within this many bytes is taken for a mistake."""
LONG_LINE_BYTES_KEPT = 1000
"""Bytes that are kept of a line longer than `MAX_RECORD_BYTES`."""
NEWLINE, RETURN, QUOTE = 10, 13, 34


@dataclass(frozen=True)
class Chunk:
    """Consecutive complete records of a CSV.

    Attributes
    ----------
    data : bytes
        UTF-8 text; ends with a line break, except perhaps at the end of a file.
    starts : ndarray of int64 of shape (n_records,), or None
        Offsets of the records in `data`; None when every line is one record.
    damaged : dict of int to str
        What is wrong with the quotes or the length of a record, by its offset in `data`.
    """

    data: bytes
    starts: NDArray[np.int64] | None = None
    damaged: dict[int, str] = field(default_factory=dict)

    def record_starts(self) -> NDArray[np.int64]:
        """Return the offsets of the records in `data`.

        Returns
        -------
        ndarray of int64 of shape (n_records,)
            Ascending, in bytes.
        """
        if self.starts is not None:
            return self.starts
        return _starts(np.flatnonzero(_bytes(self.data) == NEWLINE) + 1, len(self.data))

    @cached_property
    def breaks(self) -> int:
        """Number of line breaks."""
        return self.data.count(b"\n")

    @property
    def count(self) -> int:
        """Number of records, including blank lines."""
        if self.starts is not None:
            return len(self.starts)
        return self.breaks + (not self.data.endswith(b"\n"))

    def lines(self) -> NDArray[np.int64]:
        """Return the line number of each record within the chunk.

        Returns
        -------
        ndarray of int64 of shape (n_records,)
            The first line of the chunk is 0.
        """
        if self.starts is None:
            return np.arange(self.count)
        breaks = np.flatnonzero(_bytes(self.data) == NEWLINE)
        return np.searchsorted(breaks, self.starts)

    def records(self) -> Iterator[tuple[bytes, str | None]]:
        """Iterate over the records.

        Yields
        ------
        record : bytes
            With its line break.
        damage : str or None
            What is wrong with the record, if anything.
        """
        starts = self.record_starts().tolist()
        for start, end in pairwise([*starts, len(self.data)]):
            record = self.data[start:end]
            yield record, self.damaged.get(start) or damage_of(record)

    def split(self, records: int) -> Iterator["Chunk"]:
        """Split the chunk into smaller ones.

        Parameters
        ----------
        records : int
            Maximum number of records of each.

        Yields
        ------
        Chunk
            In order; together they are this chunk.
        """
        starts = self.record_starts()
        bounds = [*starts[::records].tolist(), len(self.data)]
        for number, (start, end) in enumerate(pairwise(bounds)):
            part_starts = None
            if self.starts is not None:
                part_starts = starts[number * records : (number + 1) * records] - start
            damaged = {at - start: why for at, why in self.damaged.items() if start <= at < end}
            yield Chunk(self.data[start:end], part_starts, damaged)


def read_chunks(reader: Reader, delimiter: str, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    r"""Read CSV text in chunks of complete records.

    Parameters
    ----------
    reader : Reader
        UTF-8 text that begins with a record.
    delimiter : str
        One ASCII character.
    size : int, optional
        Bytes to read at a time.

    Yields
    ------
    Chunk
        In order. Together they are the whole text, except that of records longer than
        `MAX_RECORD_BYTES` only the beginning is kept.

    See Also
    --------
    fraud_assets.intake.csv.parsing.parse_chunk : Converts a chunk to typed rows.

    Examples
    --------
    >>> from io import BytesIO
    >>> (chunk,) = read_chunks(BytesIO(b'1,"two\nlines"\n3,4\n'), ",")
    >>> [record for record, _ in chunk.records()], chunk.lines().tolist()
    ([b'1,"two\nlines"\n', b'3,4\n'], [0, 2])
    """
    rest = b""
    while True:
        block = reader.read(size)
        if not rest and not block:
            return
        plain = block.rfind(b"\n") + 1
        if plain and b'"' not in rest and b'"' not in block:
            # The common case: no quotes. It copies the bytes once.
            yield Chunk(b"".join((rest, memoryview(block)[:plain])))
            rest = block[plain:]
            continue
        data = rest + block
        chunk, used = _complete_records(data, delimiter, at_end=not block)
        if used == 0 and len(data) > MAX_RECORD_BYTES:
            rest = yield from _skip_long_line(reader, data, size)
            continue
        if used:
            yield chunk
        rest = data[used:]


def _skip_long_line(reader: Reader, data: bytes, size: int) -> Generator[Chunk, None, bytes]:
    """Yield the beginning of a line that is too long; return the bytes after it."""
    total, kept = len(data), data[:LONG_LINE_BYTES_KEPT]
    while b"\n" not in data:
        data = reader.read(size)
        total += len(data)
        if not data:
            break
    after = data[data.find(b"\n") + 1 :] if data else b""
    problem = (
        f"the line has {total - len(after):,} bytes, more than {MAX_RECORD_BYTES:,}; "
        "only its beginning is kept here"
    )
    kept = kept.decode("utf-8", "ignore").encode() + b"\n"
    yield Chunk(kept, np.zeros(1, np.int64), {0: problem})
    return after


def _complete_records(data: bytes, delimiter: str, at_end: bool) -> tuple[Chunk, int]:
    """Return the complete records at the beginning of the data, and their length in bytes."""
    if b'"' not in data:
        used = len(data) if at_end else data.rfind(b"\n") + 1
        return Chunk(data[:used]), used
    ends = _ends_by_quote_parity(data, delimiter)
    if ends is not None and (at_end or len(ends)):
        if at_end and (not len(ends) or ends[-1] < len(data)):
            ends = np.append(ends, len(data))
        if not at_end or _is_closed(data):
            used = int(ends[-1])
            return Chunk(data[:used], _starts(ends, used)), used
    return _complete_records_line_by_line(data, delimiter, at_end)


def _is_closed(data: bytes) -> bool:
    return data.count(b'"') % 2 == 0


def _starts(ends: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    return starts[starts < length]


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _ends_by_quote_parity(data: bytes, delimiter: str) -> NDArray[np.int64] | None:
    """Return where records end if all quotes are well formed; None otherwise.

    Then a line break ends a record if and only if the number of quotes before it is even.
    """
    codes = _bytes(data)
    quotes = np.flatnonzero(codes == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    before = codes[np.maximum(opening - 1, 0)]
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    separators = (ord(delimiter), NEWLINE)
    opens = np.isin(before, (*separators, QUOTE)) | (opening == 0)
    # A doubled quote is an escaped quote within the field: it closes and opens again.
    reopens = np.zeros(len(opening), bool)
    reopens[1:] = opening[1:] == closing[: len(opening) - 1] + 1
    opens &= (before != QUOTE) | reopens | (opening == 0)
    closes = np.isin(after, (*separators, RETURN, QUOTE)) | (closing == len(codes) - 1)
    if not (opens.all() and closes.all()):
        return None
    breaks: NDArray[np.int64] = np.flatnonzero(codes == NEWLINE)
    ends: NDArray[np.int64] = breaks[np.searchsorted(quotes, breaks) % 2 == 0] + 1
    return ends


@lru_cache(maxsize=8)
def _patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of a complete record, and of one whose last quoted field is still open."""
    d = re.escape(delimiter).encode()
    quoted = rb'"[^"]*+(?:""[^"]*+)*+'
    plain = rb'[^"\n' + d + rb"][^\n" + d + rb"]*+"
    whole = rb"(?:" + quoted + rb'"(?=' + d + rb"|\r?\n|\r?\Z)|" + plain + rb"|)"
    begin = whole + rb"(?:" + d + whole + rb")*+"
    record = re.compile(begin + rb"\r?(?:\n|\Z)")
    unclosed = re.compile(rb"(?:" + whole + d + rb")*+" + quoted + rb"\Z")
    return record, unclosed


def _complete_records_line_by_line(data: bytes, delimiter: str, at_end: bool) -> tuple[Chunk, int]:
    """Split line by line, and mark lines with malformed quotes as damaged."""
    record, unclosed = _patterns(delimiter)
    starts, damaged, place = [], {}, 0
    while place < len(data):
        end = data.find(b"\n", place) + 1
        if end == 0 and not at_end:
            break
        end = end or len(data)
        if data.find(b'"', place, end) >= 0:
            found = record.match(data, place)
            if found and not at_end and not data.endswith(b"\n", place, found.end()):
                break
            if found:
                end = found.end()
            elif unclosed.match(data, place):
                if not at_end and len(data) - place < MAX_QUOTED_BYTES:
                    break
                damaged[place] = "a quote is opened and never closed"
            else:
                damaged[place] = "there is text after a closing quote"
        starts.append(place)
        place = end
    return Chunk(data[:place], np.asarray(starts, np.int64), damaged), place


def damage_of(record: bytes) -> str | None:
    r"""Return what is wrong with the bytes of a record.

    Parameters
    ----------
    record : bytes
        A record with or without its line break.

    Returns
    -------
    str or None
        None when the record is valid UTF-8 without NUL bytes or stray carriage returns.

    Examples
    --------
    >>> damage_of(b"1,2"), damage_of(b"1,\x00")
    (None, 'there is a NUL byte in the line')
    """
    if b"\0" in record:
        return "there is a NUL byte in the line"
    if b"\r" in record.rstrip(b"\r\n").replace(b"\r\n", b""):
        return "there is a carriage return within the line"
    try:
        record.decode()
    except UnicodeDecodeError as error:
        byte = record[error.start]
        return f"byte 0x{byte:02X} is not UTF-8; set `encoding` if the file has another encoding"
    return None
