import sqlite3

import dagster as dg
import psycopg2
import pytest
import requests

from fraud_assets.config import names
from fraud_assets.platform import outages


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
