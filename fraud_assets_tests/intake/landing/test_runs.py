import time
from types import SimpleNamespace

import dagster as dg
import pytest

from fraud_assets.config import names
from fraud_assets.intake.landing.planner import RecordedRun, RunState
from fraud_assets.intake.landing.runs import is_busy, run_tags, runs_of


def record_run(instance, status, batch="june", key="k", **tags):
    """A run as the storage has it."""
    run = dg.DagsterRun(
        names.JOB_NAME,
        status=status,
        tags={"dagster/partition": batch, **run_tags("june.csv", "hash", key), **tags},
    )
    instance.add_run(run)
    return run.run_id


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (dg.DagsterRunStatus.NOT_STARTED, RunState.created),
        (dg.DagsterRunStatus.STARTING, RunState.active),
        (dg.DagsterRunStatus.STARTED, RunState.active),
        (dg.DagsterRunStatus.SUCCESS, RunState.succeeded),
        (dg.DagsterRunStatus.FAILURE, RunState.failed),
        (dg.DagsterRunStatus.CANCELED, RunState.failed),
    ],
)
def test_a_run_of_the_pipeline_is_known_by_content_key_and_status(instance, status, state):
    run_id = record_run(instance, status)
    record_run(instance, dg.DagsterRunStatus.SUCCESS, batch="july")
    assert runs_of(instance, "june") == [RecordedRun("hash", state, "k", run_id)]
    assert is_busy(instance) is (state in (RunState.created, RunState.active))


def test_runs_come_newest_first_and_retries_are_marked(instance):
    record_run(instance, dg.DagsterRunStatus.FAILURE, key="1")
    record_run(instance, dg.DagsterRunStatus.SUCCESS, key="1", **{"dagster/retry_number": "1"})
    assert [(run.state.value, run.retry) for run in runs_of(instance, "june")] == [
        ("succeeded", True),
        ("failed", False),
    ]


def test_a_failed_run_outside_of_dagster_is_over_although_it_is_marked_for_a_retry(instance):
    record_run(instance, dg.DagsterRunStatus.FAILURE, **{"dagster/will_retry": "true"})
    assert runs_of(instance, "june")[0].state is RunState.failed


@pytest.mark.parametrize(
    ("reason", "outage", "will_retry", "retry_seconds", "status"),
    [
        ("STEP_FAILURE", None, None, 60.0, RunState.failed),
        ("STEP_FAILURE", "false", None, 60.0, RunState.failed),
        ("STEP_FAILURE", "true", None, 60.0, RunState.active),
        ("STEP_FAILURE", "true", "false", 60.0, RunState.died),
        ("STEP_FAILURE", "true", "true", -1.0, RunState.died),
        (None, None, "true", 60.0, RunState.active),
        (None, None, "true", -1.0, RunState.died),
        (None, None, "false", 60.0, RunState.died),
        (None, None, None, 60.0, RunState.active),
        (None, None, None, -1.0, RunState.died),
    ],
)
def test_a_run_whose_process_or_server_died_is_active_as_long_as_dagster_may_retry_it(
    monkeypatch, reason, outage, will_retry, retry_seconds, status
):
    monkeypatch.setattr("fraud_assets.intake.landing.runs.RETRY_SECONDS", retry_seconds)
    tags = {
        "dagster/will_retry": will_retry,
        "dagster/failure_reason": reason,
        "dagster/retry_on_asset_or_op_failure": outage,
    }
    run = SimpleNamespace(
        tags={name: value for name, value in tags.items() if value},
        status=dg.DagsterRunStatus.FAILURE,
        remote_job_origin="some",
        run_id="r",
    )
    record = SimpleNamespace(dagster_run=run, end_time=time.time())
    instance = SimpleNamespace(get_run_records=lambda *_, **__: [record])
    assert runs_of(instance, "june")[0].state is status
