"""Checks on what landed: the files, the contract, the rejected rows, the share of frauds."""

from collections.abc import Sequence

import dagster as dg

from fraud_assets import config, storage
from fraud_assets.intake.assets import raw_transactions
from fraud_assets.intake.ledger import Entry, Outcome, open_ledger
from fraud_assets.intake.resources import ACCEPTED_BATCHES, batches


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def schema_contract(raw_transactions: storage.Table) -> dg.AssetCheckResult:
    """Every column can be used, and the target is there: otherwise the batch stops here."""
    problems = raw_transactions.facts["problems"]
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems) or "every column fits the contract",
        metadata={"columns": dg.MetadataValue.json(raw_transactions.facts["kinds"])},
    )


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def rejected_rows(raw_transactions: storage.Table) -> dg.AssetCheckResult:
    """Rejected rows are a warning; over 1% of the file, the batch stops here."""
    facts = raw_transactions.facts
    lines = facts["rows"] + facts["rejected"]
    share = facts["rejected"] / lines
    path = storage.rejected_path(facts["batch"])
    description = f"{facts['rejected']} of {lines} rows of {facts['source_file']} rejected"
    if facts["rejected"]:
        examples = "; ".join(facts["rejected_examples"])
        description += f" ({share:.2%}): {examples}. All are in {path}; repair them there"
    return dg.AssetCheckResult(
        passed=facts["rejected"] == 0,
        severity=dg.AssetCheckSeverity.ERROR
        if config.REJECTED_SHARE.verdict(share) == "critical"
        else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "rejected": facts["rejected"],
            "share": share,
            "allowed_share": config.REJECTED_SHARE.critical,
        },
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def fraud_prevalence(raw_transactions: storage.Table) -> dg.AssetCheckResult:
    """The share of frauds is one that card data usually has."""
    facts = raw_transactions.facts
    share = facts["frauds"] / facts["rows"]
    low, high = config.FRAUD_PREVALENCE_RANGE
    target = facts["roles"]["target"]
    description = f"{facts['frauds']} frauds in {facts['rows']} rows ({share:.3%})"
    if not low <= share <= high:
        description = (
            f"{facts['source_file']}: column {target!r}: {description}, where {low:.2%} to "
            f"{high:.0%} is usual; check that 1 means fraud and that the labels are complete"
        )
    return dg.AssetCheckResult(
        passed=low <= share <= high,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"fraud_prevalence": share, "frauds": facts["frauds"]},
    )


@dg.asset_check(asset=ACCEPTED_BATCHES)
def landed_files() -> dg.AssetCheckResult:
    """Every file in the drop folder can be taken; the sensor looks, too, whenever one comes."""
    with open_ledger(storage.ledger_path()) as ledger:
        return landed_files_verdict(ledger.with_outcome(Outcome.refused))


def landed_files_verdict(refused: Sequence[Entry]) -> dg.AssetCheckResult:
    """Judge the files that were refused."""
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(entry.detail for entry in refused)
        or f"every file in {config.drop_folder()} can be taken",
        metadata={"refused": len(refused)},
    )
