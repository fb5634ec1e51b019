"""Files that a reader sees whole, and that a spreadsheet reads without computing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a formula by."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of another once the block has ended well.

    Parameters
    ----------
    path : Path
    """
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def csv_text(frame: "pd.DataFrame") -> str:
    """Return a table as CSV in which a spreadsheet computes nothing.

    Parameters
    ----------
    frame : DataFrame
        Its text and its column names may come from outside. What a spreadsheet would take for a
        formula gets an apostrophe in front, as OWASP's page on CSV injection asks for.
    """
    text = frame.select_dtypes(include=["object", "string", "category"]).columns
    plain = {name: frame[name].map(_plain, na_action="ignore") for name in text}
    return str(frame.assign(**plain).rename(columns=_plain).to_csv(index=False))


def _plain(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
