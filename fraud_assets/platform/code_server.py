"""Dagster's code server, whose runs start from a process that has imported everything.

Imports are a third of the CPU time of a small run. Dagster starts a new Python for each run; here
a fork server, which holds no data and runs no thread, imports once and is forked for each. A run
still has a process of its own: what kills it harms no other, and its memory comes back at its end.
"""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraud_assets.config import environment

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

PRELOADED = (
    "fraud_assets.definitions",
    "dagster._core.execution.api",
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
)
"""What most runs import."""


class Starter:
    """Chooses how the process of a run starts.

    From the fork server, unless the code has changed since: then with a new Python, which reads
    the code as it is now.
    """

    def __init__(self) -> None:
        from multiprocessing import forkserver

        self._code = newest_change()
        self._warm = multiprocessing.get_context("forkserver")
        self._warm.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()

    def context(self) -> "BaseContext":
        """Return what makes the next process, and the queues by which it is spoken to."""
        if newest_change() == self._code:
            return self._warm
        return multiprocessing.get_context("spawn")


def newest_change() -> int:
    """Return when a module of this package was changed last, in nanoseconds since the epoch."""
    modules = Path(__file__).parent.rglob("*.py")
    return max(module.stat().st_mtime_ns for module in modules)


def run_code_server(arguments: Sequence[str]) -> None:
    """Run Dagster's code server until it is ended.

    Parameters
    ----------
    arguments : sequence of str
        As `dagster api grpc` takes them.

    See Also
    --------
    fraud_assets.platform.run_launcher : notices when the process of a run has died.
    """
    from dagster._cli.api import grpc_command
    from dagster._grpc import server

    # The fork server, which imports MLflow, inherits them.
    environment.set_mlflow_defaults()
    starter = Starter()

    class WarmServer(server.DagsterApiServer):
        """Dagster's own; each run starts as `Starter` says."""

        def StartRun(self, request: Any, _context: Any) -> Any:  # noqa: N802
            """Start a run."""
            self._mp_ctx: Any = starter.context()
            return super().StartRun(request, _context)

    # The command makes the class by this name; a test shows that it still does.
    setattr(server, server.DagsterApiServer.__name__, WarmServer)
    grpc_command(list(arguments), auto_envvar_prefix="DAGSTER_GRPC")
