"""Read the runs of a batch and their states from Dagster's run storage."""

import time
from collections.abc import Iterable

import dagster as dg
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG

from fraud_assets.config import names
from fraud_assets.config.names import CONTENT_TAG, KEY_TAG, SOURCE_TAG
from fraud_assets.intake.landing.planner import RecordedRun, RunState

ERROR = dg.AssetCheckSeverity.ERROR


RUN_LIMIT = 50
"""Maximum number of runs to read, newest first."""


STEP_FAILURE = "STEP_FAILURE"


MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION


PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED


CHECKED = dg.DagsterEventType.ASSET_CHECK_EVALUATION


RETRY_SECONDS = 60.0
"""Dagster retries a run within this time after its process died, or never."""


NOT_OVER = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


RUN_STATES = {
    **dict.fromkeys(NOT_OVER, RunState.active),
    dg.DagsterRunStatus.NOT_STARTED: RunState.created,
    dg.DagsterRunStatus.SUCCESS: RunState.succeeded,
    dg.DagsterRunStatus.CANCELED: RunState.failed,
}


def run_tags(source_file: str, content_hash: str, run_key: str) -> dict[str, str]:
    """Return the tags of a run that ingests a file.

    Parameters
    ----------
    source_file : str
        File name in the drop folder.
    content_hash : str
        SHA-256 of the file, in hexadecimal.
    run_key : str
        Key that the run is requested by.

    Returns
    -------
    dict of str to str
        Values by tag.

    See Also
    --------
    runs_of : Reads these tags back.

    Examples
    --------
    >>> run_tags("june.csv", "ab12", "june:ab12:1")["fraud/source_file"]
    'june.csv'
    """
    return {SOURCE_TAG: source_file, CONTENT_TAG: content_hash, KEY_TAG: run_key}


def is_busy(instance: dg.DagsterInstance) -> bool:
    """Tell whether a run of the pipeline is queued, starting or running.

    Parameters
    ----------
    instance : DagsterInstance
        Instance whose runs are read.

    Returns
    -------
    bool
        True also for a run that was created and not launched yet.
    """
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=list(NOT_OVER))
    return bool(instance.get_run_ids(filters, limit=1))


def runs_of(instance: dg.DagsterInstance, batch: str) -> list[RecordedRun]:
    """Return the latest runs of the pipeline for a batch.

    Parameters
    ----------
    instance : DagsterInstance
        Instance whose runs are read.
    batch : str
        Batch (partition key).

    Returns
    -------
    list of RecordedRun
        Newest first, at most `RUN_LIMIT`.

    See Also
    --------
    fraud_assets.intake.landing.planner.plan_running : Decides from these runs.
    """
    filters = dg.RunsFilter(job_name=names.JOB_NAME, tags={"dagster/partition": batch})
    records = instance.get_run_records(filters, limit=RUN_LIMIT)
    return [
        RecordedRun(
            record.dagster_run.tags.get(CONTENT_TAG, ""),
            _run_state(record),
            record.dagster_run.tags.get(KEY_TAG, ""),
            record.dagster_run.run_id,
            retry="dagster/retry_number" in record.dagster_run.tags,
        )
        for record in records
    ]


def batches_of_latest_runs(instance: dg.DagsterInstance) -> set[str]:
    """Return the batches of the latest runs of the pipeline.

    Parameters
    ----------
    instance : DagsterInstance
        Instance whose runs are read.

    Returns
    -------
    set of str
        Batches (partition keys) of the last `RUN_LIMIT` runs.
    """
    filters = dg.RunsFilter(job_name=names.JOB_NAME)
    runs = instance.get_runs(filters, limit=RUN_LIMIT)
    return {run.tags["dagster/partition"] for run in runs if "dagster/partition" in run.tags}


def is_complete(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> bool:
    """Tell whether a run and its retries together have materialized every planned asset.

    A run can fail although all its assets are materialized: when a server is down while an asset
    check stores its result. The retry then consists of that check alone.

    Parameters
    ----------
    instance : DagsterInstance
        Instance whose event log is read.
    run_ids : iterable of str
        Ids of a run and of its retries.

    Returns
    -------
    bool
        False also when a blocking check failed in one of them, and when nothing was planned.
    """
    planned, materialized = set(), set()
    for run_id in run_ids:
        for entry in instance.all_logs(run_id, of_type={MATERIALIZED, PLANNED, CHECKED}):
            event = entry.get_dagster_event()
            if event.event_type == CHECKED:
                check = event.asset_check_evaluation_data
                if check.blocking and not check.passed and check.severity is ERROR:
                    return False
            elif event.event_type == PLANNED:
                planned.add(event.asset_key)
            elif event.step_key:
                materialized.add(event.asset_key)
    return bool(planned) and planned <= materialized


def _run_state(record: dg.RunRecord) -> RunState:
    run = record.dagster_run
    if run.status in RUN_STATES:
        return RUN_STATES[run.status]
    # Dagster does not retry runs that it has not launched, such as those of `fraud-assets demo`.
    if run.remote_job_origin is None:
        return RunState.failed
    # A step failed because of an error (final), or because a server was down (retried).
    failed_step = run.tags.get("dagster/failure_reason") == STEP_FAILURE
    if failed_step and run.tags.get(RETRY_ON_ASSET_OR_OP_FAILURE_TAG) != "true":
        return RunState.failed
    # The process of the run died. Dagster adds the tag that says whether it will retry the run a
    # moment later, and sometimes never: just after the daemon started, or when all steps were done.
    over_for = time.time() - (record.end_time or record.update_timestamp.timestamp())
    may_be_retried = run.tags.get("dagster/will_retry") != "false" and over_for < RETRY_SECONDS
    return RunState.active if may_be_retried else RunState.died
