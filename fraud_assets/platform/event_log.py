"""Dagster's event log on SQLite, with the connection to its index kept open.

Dagster opens the index anew for each query, and SQLite writes its journal back whenever the last
connection closes: 500 times in a run of a small file, a sixth of its time. The files of single runs
are still opened and closed each time, because the UI learns of new events by their modification.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from fraud_assets.platform.dagster_private import (
    INDEX_SHARD_NAME,
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    DagsterSqliteStorage,
    SqliteEventLogStorage,
)


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's event log, whose index is opened once by each process."""

    _engine: Engine | None = None

    @contextmanager
    def index_connection(self) -> Iterator[Connection]:
        """Connect to the index of all runs, one thread at a time, in a transaction.

        Yields
        ------
        sqlalchemy.Connection
            It is committed at the end, or rolled back at an exception.

        See Also
        --------
        dispose : closes the connection.
        """
        if INDEX_SHARD_NAME not in self._initialized_dbs:
            with super().index_connection():
                pass  # creates its tables
        with self._db_lock:
            if self._engine is None:
                self._engine = create_engine(
                    self.conn_string_for_shard(INDEX_SHARD_NAME),
                    poolclass=StaticPool,
                    connect_args={
                        "timeout": SQLITE_BUSY_TIMEOUT_SECONDS,
                        "check_same_thread": False,
                    },
                )
            with self._engine.begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close the connection, and stop watching for events."""
        with self._db_lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None
        super().dispose()


class SqliteStorage(DagsterSqliteStorage):
    """Dagster's storage on SQLite with `OpenEventLog` as its event log.

    Parameters
    ----------
    base_dir : str
        Folder below which the databases lie.
    inst_data : ConfigurableClassData, optional
        How `dagster.yaml` names the class.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        folder = self._event_log_storage._base_dir
        self._event_log_storage = OpenEventLog(folder)
