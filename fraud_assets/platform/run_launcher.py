"""A run launcher that detects runs whose process has died.

Dagster's default launcher starts a process for every run and leaves the monitoring to the code
server that started it; when both are gone (a killed container, a power cut), the run stays in the
status "started" forever and blocks the queue. Here the process of every run holds a file lock,
which the kernel releases however the process ends, and run monitoring checks the lock.
"""

import time

from dagster import DagsterRun, DefaultRunLauncher

from fraud_assets.config import names
from fraud_assets.platform.dagster_private import (
    CheckRunHealthResult,
    LaunchRunContext,
    WorkerStatus,
)
from fraud_assets.platform.run_lock import is_alive, launch_mark_path

START_SECONDS = 120.0
"""Seconds after its start by which a pipeline run holds its lock, or has died."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher; run monitoring detects dead runs, and no run is launched twice.

    Two daemons, started by mistake or while one replaces the other, would both dequeue the same
    run, and two processes would execute it.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, unless another daemon has done so.

        Parameters
        ----------
        context : LaunchRunContext
            Holds the run.

        See Also
        --------
        check_run_worker_health : monitors the run afterwards.
        """
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
        """Whether run monitoring checks the processes of runs."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the process of a run is alive.

        Parameters
        ----------
        run : DagsterRun
            A run that was launched and has not ended.

        Returns
        -------
        CheckRunHealthResult
            Failed when the process is gone, otherwise running.

        See Also
        --------
        fraud_assets.platform.run_lock.is_alive : tests the lock.
        """
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
