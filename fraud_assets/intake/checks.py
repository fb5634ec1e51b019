"""Checks on what landed: the files, the contract, the rejected rows, the share of frauds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.config import environment, limits
from fraud_assets.intake.assets import raw_transactions
from fraud_assets.intake.landing.ledger import FileState, LedgerEntry, open_ledger
from fraud_assets.intake.partitions import batches
from fraud_assets.intake.quality import find_repeats, summarize_times
from fraud_assets.store import paths, resources, tables
from fraud_assets.text import inert, named

AHEAD_OF_UTC = timedelta(hours=14)


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def schema_contract(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """Every column can be used, and the target is there: otherwise the batch stops here."""
    facts = raw_transactions.facts
    constant = [f"column {named(name)} is constant" for name in facts.constant_columns]
    return dg.AssetCheckResult(
        passed=not facts.problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join([*facts.problems, *constant]) or "every column fits the contract",
        metadata={"columns": dg.MetadataValue.json(facts.kinds)},
    )


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def rejected_rows(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """Rejected rows are a warning; over 1% of the file, the batch stops here."""
    facts = raw_transactions.facts
    lines = facts.rows + facts.rejected
    share = facts.rejected / lines
    path = paths.rejected_path(facts.batch)
    file = inert(facts.source_file)
    description = f"{facts.rejected} of {lines} rows of {file} rejected"
    if facts.rejected:
        faults = f": {'; '.join(facts.faults)}" if facts.faults else ""
        description += (
            f" ({share:.2%}){faults}. All are in {inert(path)}; repair them there, and drop that "
            "file under the name of its batch"
        )
    return dg.AssetCheckResult(
        passed=facts.rejected == 0,
        severity=dg.AssetCheckSeverity.ERROR
        if limits.REJECTED_SHARE.verdict(share) == "critical"
        else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "rejected": facts.rejected,
            "share": share,
            "allowed_share": limits.REJECTED_SHARE.critical,
        },
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def fraud_prevalence(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """The share of frauds is one that card data usually has."""
    facts = raw_transactions.facts
    share = facts.frauds / facts.rows
    low, high = limits.FRAUD_PREVALENCE_RANGE
    target = facts.roles.target
    description = f"{facts.frauds} frauds in {facts.rows} rows ({share:.3%})"
    if not low <= share <= high:
        description = (
            f"{inert(facts.source_file)}: column {named(target)}: {description}, where "
            f"{low:.2%} to {high:.0%} is usual; check that 1 means fraud and that the labels are "
            "complete"
        )
    return dg.AssetCheckResult(
        passed=low <= share <= high,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"fraud_prevalence": share, "frauds": facts.frauds},
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def unique_transactions(
    raw_transactions: tables.RawTable, engine: resources.Engine
) -> dg.AssetCheckResult:
    """No transaction id stands at two rows. Equal rows without an id are counted only."""
    facts = raw_transactions.facts
    name = facts.roles.transaction_id
    with engine.connect("raw_transactions") as connection:
        found = find_repeats(connection, raw_transactions.path, list(facts.kinds), name)
    description = f"{found.rows} rows are equal to an earlier one; they stay in one split"
    if found.ids:
        description = (
            f"{inert(facts.source_file)}: line {found.line}, column {named(name)}: an id that "
            f"an earlier line has; {found.ids} transaction ids stand at several rows; export each "
            f"transaction once. {description}"
        )
    return dg.AssetCheckResult(
        passed=not found.ids,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"repeated_ids": found.ids, "repeated_rows": found.rows},
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def plausible_timestamps(
    raw_transactions: tables.RawTable, engine: resources.Engine
) -> dg.AssetCheckResult:
    """No transaction is later than now. Their order in the file does not matter."""
    facts = raw_transactions.facts
    name = facts.roles.timestamp
    if name is None or not facts.roles.real_time:
        return dg.AssetCheckResult(passed=True, description="there are no dates to look at")
    # Where the file says no zone, its clock may be up to fourteen hours ahead of UTC.
    now = datetime.now(UTC).replace(tzinfo=None) + AHEAD_OF_UTC
    with engine.connect("raw_transactions") as connection:
        times = summarize_times(connection, raw_transactions.path, name, now)
    description = (
        f"from {times.first:%Y-%m-%d} to {times.last:%Y-%m-%d}, {times.backwards} rows out of order"
    )
    if times.future:
        description = (
            f"{inert(facts.source_file)}: line {times.line}, column {named(name)}: in the "
            f"future, as {times.future} rows are; check the year, the format and the zone. "
            f"{description}"
        )
    return dg.AssetCheckResult(
        passed=not times.future,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"rows_in_the_future": times.future, "rows_out_of_order": times.backwards},
    )


@dg.asset_check(asset=ACCEPTED_BATCHES)
def landed_files() -> dg.AssetCheckResult:
    """Every file in the drop folder can be taken; the sensor looks, too, whenever one comes."""
    with open_ledger(paths.ledger_path()) as ledger:
        return landed_files_verdict(ledger.in_state(FileState.refused))


def landed_files_verdict(refused: Sequence[LedgerEntry]) -> dg.AssetCheckResult:
    """Judge the files that were refused."""
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(inert(entry.detail) for entry in refused)
        or f"every file in {environment.drop_folder()} can be taken",
        metadata={"refused": len(refused)},
    )
