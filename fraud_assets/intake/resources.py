"""The batches: the partitions of every asset, and the order in which they were accepted."""

import time
import warnings
from dataclasses import dataclass

import dagster as dg

from fraud_assets import config
from fraud_assets.config import CONTENT_TAG, KEY_TAG, SOURCE_TAG
from fraud_assets.intake.arrivals import Past, PastStatus

# A verdict belongs to its batch, so checks are partitioned like their assets. Dagster calls
# this a preview and warns at every check; the lock pins Dagster and a test holds the behaviour.
warnings.filterwarnings(
    "ignore",
    message="Specifying a partitions_def on an AssetCheckSpec",
    category=dg.PreviewWarning,
)

OWNERS = ["team:fraud-platform"]
ACCEPTED_BATCHES = dg.AssetKey("accepted_batches")
PAGE = 1000
RUNS_LOOKED_AT = 50
STEP_FAILURE = "STEP_FAILURE"
RETRY_SECONDS = 60.0
"""Dagster has retried a run that died this long after, or it never will."""

batches = dg.DynamicPartitionsDefinition(name="batch")

accepted_batches = dg.AssetSpec(
    key=ACCEPTED_BATCHES,
    description="The batches that passed intake, in the order in which they first did. Logged by "
    "`features`; what a later batch may look back on.",
    partitions_def=batches,
    group_name="intake",
    owners=OWNERS,
    kinds={"csv"},
)


@dataclass(frozen=True)
class AcceptedBatch:
    """A batch that passed intake.

    Attributes
    ----------
    batch : str
    content_hash : str
        The content that passed last.
    """

    batch: str
    content_hash: str


def acceptance(batch: str, content_hash: str, rows: int) -> dg.AssetMaterialization:
    """Return the event that says that a batch has passed intake."""
    return dg.AssetMaterialization(
        ACCEPTED_BATCHES,
        partition=batch,
        metadata={"content_hash": content_hash, "dagster/partition_row_count": rows},
    )


def earlier_batches(instance: dg.DagsterInstance, batch: str) -> list[AcceptedBatch]:
    """Return the batches that were accepted before one was, oldest first.

    Parameters
    ----------
    instance : DagsterInstance
    batch : str

    Returns
    -------
    list of AcceptedBatch
        All accepted batches when this one has not been accepted yet. A batch keeps the
        place of its first acceptance and shows the content that was accepted last.
    """
    accepted: dict[str, AcceptedBatch] = {}
    cursor, more = None, True
    while more:
        page = dg.DagsterInstance.fetch_materializations(
            instance, ACCEPTED_BATCHES, limit=PAGE, cursor=cursor, ascending=True
        )
        cursor, more = page.cursor, page.has_more
        for record in page.records:
            event = record.asset_materialization
            if event is not None and event.partition is not None:
                content = str(event.metadata["content_hash"].value)
                accepted[event.partition] = AcceptedBatch(event.partition, content)
    order = list(accepted)
    return [accepted[name] for name in order[: order.index(batch) if batch in order else None]]


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
    filters = dg.RunsFilter(job_name=config.JOB_NAME, statuses=list(NOT_OVER))
    return bool(instance.get_run_ids(filters, limit=1))


def runs_of(instance: dg.DagsterInstance, batch: str) -> list[Past]:
    """Return the latest runs of the pipeline for a batch, newest first.

    Parameters
    ----------
    instance : DagsterInstance
    batch : str
    """
    filters = dg.RunsFilter(job_name=config.JOB_NAME, tags={"dagster/partition": batch})
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


def _status(record: dg.RunRecord) -> PastStatus:
    run = record.dagster_run
    if run.status in STATUSES:
        return STATUSES[run.status]
    # Dagster retries no run that was started outside of it, as by `fraud-assets demo`.
    if run.remote_job_origin is None or run.tags.get("dagster/failure_reason") == STEP_FAILURE:
        return PastStatus.failed
    # Its process died. Whether Dagster will retry it is noted a moment later; and it misses one
    # that it fails in its own first moments, and has nothing to retry when all steps were over.
    over_for = time.time() - (record.end_time or record.update_timestamp.timestamp())
    may_be_retried = run.tags.get("dagster/will_retry") != "false" and over_for < RETRY_SECONDS
    return PastStatus.active if may_be_retried else PastStatus.died
