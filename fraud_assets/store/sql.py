"""Names, texts and files in SQL statements."""

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
        Name of a column, as in the data.

    Returns
    -------
    str
        In double quotes.

    Raises
    ------
    ValueError
        When no column can have this name.

    See Also
    --------
    literal : for values.

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
        Converted by `str`.

    Returns
    -------
    str
        In single quotes.

    Raises
    ------
    ValueError
        When its text is not Unicode.

    See Also
    --------
    identifier : for names of columns.

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
    r"""Return a path with wildcards escaped, since batches may be called `a[b]` or `*`.

    Parameters
    ----------
    path : Path
        A single file.
    engine : {"duckdb", "pyspark"}
        What is to read the file.

    Returns
    -------
    str

    See Also
    --------
    parquet : reads the file.

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
        A single file; wildcards in its name are escaped.
    row_numbers : bool
        Whether to add `file_row_number`, from 0.

    Returns
    -------
    str
        A table function, to be used after `FROM`.

    See Also
    --------
    parquets : reads several files.

    Examples
    --------
    >>> print(parquet(Path("rows.parquet")))
    read_parquet('rows.parquet', hive_partitioning=false)
    """
    numbers = ", file_row_number=true" if row_numbers else ""
    return f"read_parquet({literal(one_file(path))}{numbers}, {NO_HIVE})"


def parquets(paths: Sequence[Path], source: str) -> str:
    """Return SQL that reads Parquet files as one table, columns matched by name.

    Parameters
    ----------
    paths : sequence of Path
        One file or more.
    source : str
        Name of a column to add: the path of the row's file.

    Returns
    -------
    str
        A table function, to be used after `FROM`; columns missing from a file are null there.

    See Also
    --------
    parquet : reads one file.
    """
    files = ", ".join(literal(one_file(path)) for path in paths)
    return f"read_parquet([{files}], union_by_name=true, filename={literal(source)}, {NO_HIVE})"
