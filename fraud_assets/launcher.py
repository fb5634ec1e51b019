"""A run launcher that notices when the process of a run has died.

Dagster's default launcher starts a process for every run and leaves the watching to the code
server that started it; when both are gone (a container that was killed, a power cut), the run
counts as running for ever and holds up the queue. Here every run's process holds a file lock,
which the kernel lets go of however the process ends, and run monitoring looks at it.
"""

import time
from pathlib import Path

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    HookContext,
    RunsFilter,
    failure_hook,
)
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.storage.tags import PARTITION_NAME_TAG, RETRY_ON_ASSET_OR_OP_FAILURE_TAG
from filelock import FileLock, Timeout

from fraud_assets import config
from fraud_assets.config import CONTENT_TAG

START_SECONDS = 120.0
"""A pipeline run has taken its lock this long after it was started, or it has died."""

OLD_SECONDS = 86_400.0
"""Locks that nobody holds are cleared away when they are this old."""

_held: dict[str, FileLock] = {}


def hold(run_id: str) -> None:
    """Hold the lock of a run until this process ends, and clear old ones away.

    Parameters
    ----------
    run_id : str
    """
    if run_id not in _held:
        path = _lock_path(run_id)
        for old in path.parent.glob("*.l*"):
            if time.time() - old.stat().st_mtime > OLD_SECONDS and not is_alive(old.stem):
                old.unlink(missing_ok=True)
        _held[run_id] = FileLock(path)
        _held[run_id].acquire()


def is_alive(run_id: str) -> bool | None:
    """Tell whether the process of a run lives.

    Returns
    -------
    bool or None
        None when the run has not taken its lock: it is just starting, or is none of ours.
    """
    path = _lock_path(run_id)
    if not path.exists():
        return None
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _lock_path(run_id: str) -> Path:
    folder = config.home_folder() / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run_id}.lock"


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher; run monitoring can tell a dead run, and none is launched twice.

    Two daemons, started by mistake or while one takes over from another, would both take the
    same run off the queue, and two processes would execute it.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, unless another daemon has."""
        run = context.dagster_run
        mark = _lock_path(run.run_id).with_suffix(".launched")
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            self._instance.report_engine_event("Another daemon has launched this run.", run)
            return
        try:
            super().launch_run(context)
        except BaseException:
            mark.unlink()
            raise

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the process of a run lives."""
        alive = is_alive(run.run_id)
        if alive is None:
            alive = not self._should_hold_a_lock(run)
        if alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the process of the run is gone")

    def _should_hold_a_lock(self, run: DagsterRun) -> bool:
        if run.job_name != config.JOB_NAME:
            return False
        start = self._instance.get_run_stats(run.run_id).start_time
        return start is not None and time.time() - start > START_SECONDS


@failure_hook
def take_up_after_outage(context: HookContext) -> None:
    """Have the run taken up again when a server was away; other failures would only repeat.

    A run that takes up another has its tags, so the tag is set either way.
    """
    error = context.op_exception
    again = error is not None and is_outage(error)
    context.instance.add_run_tags(
        context.run_id, {RETRY_ON_ASSET_OR_OP_FAILURE_TAG: str(again).lower()}
    )


def is_outage(error: BaseException) -> bool:
    """Tell whether an error, or what it came from, says that a server was away.

    Parameters
    ----------
    error : BaseException
    """
    seen, pending = set(), [error]
    while pending:
        found = pending.pop()
        if _is_away(found):
            return True
        seen.add(id(found))
        causes = (found.__cause__, found.__context__)
        pending += [cause for cause in causes if cause is not None and id(cause) not in seen]
    return False


def _is_away(error: BaseException) -> bool:
    from requests import exceptions as http

    if isinstance(error, ConnectionError | http.ConnectionError | http.Timeout | http.RetryError):
        return True
    # By name: the driver is installed with the full stack only, and MLflow takes long to load.
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if kinds & {"psycopg2.OperationalError", "psycopg2.InterfaceError"}:
        return True
    return getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE"


def runs_to_take_up(instance: DagsterInstance, run: DagsterRun) -> set[str]:
    """Return the failed runs of the same content of the same batch, whose work a run goes on with.

    Parameters
    ----------
    instance : DagsterInstance
    run : DagsterRun
    """
    tags = {name: run.tags[name] for name in (PARTITION_NAME_TAG, CONTENT_TAG) if name in run.tags}
    if len(tags) < 2:
        return set()
    filters = RunsFilter(job_name=run.job_name, tags=tags, statuses=[DagsterRunStatus.FAILURE])
    return set(instance.get_run_ids(filters)) - {run.run_id}
