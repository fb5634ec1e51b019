import time
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from fraud_assets.config import names
from fraud_assets.platform import run_launcher


@pytest.fixture
def watched(instance):
    watching = run_launcher.WatchedRunLauncher()
    watching.register_instance(instance)
    return watching


def status_of(watched, run_id=None, job_name=names.JOB_NAME):
    run = dg.DagsterRun(job_name, run_id=run_id, status=dg.DagsterRunStatus.STARTED)
    return watched.check_run_worker_health(run).status


def test_run_monitoring_hears_of_a_dead_process(watched, holder):
    assert watched.supports_check_run_worker_health
    assert status_of(watched, "r1") is WorkerStatus.RUNNING
    holder.kill()
    holder.wait()
    assert status_of(watched, "r1") is WorkerStatus.FAILED


@pytest.mark.parametrize(
    ("job_name", "started_ago", "status"),
    [
        (names.JOB_NAME, 10, WorkerStatus.RUNNING),
        (names.JOB_NAME, 1000, WorkerStatus.FAILED),
        ("__ASSET_JOB", 1000, WorkerStatus.RUNNING),
    ],
)
def test_a_pipeline_run_that_never_took_its_lock_is_dead_after_a_while(
    watched, instance, home, monkeypatch, job_name, started_ago, status
):
    stats = SimpleNamespace(start_time=time.time() - started_ago)
    monkeypatch.setattr(instance, "get_run_stats", lambda _: stats)
    assert status_of(watched, None, job_name) is status


@pytest.fixture
def launches(monkeypatch):
    """Ids of the runs handed to Dagster's launcher; if `context.fails`, the first launch fails."""
    asked = []

    def launch(_, context):
        asked.append(context.dagster_run.run_id)
        if context.fails and len(asked) == 1:
            raise ConnectionError("the code server is away")

    monkeypatch.setattr(run_launcher.DefaultRunLauncher, "launch_run", launch)
    return asked


def context_of(run, fails=False):
    return SimpleNamespace(dagster_run=run, fails=fails)


def test_a_run_that_another_daemon_has_launched_is_not_launched_again(watched, instance, launches):
    run = dg.DagsterRun(names.JOB_NAME)
    instance.add_run(run)
    watched.launch_run(context_of(run))
    watched.launch_run(context_of(run))
    assert launches == [run.run_id]
    messages = [entry.message for entry in instance.all_logs(run.run_id)]
    assert any("Another daemon has launched this run" in message for message in messages)


def test_a_launch_that_failed_is_tried_again(watched, instance, launches):
    run = dg.DagsterRun(names.JOB_NAME)
    instance.add_run(run)
    with pytest.raises(ConnectionError):
        watched.launch_run(context_of(run, fails=True))
    watched.launch_run(context_of(run, fails=True))
    assert launches == [run.run_id, run.run_id]
