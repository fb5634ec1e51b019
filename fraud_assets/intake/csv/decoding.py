"""A landed file as a stream of UTF-8 text: decompressed, decoded, and hashed on the way."""

import codecs
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from fraud_assets.text import inert

HEAD_BYTES = 1 << 20
"""What encoding and contract are found out from: the first bytes of the text."""
MAGIC = {
    b"\x1f\x8b": "compressed with gzip; give it a name that ends with .csv.gz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard; give it a name that ends with .csv.zst",
    b"PK\x03\x04": "an Excel workbook or a zip archive; export or unpack it as CSV",
    b"PAR1": "Parquet; export it as CSV",
    b"\x89PNG": "a picture; drop a CSV instead",
    b"%PDF": "a PDF; drop a CSV instead",
}
CONTROL_SHARE = 0.02
"""A text has fewer control characters than this; NUL bytes by damage stay below."""
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"


class IntakeError(ValueError):
    """A file cannot become a batch; the message names file, place, kind of fault and remedy.

    Never a value of a row: it is logged, shown and sent. Names in it are inert.

    Parameters
    ----------
    message : str
    """

    def __init__(self, message: str) -> None:
        super().__init__(inert(message))


class Reader(Protocol):
    """What a CSV is read from."""

    def read(self, size: int) -> bytes:
        """Return some bytes; none at the end."""


class _Hashed(io.RawIOBase):
    """A file that hashes and counts what is read of it."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.sha256 = hashlib.sha256()
        self.position = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        self.position += len(data)
        return data


class Source:
    """The text of a file, as UTF-8 without a byte order mark.

    Attributes
    ----------
    name : str
    size : int
        Bytes of the file as it lies there.
    encoding : str
        Python's name of the encoding that was found or set.
    """

    def __init__(self, path: Path, file: BinaryIO, encoding: str | None):
        self.name = path.name
        self.size = os.fstat(file.fileno()).st_size
        self._raw = _Hashed(file)
        self._plain = _decompressed(path, self._raw)
        head = self._read_plain(HEAD_BYTES)
        self.encoding = _known(self.name, encoding) if encoding else _detect(self.name, head)
        self._decoder = None
        if self.encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        self._pending = self._decoded(head)

    @property
    def position(self) -> int:
        """Bytes of the file read so far."""
        return self._raw.position

    @property
    def content_hash(self) -> str:
        """SHA-256 of what was read so far, in hexadecimal; of the file, at its end."""
        return self._raw.sha256.hexdigest()

    @property
    def head(self) -> bytes:
        """The first bytes of the text, before anything is read."""
        return self._pending

    def read(self, size: int) -> bytes:
        """Return about that many bytes of text; none at the end.

        Raises
        ------
        IntakeError
            When the file ends in the middle of its compression, or is not in its encoding.
        """
        while True:
            if self._pending:
                data, self._pending = self._pending[:size], self._pending[size:]
                return data
            plain = self._read_plain(size)
            if not plain:
                return self._decoded(b"", final=True)
            self._pending = self._decoded(plain)

    def _read_plain(self, size: int) -> bytes:
        try:
            data: bytes = self._plain.read(size)
        except OSError as error:
            if isinstance(self._plain, _Hashed):
                raise
            raise IntakeError(
                f"{self.name}: the compressed data is damaged or ends too early "
                f"({error}); compress the file again, or copy it once more"
            ) from error
        return data

    def _decoded(self, data: bytes, final: bool = False) -> bytes:
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, final).encode()
        except UnicodeError as error:
            raise IntakeError(
                f"{self.name}: before byte {self.position:,}: not {self.encoding} text ({error}); "
                "save the file as UTF-8, or set `encoding`"
            ) from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_source(path: Path, encoding: str | None = None) -> Iterator[Source]:
    """Open a CSV as text.

    Parameters
    ----------
    path : Path
        Compressed when its name ends with `.gz` or `.zst`.
    encoding : str, optional
        Default: by the byte order mark; UTF-16 also by its zeros; else UTF-8 when the first
        megabyte is, else Windows-1252 or Latin-1.

    Yields
    ------
    Source

    Raises
    ------
    IntakeError
        When it is no text.
    """
    with path.open("rb") as file:
        yield Source(path, file, encoding)


def _known(name: str, encoding: str) -> str:
    """Return Python's name of an encoding that a person has set."""
    try:
        # Python also lists codecs that turn bytes into bytes, such as zip: this refuses those.
        b"".decode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError) as error:
        raise IntakeError(
            f"{name}: there is no encoding {encoding!r}; correct the setting "
            "`encoding`, for example to utf-8, utf-16 or latin-1"
        ) from error


def _decompressed(path: Path, raw: _Hashed) -> Reader:
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), compression) if compression else raw


def _detect(name: str, head: bytes) -> str:
    """Return the encoding of a text from its first bytes."""
    marks = {
        codecs.BOM_UTF8: "utf-8-sig",
        codecs.BOM_UTF32_LE: "utf-32",
        codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
    }
    for mark, encoding in marks.items():
        if head.startswith(mark):
            return encoding
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise IntakeError(f"{name}: line 1: this is no CSV: it is {what}")
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2].count(0) > len(head) / 4 > head[1 - start :: 2].count(0) * 10:
            return encoding
    controls = sum(head.count(byte) for byte in (*range(9), *range(14, 32)))
    if controls > max(1, len(head) * CONTROL_SHARE):
        raise IntakeError(f"{name}: line 1: this is no CSV: it is binary; drop a text file instead")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1" if any(byte in head for byte in UNDEFINED_IN_CP1252) else "cp1252"
    return "utf-8"
