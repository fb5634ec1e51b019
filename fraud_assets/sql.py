"""Names, texts and files as they stand in SQL."""

from collections.abc import Sequence
from pathlib import Path


def identifier(name: str) -> str:
    """Return a column name as an SQL identifier.

    Examples
    --------
    >>> print(identifier('the "net" amount'))
    "the ""net"" amount"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a value's text as an SQL string.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + str(value).replace("'", "''") + "'"


def parquet(path: Path, row_numbers: bool = False) -> str:
    """Return SQL that reads a Parquet file.

    Parameters
    ----------
    path : Path
    row_numbers : bool
        Whether to add `file_row_number`, from 0.
    """
    numbers = ", file_row_number=true" if row_numbers else ""
    return f"read_parquet({literal(path)}{numbers})"


def parquets(paths: Sequence[Path], source: str) -> str:
    """Return SQL that reads Parquet files as one table, columns matched by name.

    Parameters
    ----------
    paths : sequence of Path
    source : str
        A column to add: the path of the row's file.
    """
    files = ", ".join(literal(path) for path in paths)
    return f"read_parquet([{files}], union_by_name=true, filename={literal(source)})"
