"""Which runs Dagster has recorded of a batch, and how they ended."""

import time
from collections.abc import Iterable

import dagster as dg
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG

from fraud_assets.config import names
from fraud_assets.config.names import CONTENT_TAG, KEY_TAG, SOURCE_TAG
from fraud_assets.intake.landing.planner import Past, PastStatus

ERROR = dg.AssetCheckSeverity.ERROR


RUNS_LOOKED_AT = 50


STEP_FAILURE = "STEP_FAILURE"


MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION


PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED


CHECKED = dg.DagsterEventType.ASSET_CHECK_EVALUATION


RETRY_SECONDS = 60.0
"""Dagster has retried a run that died this long after, or it never will."""


NOT_OVER = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


STATUSES = {
    **dict.fromkeys(NOT_OVER, PastStatus.active),
    dg.DagsterRunStatus.NOT_STARTED: PastStatus.created,
    dg.DagsterRunStatus.SUCCESS: PastStatus.succeeded,
    dg.DagsterRunStatus.CANCELED: PastStatus.failed,
}


def run_tags(source_file: str, content_hash: str, run_key: str) -> dict[str, str]:
    """Return the tags of a run that takes a file."""
    return {SOURCE_TAG: source_file, CONTENT_TAG: content_hash, KEY_TAG: run_key}


def is_busy(instance: dg.DagsterInstance) -> bool:
    """Tell whether a run of the pipeline is in the queue or on its way."""
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=list(NOT_OVER))
    return bool(instance.get_run_ids(filters, limit=1))


def runs_of(instance: dg.DagsterInstance, batch: str) -> list[Past]:
    """Return the latest runs of the pipeline for a batch, newest first.

    Parameters
    ----------
    instance : DagsterInstance
    batch : str
    """
    filters = dg.RunsFilter(job_name=names.JOB_NAME, tags={"dagster/partition": batch})
    records = instance.get_run_records(filters, limit=RUNS_LOOKED_AT)
    return [
        Past(
            record.dagster_run.tags.get(CONTENT_TAG, ""),
            _status(record),
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

    Returns
    -------
    set of str
        Those of the last `RUNS_LOOKED_AT` runs.
    """
    filters = dg.RunsFilter(job_name=names.JOB_NAME)
    runs = instance.get_runs(filters, limit=RUNS_LOOKED_AT)
    return {run.tags["dagster/partition"] for run in runs if "dagster/partition" in run.tags}


def is_complete(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> bool:
    """Tell whether runs, taken together, have materialized every asset that they planned.

    A server that goes away while a check writes its event fails a run whose assets are all
    there; what a retry does then is that one check.

    Parameters
    ----------
    instance : DagsterInstance
    run_ids : iterable of str
        A run and those that tried it again.

    Returns
    -------
    bool
        False also when a blocking check stopped one of them, and when nothing was planned.
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


def _status(record: dg.RunRecord) -> PastStatus:
    run = record.dagster_run
    if run.status in STATUSES:
        return STATUSES[run.status]
    # Dagster retries no run that was started outside of it, as by `fraud-assets demo`.
    if run.remote_job_origin is None:
        return PastStatus.failed
    # A step failed by itself, or because a server was away: then the run is tried again.
    failed_step = run.tags.get("dagster/failure_reason") == STEP_FAILURE
    if failed_step and run.tags.get(RETRY_ON_ASSET_OR_OP_FAILURE_TAG) != "true":
        return PastStatus.failed
    # Its process died. Whether Dagster will retry it is noted a moment later; and it misses one
    # that it fails in its own first moments, and has nothing to retry when all steps were over.
    over_for = time.time() - (record.end_time or record.update_timestamp.timestamp())
    may_be_retried = run.tags.get("dagster/will_retry") != "false" and over_for < RETRY_SECONDS
    return PastStatus.active if may_be_retried else PastStatus.died
