"""Checks on `splits` and `trained_model`."""

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config import limits
from fraud_assets.intake.partitions import batches
from fraud_assets.records.models import TrainedModel
from fraud_assets.store import tables
from fraud_assets.text import inert, named
from fraud_assets.training.assets import splits, trained_model

DRIFT_REPORT = dg.AssetKey("drift_report")
"""Decides whether the batch is excluded, so the check waits for it."""
ADMIT = (
    "correct the export and drop it again, or materialize the batch from drift_report on with "
    "`implausible_batches: keep`"
)
REMEDY = (
    "; earlier batches were split with other settings: materialize their splits again with the "
    "settings of this batch, or narrow `window_batches`"
)


@dg.asset_check(asset=splits, blocking=True, partitions_def=batches)
def splits_disjoint(splits: tables.SplitTable) -> dg.AssetCheckResult:
    """Every row has exactly one split, and equal rows of the window share it."""
    straddling = splits.facts.straddling_contents
    unassigned = splits.facts.unassigned_rows
    return dg.AssetCheckResult(
        passed=straddling == 0 and unassigned == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{straddling} row contents occur in more than one split, {unassigned} rows "
        f"do not have exactly one; window of {len(splits.facts.window)} batches"
        + (REMEDY if straddling else ""),
        metadata={"straddling_contents": straddling, "unassigned_rows": unassigned},
    )


@dg.asset_check(asset=splits, blocking=True, partitions_def=batches)
def enough_frauds(splits: tables.SplitTable) -> dg.AssetCheckResult:
    """Each split has enough frauds and enough genuine rows to train or evaluate with."""
    counts = splits.facts.counts
    short = []
    for split, needed in limits.MIN_FRAUDS.items():
        frauds = counts[split].frauds
        genuine = counts[split].rows - frauds
        if frauds < needed:
            short.append(f"{split} has {frauds} frauds and needs {needed}")
        if genuine < needed:
            short.append(f"{split} has {genuine} genuine rows and needs {needed}")
    by_split = ", ".join(f"{split} {n.frauds}" for split, n in counts.items())
    description = f"frauds by split: {by_split}"
    if short:
        description = (
            f"batch {named(splits.facts.batch)}: {'; '.join(short)}; drop more transactions "
            "with labels, or check that 1 in the target column means fraud"
        )
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.ERROR,
        description=description,
        metadata={"counts": dg.MetadataValue.json({n: c.model_dump() for n, c in counts.items()})},
    )


@dg.asset_check(asset=splits, blocking=True, partitions_def=batches, additional_deps=[DRIFT_REPORT])
def batch_admitted(splits: tables.SplitTable, catalog: BatchCatalog) -> dg.AssetCheckResult:
    """The batch was not excluded from training as implausible; otherwise its run stops here."""
    accepted = catalog.accepted().get(splits.facts.batch)
    excluded = accepted.excluded if accepted else None
    return dg.AssetCheckResult(
        passed=excluded is None,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"batch {named(splits.facts.batch)} is excluded from training and history: "
        f"{inert(excluded)}; {ADMIT}"
        if excluded
        else "the batch may be trained on",
    )


@dg.asset_check(asset=trained_model, partitions_def=batches)
def model_converged(trained_model: TrainedModel) -> dg.AssetCheckResult:
    """The training converged before it ran out of iterations."""
    iterations = trained_model.iterations
    converged = trained_model.converged
    return dg.AssetCheckResult(
        passed=converged,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"stopped after {iterations} iterations"
        if converged
        else f"still improving after {iterations} iterations: raise `max_iter` in `parameters`",
        metadata={"iterations": iterations},
    )
