"""The batches, which partition every asset, and the external assets that order them."""

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES, HISTORY

OWNERS = ["team:fraud-platform"]


batches = dg.DynamicPartitionsDefinition(name="batch")


accepted_batches = dg.AssetSpec(
    key=ACCEPTED_BATCHES,
    description="The batches that passed intake, in the order in which they first did. Reported by "
    "`features`; later batches may look back on them.",
    partitions_def=batches,
    group_name="intake",
    owners=OWNERS,
    kinds={"csv"},
)


history = dg.AssetSpec(
    key=HISTORY,
    description="The earlier batches that a batch looks back on. Gets a new data version when one "
    "of them is corrected within reach of the windows; the batch's features are stale then.",
    deps=[dg.AssetDep(ACCEPTED_BATCHES, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=batches,
    group_name="intake",
    owners=OWNERS,
    kinds={"csv"},
)
