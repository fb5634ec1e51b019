"""Read a CSV file as a stream of UTF-8 text: decompress, decode and hash it on the way."""

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
"""Encoding and contract are detected from this many bytes at the beginning of the text."""
MAGIC = {
    b"\x1f\x8b": "compressed with gzip; give it a name that ends with .csv.gz",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard; give it a name that ends with .csv.zst",
    b"PK\x03\x04": "an Excel workbook or a zip archive; export or unpack it as CSV",
    b"PAR1": "Parquet; export it as CSV",
    b"\x89PNG": "a picture; drop a CSV instead",
    b"%PDF": "a PDF; drop a CSV instead",
}
CONTROL_SHARE = 0.02
"""A file with a larger share of control characters is taken for a binary file."""
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"


class IntakeError(ValueError):
    """A file cannot be ingested.

    Parameters
    ----------
    message : str
        Names the file, the line or column, the kind of fault and the remedy, but never a value
        of a row: messages are logged, shown and sent. Names in it are made inert.
    """

    def __init__(self, message: str) -> None:
        super().__init__(inert(message))


class Reader(Protocol):
    """A readable stream of bytes."""

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Parameters
        ----------
        size : int
            Maximum number of bytes; a reader may return somewhat more.

        Returns
        -------
        bytes
            Empty at the end of the stream.
        """


class _Hashed(io.RawIOBase):
    """A file that hashes and counts the bytes read from it."""

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


class CsvStream:
    """The text of a CSV file, as UTF-8 without a byte order mark.

    Parameters
    ----------
    path : Path
        Path of the file; its suffix says how it is compressed.
    file : file object
        The same file, open for reading bytes.
    encoding : str or None
        Encoding of the text; None to detect it.

    Attributes
    ----------
    name : str
        File name without the folder.
    size : int
        Size of the file in bytes, compressed if it is.
    encoding : str
        Python's name of the detected or given encoding.

    See Also
    --------
    open_csv : Opens the file too.
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
        """Number of bytes of the file read so far."""
        return self._raw.position

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes read so far, in hexadecimal; at the end, that of the file."""
        return self._raw.sha256.hexdigest()

    @property
    def head(self) -> bytes:
        """The first `HEAD_BYTES` or so of the text, until the first call of `read`."""
        return self._pending

    def read(self, size: int) -> bytes:
        """Return the next bytes of the text.

        Parameters
        ----------
        size : int
            Maximum number of bytes; at the end of the file it may be exceeded slightly.

        Returns
        -------
        bytes
            UTF-8; empty at the end.

        Raises
        ------
        IntakeError
            When the compressed data is damaged, or the text is not in its encoding.
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
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_csv(path: Path, encoding: str | None = None) -> Iterator[CsvStream]:
    """Open a CSV file as a stream of UTF-8 text.

    Parameters
    ----------
    path : Path
        Decompressed when its name ends with `.gz` or `.zst`.
    encoding : str, optional
        Encoding of the text. By default it is detected: from the byte order mark; UTF-16 also
        from its zero bytes; else UTF-8 if the first megabyte is valid; else Windows-1252 or
        Latin-1.

    Yields
    ------
    CsvStream
        Closed when the block ends.

    Raises
    ------
    IntakeError
        When the file is not text, or the encoding does not exist.

    See Also
    --------
    CsvStream : the stream that it opens.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "june.csv")
    ...     _ = path.write_bytes("ville,montant: Orléans".encode("cp1252"))
    ...     with open_csv(path) as stream:
    ...         stream.encoding, stream.read(100).decode()
    ('cp1252', 'ville,montant: Orléans')
    """
    with path.open("rb") as file:
        yield CsvStream(path, file, encoding)


def _known(name: str, encoding: str) -> str:
    """Return Python's name of an encoding from the settings."""
    try:
        # This fails for codecs from bytes to bytes, such as zip, which are no text encodings.
        b"".decode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError) as error:
        raise IntakeError(
            f"{name}: the encoding {encoding!r} does not exist; correct the setting "
            "`encoding`, for example to utf-8, utf-16 or latin-1"
        ) from error


def _decompressed(path: Path, raw: _Hashed) -> Reader:
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), compression) if compression else raw


def _detect(name: str, head: bytes) -> str:
    """Detect the encoding of a text from its first bytes."""
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
            raise IntakeError(f"{name}: line 1: this is not a CSV: it is {what}")
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2].count(0) > len(head) / 4 > head[1 - start :: 2].count(0) * 10:
            return encoding
    controls = sum(head.count(byte) for byte in (*range(9), *range(14, 32)))
    if controls > max(1, len(head) * CONTROL_SHARE):
        raise IntakeError(
            f"{name}: line 1: this is not a CSV: it is binary; drop a text file instead"
        )
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1" if any(byte in head for byte in UNDEFINED_IN_CP1252) else "cp1252"
    return "utf-8"
