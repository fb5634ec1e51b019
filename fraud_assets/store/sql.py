"""Names, texts and files as SQL writes them."""

import re
from collections.abc import Sequence
from glob import escape
from pathlib import Path

NO_HIVE = "hive_partitioning=false"
"""A folder called `a=b` adds no column: batches may be called so."""


def identifier(name: str) -> str:
    """Return a name as an SQL identifier.

    Parameters
    ----------
    name : str
        Of a column, as the data has it.

    Raises
    ------
    ValueError
        When no column can have this name.

    Examples
    --------
    >>> print(identifier('the "net" amount'))
    "the ""net"" amount"
    """
    if not name:
        raise ValueError("a column has an empty name; name every column")
    return '"' + _text(name).replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a value's text as an SQL string.

    Parameters
    ----------
    value : object

    Raises
    ------
    ValueError
        When its text is not Unicode.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + _text(str(value)).replace("'", "''") + "'"


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{value!r} is not valid Unicode; export it as UTF-8") from error
    return value


def one_file(path: Path, engine: str = "duckdb") -> str:
    r"""Return a path in which no character stands for others: batches may be called `a[b]` or `*`.

    Parameters
    ----------
    path : Path
    engine : {"duckdb", "pyspark"}
        What is to read the file.

    Examples
    --------
    >>> one_file(Path("a[b]")), one_file(Path("*"), "pyspark")
    ('a[[]b]', '\\*')
    """
    if engine == "pyspark":
        return re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path))
    return escape(str(path))


def parquet(path: Path, row_numbers: bool = False) -> str:
    """Return SQL that reads a Parquet file.

    Parameters
    ----------
    path : Path
    row_numbers : bool
        Whether to add `file_row_number`, from 0.
    """
    numbers = ", file_row_number=true" if row_numbers else ""
    return f"read_parquet({literal(one_file(path))}{numbers}, {NO_HIVE})"


def parquets(paths: Sequence[Path], source: str) -> str:
    """Return SQL that reads Parquet files as one table, columns matched by name.

    Parameters
    ----------
    paths : sequence of Path
    source : str
        A column to add: the path of the row's file.
    """
    files = ", ".join(literal(one_file(path)) for path in paths)
    return f"read_parquet([{files}], union_by_name=true, filename={literal(source)}, {NO_HIVE})"
