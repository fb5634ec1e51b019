"""Dagster's event log on SQLite, with open connections.

Dagster opens a database anew for each query, and SQLite writes its journal back whenever the last
connection closes: 800 times in a run of a small file, a quarter of its time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    """Dagster's event log; the index of all runs and the database of the last run stay open.

    Its databases are shared by threads, one at a time, and by processes.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Connect to a database in a transaction; Dagster calls this for all that it does."""
        if shard not in self._initialized_dbs:
            with super()._connect(shard):
                pass  # creates its tables
        with self._db_lock:
            engine = self._engine(shard)
            with engine.begin() as connection:
                before = changes(connection)
                yield connection
                has_changed = changes(connection) > before
        if has_changed and shard != INDEX_SHARD_NAME:
            # The UI, another process, watches the file; SQLite has written to its journal only.
            os.utime(self.path_for_shard(shard))

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            for other in set(self._engines) - {INDEX_SHARD_NAME}:
                self._engines.pop(other).dispose()
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
        return self._engines[shard]

    def wipe(self) -> None:
        """Delete all events of all runs."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the databases, and stop watching for events."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def changes(connection: Connection) -> int:
    """Return how many rows a connection to SQLite has changed since it was opened.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection to SQLite.

    Returns
    -------
    int
    """
    driver_connection: Any = connection.connection.driver_connection
    return int(driver_connection.total_changes)


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
        self._event_log_storage = OpenEventLog(self._event_log_storage._base_dir)
