"""All that is used of Dagster beyond its public API, and why.

No other module imports a private name of Dagster. Its version is pinned, and
`fraud_assets_tests/platform/test_dagster_private.py` fails when an upgrade changes one of these.

`InstigatorType`, `SensorInstigatorData`
    Stuck sensors, with their state and last tick: the public API starts and stops sensors
    by their definitions, but shows no ticks.
`DagsterStorage`, `DagsterSqliteStorage`, `ConfigurableClassData`
    The storage that `dagster.yaml` names has to be of this class; no other setting chooses between
    SQLite and PostgreSQL by the environment.
`CheckRunHealthResult`, `LaunchRunContext`, `WorkerStatus`
    The interface between run monitoring and a run launcher. The launcher itself is public.
`SqlEventLogStorage`, `SqliteEventLogStorage` and the tables
    Deleting single events of runs that stay: the public API deletes whole runs and whole assets.
    On SQLite, the connection to the index of all runs is kept open: no setting does that.
`INDEX_SHARD_NAME`, `SQLITE_BUSY_TIMEOUT_SECONDS`
    The name of that index, and how long a connection waits for another that writes.
`grpc_server`
    The process of a run starts from a fork server; `dagster api grpc` has no option for it.
`daemon_run`
    The daemon looks for due sensors every two seconds; `dagster-daemon run` has no option for it.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import (
    AssetKeyTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

__all__ = [
    "INDEX_SHARD_NAME",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "AssetCheckExecutionsTable",
    "AssetKeyTable",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "DagsterStorage",
    "InstigatorType",
    "LaunchRunContext",
    "SensorInstigatorData",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "WorkerStatus",
    "daemon_run",
    "grpc_server",
]


def grpc_server() -> tuple[Callable[..., Any], ModuleType]:
    """Import Dagster's code server, which takes a second.

    Returns
    -------
    command : callable
        The command `dagster api grpc`, which creates the server by the name of its class.
    module : module
        Holds that class, `DagsterApiServer`.
    """
    from dagster._cli.api import grpc_command
    from dagster._grpc import server

    return grpc_command, server


def daemon_run() -> tuple[Callable[..., Any], ModuleType]:
    """Import Dagster's daemon.

    Returns
    -------
    command : callable
        The command `dagster-daemon run`.
    module : module
        Holds the loop over the sensors, and `MIN_INTERVAL_LOOP_TIME`, the seconds between two.
    """
    from dagster._daemon import sensor
    from dagster._daemon.cli import run_command

    return run_command, sensor
