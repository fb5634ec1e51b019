"""DuckDB with access to given folders only, and with a locked configuration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from fraud_assets.store.sql import literal

CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
"""Turns off what no statement needs. HTTP and object stores are extensions, so off, too."""
MEMORY_PATTERN = r"^[0-9]+(\.[0-9]+)? ?[KMGT]i?B$"
"""DuckDB's notation of an amount of memory."""


@contextmanager
def open_duckdb(
    folders: Sequence[Path], scratch: Path, memory_limit: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that spills to disk; its temporary files are removed afterwards.

    Whatever a statement contains, it cannot read or write files outside the folders, load
    extensions, use the network, see Python variables or change settings.

    Parameters
    ----------
    folders : sequence of Path
        Folders in which statements can read and write files.
    scratch : Path
        Folder for its temporary files; created if it is missing.
    memory_limit : str
        In DuckDB's notation, such as `1GB`; data beyond it spills to disk.

    Yields
    ------
    duckdb.DuckDBPyConnection

    See Also
    --------
    fraud_assets.store.sql : how names, texts and files are written in statements.

    Examples
    --------
    >>> with TemporaryDirectory() as scratch:
    ...     with open_duckdb([], Path(scratch), "100MB") as connection:
    ...         connection.execute("SELECT 1 + 1").fetchall()
    [(2,)]
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as spill, duckdb.connect(config=CLOSED) as connection:
        allowed = ", ".join(literal(folder.resolve()) for folder in (*folders, Path(spill)))
        for setting, value in {
            "memory_limit": literal(memory_limit),
            "temp_directory": literal(spill),
            "allowed_directories": f"[{allowed}]",
            "enable_external_access": "false",
            # Ibis sets these two on every connection that it is given; neither opens anything.
            "allowed_configs": "['timezone', 'python_enable_replacements']",
            # The last one: afterwards nothing can be set.
            "lock_configuration": "true",
        }.items():
            connection.execute(f"SET {setting} = {value}")
        yield connection
