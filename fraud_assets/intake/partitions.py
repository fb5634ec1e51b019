"""The batches, which are the partitions of every asset, and the assets that are not computed."""

import warnings

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES, HISTORY

# A verdict belongs to its batch, so checks are partitioned like their assets. Dagster calls
# this a preview and warns at every check; the lock pins Dagster and a test holds the behaviour.
warnings.filterwarnings(
    "ignore",
    message="Specifying a partitions_def on an AssetCheckSpec",
    category=dg.PreviewWarning,
)

OWNERS = ["team:fraud-platform"]


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


history = dg.AssetSpec(
    key=HISTORY,
    description="What a batch looks back on. Has a new data version when an earlier batch that "
    "its windows reach was corrected: the features of the batch are stale then.",
    deps=[dg.AssetDep(ACCEPTED_BATCHES, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=batches,
    group_name="intake",
    owners=OWNERS,
    kinds={"csv"},
)
