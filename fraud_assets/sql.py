"""Names, texts and files as they stand in SQL, and the one way to open DuckDB."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = r"^[1-9][0-9]{0,8}(\.[0-9]{1,3})? ?[KMGT]i?B$"
"""An amount of memory as DuckDB reads it, such as 512MB or 1.5 GiB."""
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
"""What no statement needs. HTTP and object stores are extensions, so they are closed with these."""
SET_BY_IBIS = ("TimeZone", "python_enable_replacements")
"""What Ibis sets on each connection that it is given; neither opens anything."""
WILDCARD = re.compile(r"[*?\[]")


def identifier(name: str) -> str:
    """Return a name as an SQL identifier.

    Parameters
    ----------
    name : str
        Of a column, as it stands in the data.

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


def pattern(path: Path) -> str:
    """Return a path as the glob pattern that matches this path alone.

    Whatever DuckDB and Ibis read from is a pattern: without this, a batch that is called `*`
    would be read as all batches.

    Parameters
    ----------
    path : Path
        Without a backslash, which DuckDB takes for a separator; no batch has one.

    Examples
    --------
    >>> pattern(Path("/tables/june [1]*/rows.parquet"))
    '/tables/june [[]1][*]/rows.parquet'
    """
    return WILDCARD.sub(r"[\g<0>]", str(path))


def parquet(path: Path, row_numbers: bool = False) -> str:
    """Return SQL that reads a Parquet file.

    Parameters
    ----------
    path : Path
    row_numbers : bool
        Whether to add `file_row_number`, from 0.
    """
    numbers = ", file_row_number=true" if row_numbers else ""
    # A folder `Amount=5` is no column of the table in it.
    return f"read_parquet({literal(pattern(path))}, hive_partitioning=false{numbers})"


def parquets(paths: Sequence[Path], source: str) -> str:
    """Return SQL that reads Parquet files as one table, columns matched by name.

    Parameters
    ----------
    paths : sequence of Path
    source : str
        A column to add: the path of the row's file.
    """
    files = ", ".join(literal(pattern(path)) for path in paths)
    return (
        f"read_parquet([{files}], hive_partitioning=false, union_by_name=true, "
        f"filename={literal(source)})"
    )


def parquet_folder(folder: Path) -> str:
    """Return SQL that reads all Parquet files of a folder as one table.

    Parameters
    ----------
    folder : Path
    """
    return f"read_parquet({literal(f'{pattern(folder)}/*.parquet')}, hive_partitioning=false)"


@contextmanager
def open_duckdb(
    folders: Iterable[Path], spill: Path | None = None, memory_limit: str | None = None
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Yield a connection that reaches some folders of this machine and nothing else.

    Whatever SQL it is given, it reads and writes files in these folders only, opens no address,
    loads no extension, sees no Python variable, and changes none of this.

    Parameters
    ----------
    folders : iterable of Path
        What lies in them may be read and written. Links that lead out of them may not be followed.
    spill : Path, optional
        Folder for what does not fit in memory; default: nothing is written there.
    memory_limit : str, optional
        Default: DuckDB's own, 80% of the machine's memory.

    Yields
    ------
    duckdb.DuckDBPyConnection

    Raises
    ------
    ValueError
        When the memory limit is no amount of memory.
    """
    import duckdb

    if memory_limit is not None and not re.fullmatch(MEMORY, memory_limit):
        raise ValueError(f"memory limit {memory_limit!r}: write an amount such as 512MB or 4GB")
    reachable = ", ".join(literal(folder) for folder in folders)
    kept = ", ".join(literal(name) for name in SET_BY_IBIS)
    with duckdb.connect(config=CLOSED) as connection:
        if memory_limit is not None:
            connection.execute(f"SET memory_limit = {literal(memory_limit)}")
        connection.execute(f"SET temp_directory = {literal(spill or '')}")
        # The order matters: each of the last three closes what the ones before still need.
        connection.execute(f"SET allowed_directories = [{reachable}]")
        connection.execute("SET enable_external_access = false")
        connection.execute(f"SET allowed_configs = [{kept}]")
        connection.execute("SET lock_configuration = true")
        yield connection
