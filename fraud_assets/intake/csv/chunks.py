"""A stream of CSV text cut into chunks of whole records, each record with its line number.

Line numbers are those that an editor shows: a record may span lines, when a quoted field
holds line breaks, and blank lines count although they are no record.
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
MAX_RECORD_BYTES = 32 << 20
"""A longer line is refused, so that no file can fill the memory."""
MAX_QUOTED_BYTES = 4 << 20
"""A quoted field with line breaks that is not closed by then was opened by mistake."""
SHOWN_OF_A_LONG_LINE = 1000
NEWLINE, RETURN, QUOTE = 10, 13, 34


@dataclass(frozen=True)
class Chunk:
    """Some whole records.

    Attributes
    ----------
    data : bytes
        UTF-8; ends with a line break, but for the last of a file.
    starts : ndarray of int64 or None
        Where the records begin in `data`; None when every line is one.
    damaged : dict of int to str
        What is wrong with how a line is written, by where it begins.
    """

    data: bytes
    starts: NDArray[np.int64] | None = None
    damaged: dict[int, str] = field(default_factory=dict)

    def record_starts(self) -> NDArray[np.int64]:
        """Return where the records begin in `data`."""
        if self.starts is not None:
            return self.starts
        return _starts(np.flatnonzero(_bytes(self.data) == NEWLINE) + 1, len(self.data))

    @cached_property
    def breaks(self) -> int:
        """The number of line breaks."""
        return self.data.count(b"\n")

    @property
    def count(self) -> int:
        """The number of records, blank lines among them."""
        if self.starts is not None:
            return len(self.starts)
        return self.breaks + (not self.data.endswith(b"\n"))

    def lines(self) -> NDArray[np.int64]:
        """Return the line of each record, counted from 0 at the beginning of the chunk."""
        if self.starts is None:
            return np.arange(self.count)
        breaks = np.flatnonzero(_bytes(self.data) == NEWLINE)
        return np.searchsorted(breaks, self.starts)

    def records(self) -> Iterator[tuple[bytes, str | None]]:
        """Yield each record, and what is wrong with it or None."""
        starts = self.record_starts().tolist()
        for start, end in pairwise([*starts, len(self.data)]):
            record = self.data[start:end]
            yield record, self.damaged.get(start) or damage_of(record)

    def pieces(self, records: int) -> Iterator["Chunk"]:
        """Yield the chunk in pieces of so many records."""
        starts = self.record_starts()
        borders = [*starts[::records].tolist(), len(self.data)]
        for place, (start, end) in enumerate(pairwise(borders)):
            own = None
            if self.starts is not None:
                own = starts[place * records : (place + 1) * records] - start
            damaged = {at - start: why for at, why in self.damaged.items() if start <= at < end}
            yield Chunk(self.data[start:end], own, damaged)


def chunks(reader: Reader, delimiter: str, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Cut a text into chunks of whole records.

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
        Together they are the text, without the rest of lines that are too long.
    """
    rest = b""
    while True:
        block = reader.read(size)
        if not rest and not block:
            return
        plain = block.rfind(b"\n") + 1
        if plain and b'"' not in rest and b'"' not in block:
            # The common case, with one copy of the bytes.
            yield Chunk(b"".join((rest, memoryview(block)[:plain])))
            rest = block[plain:]
            continue
        data = rest + block
        chunk, used = _cut(data, delimiter, at_end=not block)
        if used == 0 and len(data) > MAX_RECORD_BYTES:
            rest = yield from _skip_line(reader, data, size)
            continue
        if used:
            yield chunk
        rest = data[used:]


def _skip_line(reader: Reader, data: bytes, size: int) -> Generator[Chunk, None, bytes]:
    """Yield what is kept of a line that is too long; return what follows it."""
    total, kept = len(data), data[:SHOWN_OF_A_LONG_LINE]
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


def _cut(data: bytes, delimiter: str, at_end: bool) -> tuple[Chunk, int]:
    """Return the whole records at the beginning of some data, and how long they are."""
    if b'"' not in data:
        used = len(data) if at_end else data.rfind(b"\n") + 1
        return Chunk(data[:used]), used
    ends = _proper_ends(data, delimiter)
    if ends is not None and (at_end or len(ends)):
        if at_end and (not len(ends) or ends[-1] < len(data)):
            ends = np.append(ends, len(data))
        if not at_end or _is_closed(data):
            used = int(ends[-1])
            return Chunk(data[:used], _starts(ends, used)), used
    return _cut_carefully(data, delimiter, at_end)


def _is_closed(data: bytes) -> bool:
    return data.count(b'"') % 2 == 0


def _starts(ends: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    return starts[starts < length]


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _proper_ends(data: bytes, delimiter: str) -> NDArray[np.int64] | None:
    """Return where records end, when every quote stands where quotes belong; None otherwise.

    Then a line break ends a record if and only if the number of quotes before it is even.
    """
    codes = _bytes(data)
    quotes = np.flatnonzero(codes == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    before = codes[np.maximum(opening - 1, 0)]
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    border = (ord(delimiter), NEWLINE)
    opens = np.isin(before, (*border, QUOTE)) | (opening == 0)
    # Two quotes side by side are one quote in the text of the field; then the second opens.
    beside = np.zeros(len(opening), bool)
    beside[1:] = opening[1:] == closing[: len(opening) - 1] + 1
    opens &= (before != QUOTE) | beside | (opening == 0)
    closes = np.isin(after, (*border, RETURN, QUOTE)) | (closing == len(codes) - 1)
    if not (opens.all() and closes.all()):
        return None
    breaks: NDArray[np.int64] = np.flatnonzero(codes == NEWLINE)
    ends: NDArray[np.int64] = breaks[np.searchsorted(quotes, breaks) % 2 == 0] + 1
    return ends


@lru_cache(maxsize=8)
def _patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of a whole record, and of one whose last field is yet to be closed."""
    d = re.escape(delimiter).encode()
    quoted = rb'"[^"]*+(?:""[^"]*+)*+'
    plain = rb'[^"\n' + d + rb"][^\n" + d + rb"]*+"
    whole = rb"(?:" + quoted + rb'"(?=' + d + rb"|\r?\n|\r?\Z)|" + plain + rb"|)"
    begin = whole + rb"(?:" + d + whole + rb")*+"
    record = re.compile(begin + rb"\r?(?:\n|\Z)")
    unclosed = re.compile(rb"(?:" + whole + d + rb")*+" + quoted + rb"\Z")
    return record, unclosed


def _cut_carefully(data: bytes, delimiter: str, at_end: bool) -> tuple[Chunk, int]:
    """Cut line by line, and set lines apart whose quotes make no sense."""
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
    """Return what is wrong with the bytes of a record; None when they are sound."""
    if b"\0" in record:
        return "there is a NUL byte in the line"
    if b"\r" in record.rstrip(b"\r\n").replace(b"\r\n", b""):
        return "there is a carriage return within the line"
    try:
        record.decode()
    except UnicodeDecodeError as error:
        byte = record[error.start]
        return f"byte 0x{byte:02X} is not UTF-8; set `encoding` if the file has another one"
    return None
