"""The batches: the partitions of every asset, and the order in which they were accepted."""

import warnings
from dataclasses import dataclass

import dagster as dg

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
