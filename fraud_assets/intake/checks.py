"""Checks of landed files: contract, rejected rows, share of frauds, repeats and timestamps."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.config import environment, limits
from fraud_assets.intake.assets import raw_transactions
from fraud_assets.intake.landing.ledger import FileState, LedgerEntry, open_ledger
from fraud_assets.intake.partitions import batches
from fraud_assets.intake.quality import find_repeats, summarize_times
from fraud_assets.metadata import shown
from fraud_assets.store import paths, resources, tables
from fraud_assets.text import inert, named

AHEAD_OF_UTC = timedelta(hours=14)


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def schema_contract(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """Every column can be used, and there is a target; otherwise the batch stops here."""
    facts = raw_transactions.facts
    constant = [f"column {named(name)} is constant" for name in facts.constant_columns]
    return dg.AssetCheckResult(
        passed=not facts.problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join([*facts.problems, *constant]) or "every column meets the contract",
        metadata={"columns": dg.MetadataValue.json(facts.kinds)},
    )


@dg.asset_check(asset=raw_transactions, blocking=True, partitions_def=batches)
def rejected_rows(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """No row was rejected: any is a warning, and more than 1% of the file stops the batch."""
    facts = raw_transactions.facts
    lines = facts.rows + facts.rejected
    share = facts.rejected / lines
    path = paths.rejected_path(facts.batch)
    file = inert(facts.source_file)
    description = f"{facts.rejected} of {lines} rows of {file} rejected"
    if facts.rejected:
        faults = f": {'; '.join(facts.faults)}" if facts.faults else ""
        description += (
            f" ({share:.2%}){faults}. All are in {inert(path)}; correct them there, and drop that "
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
            "share": shown(share),
            "allowed_share": limits.REJECTED_SHARE.critical,
        },
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def fraud_prevalence(raw_transactions: tables.RawTable) -> dg.AssetCheckResult:
    """The share of frauds is in the usual range of card data."""
    facts = raw_transactions.facts
    share = facts.frauds / facts.rows
    low, high = limits.FRAUD_PREVALENCE_RANGE
    target = facts.roles.target
    description = f"{facts.frauds} frauds in {facts.rows} rows ({share:.3%})"
    if not low <= share <= high:
        description = (
            f"{inert(facts.source_file)}: column {named(target)}: {description}; "
            f"{low:.2%} to {high:.0%} is usual; check that 1 means fraud and that the labels are "
            "complete"
        )
    return dg.AssetCheckResult(
        passed=low <= share <= high,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"fraud_prevalence": shown(share), "frauds": facts.frauds},
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def unique_transactions(
    raw_transactions: tables.RawTable, engine: resources.Engine
) -> dg.AssetCheckResult:
    """No transaction ID occurs twice. Rows that are equal without an ID are only counted."""
    facts = raw_transactions.facts
    name = facts.roles.transaction_id
    with engine.connect("raw_transactions") as connection:
        repeats = find_repeats(connection, raw_transactions.path, list(facts.kinds), name)
    description = f"{repeats.rows} rows are equal to an earlier one; equal rows stay in one split"
    if repeats.ids:
        description = (
            f"{inert(facts.source_file)}: line {repeats.line}, column {named(name)}: the ID "
            f"of an earlier line; {repeats.ids} transaction IDs occur more than once; export each "
            f"transaction once. {description}"
        )
    return dg.AssetCheckResult(
        passed=not repeats.ids,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"repeated_ids": repeats.ids, "repeated_rows": repeats.rows},
    )


@dg.asset_check(asset=raw_transactions, partitions_def=batches)
def plausible_timestamps(
    raw_transactions: tables.RawTable, engine: resources.Engine
) -> dg.AssetCheckResult:
    """No transaction is in the future. The order of the rows does not matter."""
    facts = raw_transactions.facts
    name = facts.roles.timestamp
    if name is None or not facts.roles.real_time:
        return dg.AssetCheckResult(passed=True, description="the data has no dates")
    # Without a time zone in the file, its clock may be up to fourteen hours ahead of UTC.
    now = datetime.now(UTC).replace(tzinfo=None) + AHEAD_OF_UTC
    with engine.connect("raw_transactions") as connection:
        times = summarize_times(connection, raw_transactions.path, name, now)
    description = (
        f"from {times.first:%Y-%m-%d} to {times.last:%Y-%m-%d}, {times.backwards} rows out of order"
    )
    if times.future:
        description = (
            f"{inert(facts.source_file)}: line {times.line}, column {named(name)}: in the "
            f"future ({times.future} rows in total); check the year, the format and the time "
            "zone. "
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
    """Every file in the drop folder can be ingested; also evaluated when a file lands."""
    with open_ledger(paths.ledger_path()) as ledger:
        return landed_files_verdict(ledger.in_state(FileState.refused))


def landed_files_verdict(refused: Sequence[LedgerEntry]) -> dg.AssetCheckResult:
    """Return the result of `landed_files`.

    Parameters
    ----------
    refused : sequence of LedgerEntry
        The refused files; their details say why.

    Returns
    -------
    AssetCheckResult
        Passes when no file was refused.
    """
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(inert(entry.detail) for entry in refused)
        or f"every file in {environment.drop_folder()} can be ingested",
        metadata={"refused": len(refused)},
    )
