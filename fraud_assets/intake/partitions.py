"""The batches, which partition every asset, and the external assets that order them."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES, HISTORY

# The result of a check belongs to a batch, so checks are partitioned as their assets are. Dagster
# calls this a preview and warns at each check; its version is pinned, and a test covers it.
warnings.filterwarnings(
    "ignore",
    message="Specifying a partitions_def on an AssetCheckSpec",
    category=dg.PreviewWarning,
)

batches = dg.DynamicPartitionsDefinition(name="batch")


def batch_asset(
    *,
    kinds: set[str],
    code_version: str,
    io_manager_key: str,
    deps: Iterable[dg.AssetKey] | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Return the decorator of an asset that is partitioned by batch.

    Parameters
    ----------
    kinds : set of str
        Technologies that the UI shows on the asset.
    code_version : str
        A new one marks what was materialized before as stale.
    io_manager_key : {"tables", "reports"}
        What stores the output.
    deps : iterable of AssetKey, optional
        Assets that it depends on but does not read as an input.

    Returns
    -------
    callable
        Takes the function of the asset; returns its definition.

    See Also
    --------
    fraud_assets.definitions : sets the group and the owners of all assets.
    """
    return dg.asset(
        partitions_def=batches,
        kinds=kinds,
        code_version=code_version,
        io_manager_key=io_manager_key,
        deps=deps,
    )


accepted_batches = dg.AssetSpec(
    key=ACCEPTED_BATCHES,
    description="The batches that passed intake, in the order in which they first did. Reported by "
    "`features`; later batches may look back on them.",
    partitions_def=batches,
    kinds={"csv"},
)


history = dg.AssetSpec(
    key=HISTORY,
    description="The earlier batches that a batch looks back on. Gets a new data version when one "
    "of them is corrected within reach of the windows; the batch's features are stale then.",
    deps=[dg.AssetDep(ACCEPTED_BATCHES, partition_mapping=dg.AllPartitionMapping())],
    partitions_def=batches,
    kinds={"csv"},
)
