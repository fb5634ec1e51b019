"""A run launcher that notices when the process of a run has died.

Dagster's default launcher starts a process for every run and leaves the watching to the code
server that started it; when both are gone (a container that was killed, a power cut), the run
counts as running for ever and holds up the queue. Here every run's process holds a file lock,
which the kernel lets go of however the process ends, and run monitoring looks at it.
"""

import time

from dagster import (
    DagsterRun,
)
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)

from fraud_assets.config import names
from fraud_assets.platform.run_lock import is_alive, launch_mark_path

START_SECONDS = 120.0
"""A pipeline run has taken its lock this long after it was started, or it has died."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher; run monitoring can tell a dead run, and none is launched twice.

    Two daemons, started by mistake or while one takes over from another, would both take the
    same run off the queue, and two processes would execute it.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, unless another daemon has."""
        run = context.dagster_run
        mark = launch_mark_path(run.run_id)
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
        if run.job_name != names.JOB_NAME:
            return False
        start = self._instance.get_run_stats(run.run_id).start_time
        return start is not None and time.time() - start > START_SECONDS
