"""DuckDB as a resource: limited memory, masked card numbers, temporary files removed."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import dagster as dg
import duckdb
from filelock import FileLock, Timeout
from pydantic import Field

from fraud_assets.config import environment
from fraud_assets.platform.masking import masking
from fraud_assets.platform.run_lock import OLD_SECONDS
from fraud_assets.store.files import PRIVATE_FOLDER
from fraud_assets.store.locked_duckdb import MEMORY_PATTERN, open_duckdb
from fraud_assets.store.paths import made_folder


class Engine(dg.ConfigurableResource):  # type: ignore[type-arg]
    """DuckDB in process, with a memory limit beyond which it spills to disk.

    Attributes
    ----------
    memory_limit : str
        In DuckDB's notation.
    """

    memory_limit: str = Field(
        default="1GB",
        pattern=MEMORY_PATTERN,
        description="Memory beyond which DuckDB spills to disk: a number and KB, MB, GB or TB.",
    )

    @contextmanager
    def connect(
        self, *assets: str, folders: Sequence[Path] = ()
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that reaches the tables of some assets, and masks card numbers in SQL.

        Its temporary files, in which card numbers may be, are removed afterwards, and so are those
        of processes that were killed.

        Parameters
        ----------
        *assets : str
            Whose tables the step reads and writes.
        folders : sequence of Path
            Further folders that it may read and write.
        """
        home = environment.home_folder()
        reached = [*(made_folder(home / "tables" / asset) for asset in assets), *folders]
        with (
            _scratch() as scratch,
            open_duckdb(reached, scratch, self.memory_limit) as connection,
            _without_values(),
        ):
            masking().install(connection)
            yield connection


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder of this process' own; it is locked as long as the process lives."""
    parent = made_folder(environment.home_folder() / "scratch")
    for left in parent.iterdir():
        # Another process may be as quick.
        with suppress(FileNotFoundError):
            if left.is_dir():
                _clear_scratch_of_the_dead(left)
    own = parent / uuid4().hex
    # The lock comes first: a folder without its lock held is nobody's.
    with FileLock(_lock_of(own)):
        own.mkdir(PRIVATE_FOLDER)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            _lock_of(own).unlink(missing_ok=True)


def _clear_scratch_of_the_dead(folder: Path) -> None:
    # A folder without a lock is one of an older version, whose process may live.
    if not _lock_of(folder).exists() and time.time() - folder.stat().st_mtime < OLD_SECONDS:
        return
    with suppress(Timeout), FileLock(_lock_of(folder), timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


@contextmanager
def _without_values() -> Iterator[None]:
    """Say what DuckDB could not do without the value that it names: errors are shown and sent."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        kind = (
            "cannot be converted"
            if isinstance(error, duckdb.ConversionException)
            else ("is out of range")
        )
        raise ValueError(
            f"a value of the batch {kind}; compare its columns with the contract "
            "(check schema_contract), correct the file and drop it again"
        ) from None
