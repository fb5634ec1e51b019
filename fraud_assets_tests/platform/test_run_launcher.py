import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import dagster as dg
import psycopg2
import pytest
import requests
from dagster._core.launcher import WorkerStatus

from fraud_assets.config import names
from fraud_assets.platform import outages, run_launcher, run_lock

HOLD = (
    "from fraud_assets.platform.run_lock import hold; "
    "hold('r1'); print('held', flush=True); input()"
)


@pytest.fixture
def holder(home):
    """Another process that holds the lock of run r1."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


def test_a_run_lives_as_long_as_its_process_however_that_ends(holder):
    assert run_lock.is_alive("r1") is True
    holder.kill()
    holder.wait()
    assert run_lock.is_alive("r1") is False
    assert run_lock.is_alive("unknown") is None


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
    """The runs that Dagster's own launcher was asked for; the first time it fails when told to."""
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


def test_old_locks_that_nobody_holds_are_cleared_away(home, monkeypatch):
    monkeypatch.setattr(run_lock, "OLD_SECONDS", -1.0)
    monkeypatch.setattr(run_lock, "_held", {})
    run_lock.hold("first")
    (home / "var" / "runs" / "dead.lock").touch()
    run_lock.hold("second")
    assert {path.stem for path in (home / "var" / "runs").iterdir()} == {"first", "second"}


def test_a_run_goes_on_with_failed_runs_of_the_same_content_of_the_same_batch(instance):
    def record(status, batch="june", content="a", job_name=names.JOB_NAME):
        tags = {"dagster/partition": batch, names.CONTENT_TAG: content}
        run = dg.DagsterRun(job_name, status=status, tags=tags)
        instance.add_run(run)
        return run

    failure = dg.DagsterRunStatus.FAILURE
    dead = {record(failure).run_id, record(failure).run_id}
    record(dg.DagsterRunStatus.SUCCESS)
    record(failure, batch="july")
    record(failure, content="b")
    record(failure, job_name="other")
    current = record(dg.DagsterRunStatus.STARTED)
    assert outages.runs_to_take_up(instance, current) == dead
    by_hand = dg.DagsterRun(names.JOB_NAME, tags={"dagster/partition": "june"})
    assert outages.runs_to_take_up(instance, by_hand) == set()


def caught(inner, outer):
    """An error that came of another."""
    try:
        try:
            raise inner
        except type(inner):
            raise outer  # noqa: B904 - the cause is only in the context, as MLflow leaves it
    except type(outer) as error:
        return error


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (ConnectionRefusedError("no"), True),
        (caught(requests.ConnectionError("no"), ValueError("API request failed")), True),
        (psycopg2.OperationalError("the database system is starting up"), True),
        (psycopg2.errors.DiskFull("could not extend file"), True),
        (caught(psycopg2.OperationalError("gone"), RuntimeError("sqlalchemy's")), True),
        (requests.exceptions.RetryError("too many 503 error responses"), True),
        (sqlite3.OperationalError("database or disk is full"), False),
        (ValueError("june.csv, line 3: no number"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_only_a_server_that_is_away_is_an_outage(error, outage):
    assert outages.is_outage(error) is outage


@pytest.mark.parametrize(("error", "again"), [(ConnectionError, "true"), (ValueError, "false")])
def test_a_run_says_itself_whether_it_is_to_be_taken_up(error, again):
    @dg.op
    def fails():
        raise error("no")

    @dg.job(hooks={outages.take_up_after_outage})
    def job():
        fails()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = job.execute_in_process(instance=instance, raise_on_error=False).run_id
        tags = instance.get_run_by_id(run_id).tags
    assert tags["dagster/retry_on_asset_or_op_failure"] == again
