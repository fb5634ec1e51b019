"""DuckDB and the place of tables and reports as resources."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Self
from uuid import uuid4

import dagster as dg
import duckdb
from filelock import FileLock, Timeout
from pydantic import Field

from fraud_assets.config import environment
from fraud_assets.platform.masking import masking
from fraud_assets.platform.resources import ALSO_VARIABLE
from fraud_assets.platform.run_lock import OLD_SECONDS
from fraud_assets.store import object_store
from fraud_assets.store.files import PRIVATE_FOLDER
from fraud_assets.store.locked_duckdb import MEMORY_PATTERN, open_duckdb
from fraud_assets.store.paths import made_folder


class Engine(dg.ConfigurableResource):  # type: ignore[type-arg]
    """DuckDB in process, with a memory limit beyond which it spills to disk.

    Attributes
    ----------
    memory_limit : str
        In DuckDB's notation.
    feature_engine : str or None
        What computes features: `duckdb`, or the address of a Spark cluster.
    """

    memory_limit: Annotated[str, Field(pattern=MEMORY_PATTERN), ALSO_VARIABLE] = Field(
        default="1GB",
        description="Memory beyond which DuckDB spills to disk: a number and KB, MB, GB or TB.",
    )
    feature_engine: str | None = Field(
        default=None,
        description="What computes features: `duckdb`, or `spark://host:port`; default: "
        "`FRAUD_ENGINE`, else DuckDB.",
    )

    def feature_address(self) -> str:
        """Return what computes features: `duckdb`, or `spark://host:port`.

        Returns
        -------
        str
            The field `feature_engine`, else `FRAUD_ENGINE`, else `duckdb`.

        Raises
        ------
        ValueError
            When it is something else.

        Examples
        --------
        >>> Engine(feature_engine="spark://spark:7077").feature_address()
        'spark://spark:7077'
        """
        return environment.feature_engine(self.feature_engine)

    @contextmanager
    def connect(
        self, *assets: str, folders: Sequence[Path] = ()
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that can read and write the tables of some assets only.

        Card numbers can be masked in its SQL. Its temporary files, which may hold card numbers,
        are removed afterwards, as are those of killed processes.

        Parameters
        ----------
        *assets : str
            Whose tables the step reads and writes.
        folders : sequence of Path
            Further folders that it can read and write.

        Yields
        ------
        duckdb.DuckDBPyConnection

        Raises
        ------
        ValueError
            When a value cannot be converted or is out of range; the message does not repeat it.

        See Also
        --------
        fraud_assets.store.locked_duckdb.open_duckdb : what such a connection cannot do.
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


class Storage(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where tables and reports are copied to.

    Attributes
    ----------
    object_store : str or None
        Address of a folder in an object store.
    """

    object_store: str | None = Field(
        default=None,
        description="Folder in an object store to which tables and reports are copied, such as "
        "`s3://bucket/folder`; default: `FRAUD_OBJECT_STORE`, else none.",
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:  # noqa: ARG002
        """Use the object store during the run.

        Parameters
        ----------
        context : InitResourceContext
            Not used.

        Yields
        ------
        Storage
        """
        with object_store.used(self.object_store):
            yield self


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder for this process alone; it is locked as long as the process is alive."""
    parent = made_folder(environment.home_folder() / "scratch")
    for leftover in parent.iterdir():
        # Another process may remove it at the same moment.
        with suppress(FileNotFoundError):
            if leftover.is_dir():
                _remove_if_abandoned(leftover)
    own = parent / uuid4().hex
    # The lock comes first: a folder whose lock nobody holds is abandoned.
    with FileLock(_lock_of(own)):
        own.mkdir(PRIVATE_FOLDER)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            _lock_of(own).unlink(missing_ok=True)


def _remove_if_abandoned(folder: Path) -> None:
    # A folder without a lock is from an earlier release, whose process may be alive.
    if not _lock_of(folder).exists() and time.time() - folder.stat().st_mtime < OLD_SECONDS:
        return
    with suppress(Timeout), FileLock(_lock_of(folder), timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


@contextmanager
def _without_values() -> Iterator[None]:
    """Replace DuckDB's errors that quote a value: messages are shown and sent."""
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
