"""Checks on `registered_model`: the champion is there and decided, and no version waits."""

from collections.abc import Iterator
from itertools import islice

import dagster as dg

from fraud_assets.intake.partitions import batches
from fraud_assets.records.decisions import RegisteredModel
from fraud_assets.registry.assets import LOG_HASH, registered_model
from fraud_assets.store import paths
from fraud_assets.store.decision_log import (
    WAITING,
    last_decision,
    present_findings,
    read_entries,
)
from fraud_assets.text import inert, named
from fraud_assets.tracking import Tracking

PAGE = 100


@dg.asset_check(asset=registered_model, partitions_def=batches)
def champion_available(tracking: Tracking) -> dg.AssetCheckResult:
    """There is a champion to score transactions with."""
    champion = tracking.champion()
    if champion is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="no version is the champion: none has been promoted yet; read the reasons "
            "in the decision log, or promote one by hand",
        )
    return dg.AssetCheckResult(
        passed=True,
        description=f"version {champion.version}, trained for batch {named(champion.batch)}",
        metadata={"version": tracking.version_link(champion.version)},
    )


@dg.asset_check(asset=registered_model, partitions_def=batches)
def nothing_awaits_approval(registered_model: RegisteredModel) -> dg.AssetCheckResult:
    """The version of the batch does not wait for a person: it is neither held nor proposed."""
    version = registered_model.version
    last = last_decision(read_entries(paths.decisions_path()), version) or registered_model
    waits = last.outcome in WAITING
    return dg.AssetCheckResult(
        passed=not waits,
        severity=dg.AssetCheckSeverity.WARN,
        description=inert(f"version {version} is {last.outcome}: {last.reason}")
        if waits
        else f"version {version} does not wait: {last.outcome}",
    )


@dg.asset_check(asset=registered_model, partitions_def=batches)
def champion_is_decided(
    context: dg.AssetCheckExecutionContext, tracking: Tracking
) -> dg.AssetCheckResult:
    """The champion is the version that the decision log promoted last, and the log is intact."""
    log = paths.decisions_path()
    confirmed = dict(islice(_confirmations(context.instance), 1))
    findings = [
        *present_findings(log, tracking.champion_alias(), confirmed),
        *tracking.findings(),
    ]
    return dg.AssetCheckResult(
        passed=not findings,
        description="; ".join(findings) or "the alias is what was decided last; the log is intact",
        metadata={"decision_log": dg.MetadataValue.path(log)},
    )


def confirmed_hashes(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the hashes that the decision log had when runs confirmed their decisions.

    They are kept in Dagster's events, out of reach of whoever rewrites the log.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.

    Returns
    -------
    dict of str to str
        The run and its batch, by hash.

    See Also
    --------
    fraud_assets.registry.promotion.decide : makes the decisions.
    """
    return dict(_confirmations(instance))


def _confirmations(instance: dg.DagsterInstance) -> Iterator[tuple[str, str]]:
    """Yield what `confirmed_hashes` returns, the latest first."""
    cursor, more = None, True
    while more:
        page = instance.fetch_materializations(registered_model.key, limit=PAGE, cursor=cursor)
        cursor, more = page.cursor, page.has_more
        for record in page.records:
            event = record.asset_materialization
            # Anybody with access to the UI can report a materialization; only runs have a step.
            if record.event_log_entry.step_key and event and LOG_HASH in event.metadata:
                confirmed_by = f"run {record.run_id} of batch {event.partition!r}"
                yield str(event.metadata[LOG_HASH].value), confirmed_by
