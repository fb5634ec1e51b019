"""Dagster's code server, whose runs start from a process that has imported everything.

Imports are a third of the CPU time of a small run. Dagster starts a new Python for each run; here
a fork server, which holds no data and runs no thread, imports once and is forked for each run. A
run still has a process of its own: a crash harms no other run, and its memory is freed at its end.
"""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_assets.config import environment
from fraud_assets.platform.dagster_private import grpc_server

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

PRELOADED = (
    "fraud_assets.definitions",
    "duckdb",
    "ibis.backends.duckdb",
    "matplotlib.backends.backend_agg",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.calibration",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "skops.io",
    "xgboost",
    "fraud_assets.warm_up",
)
"""Modules that most runs import."""


PACKAGE = Path(__file__).parent.parent


class Starter:
    """Chooses how the process of a run starts.

    It is forked from the fork server, unless the code has changed since that was started: then it
    is a new Python, which reads the present code.
    """

    def __init__(self) -> None:
        from multiprocessing import forkserver

        self._code = newest_change()
        self._warm = multiprocessing.get_context("forkserver")
        self._warm.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()

    def context(self) -> "BaseContext":
        """Return the multiprocessing context of the next run.

        Returns
        -------
        multiprocessing.context.BaseContext
            Creates the process of the run, and the queues to it.

        See Also
        --------
        newest_change : tells whether the code has changed.
        """
        if newest_change() == self._code:
            return self._warm
        return multiprocessing.get_context("spawn")


def newest_change() -> int:
    """Return when a module of this package was last changed.

    Returns
    -------
    int
        Nanoseconds since 1970.

    See Also
    --------
    Starter : compares it with the time at which the fork server started.
    """
    modules = PACKAGE.rglob("*.py")
    return max(module.stat().st_mtime_ns for module in modules)


def run_code_server(arguments: Sequence[str]) -> None:
    """Run Dagster's code server until it is stopped.

    Parameters
    ----------
    arguments : sequence of str
        Command-line arguments of `dagster api grpc`.

    See Also
    --------
    fraud_assets.platform.run_launcher : detects runs whose process has died.
    """
    grpc_command, server = grpc_server()
    # The fork server, which imports MLflow, inherits the variables.
    environment.set_mlflow_defaults()
    starter = Starter()

    class WarmServer(server.DagsterApiServer):  # type: ignore[name-defined,misc]
        """Dagster's own server; `Starter` chooses how each run starts."""

        def StartRun(self, request: Any, _context: Any) -> Any:  # noqa: N802
            """Start a run in the process that `Starter` chooses.

            Parameters
            ----------
            request : StartRunRequest
                Names the run.
            _context : grpc.ServicerContext
                Context of the call.

            Returns
            -------
            StartRunReply
                Of Dagster's own server.
            """
            self._mp_ctx: Any = starter.context()
            return super().StartRun(request, _context)

    # The command creates the class by this name; a test covers that.
    setattr(server, server.DagsterApiServer.__name__, WarmServer)
    grpc_command(list(arguments), auto_envvar_prefix="DAGSTER_GRPC")
