"""The sensor `csv_landing`: turns each CSV in the drop folder into a batch and requests its run."""

from collections.abc import Sequence
from dataclasses import replace
from time import time

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.config import environment, names, settings
from fraud_assets.intake.checks import landed_files, landed_files_verdict
from fraud_assets.intake.landing.ledger import FileState, Ledger, LedgerEntry, open_ledger
from fraud_assets.intake.landing.planner import (
    FilePlan,
    RecordedRun,
    RunState,
    Scan,
    plan_running,
    plan_waiting,
    scan,
)
from fraud_assets.intake.landing.runs import (
    batches_of_latest_runs,
    is_busy,
    is_complete,
    run_tags,
    runs_of,
)
from fraud_assets.intake.partitions import batches
from fraud_assets.store import paths
from fraud_assets.text import inert, some

NAMES_SHOWN = 3
"""File names listed in the reason of a skipped tick, for each kind."""


@dg.sensor(
    job_name=names.JOB_NAME,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def csv_landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ingest new and changed CSV files once they are completely written, one run at a time."""
    folder = environment.drop_folder()
    if not folder.is_dir():
        return dg.SkipReason(
            f"the drop folder {folder} does not exist; create it, or set FRAUD_DATA_DIR"
        )
    with open_ledger(paths.ledger_path()) as ledger:
        result = scan(folder, ledger, settings.SETTLE_SECONDS, settings.FILES_PER_TICK)
        for entry in result.entries:
            context.log.info(f"{entry.name}: {entry.state} {entry.detail}")
        now = time()
        requested = update_from_runs(ledger, context.instance, now)
        requested = requested or request_next(ledger, context.instance, now)
        skip_reason = _skip_reason(ledger, result.unsettled)
        events = _events(ledger, result)
    new_batches = [batches.build_add_request([requested.batch])] if requested else []
    return dg.SensorResult(
        run_requests=[_run_request(requested)] if requested else [],
        dynamic_partitions_requests=new_batches,
        asset_events=events,
        skip_reason=None if requested else skip_reason,
    )


def update_from_runs(
    ledger: Ledger, instance: dg.DagsterInstance, now: float
) -> LedgerEntry | None:
    """Update the state of files whose runs were requested.

    A file is done when all assets of its run and of the retries of that run are materialized,
    even if the run failed. A failed file is updated again when its run was retried, by Dagster or
    by a person.

    Parameters
    ----------
    ledger : Ledger
        Updated in place.
    instance : DagsterInstance
        Instance whose runs are read.
    now : float
        Current time, in seconds since 1970.

    Returns
    -------
    LedgerEntry or None
        A file whose run is to be requested, because it was lost or because its process died;
        None when there is none, or when another process requests it.

    See Also
    --------
    request_next : Requests the run of a waiting file.
    """
    requested = None
    for entry in [*ledger.in_state(FileState.running), *_retried(ledger, instance)]:
        runs = runs_of(instance, entry.batch)
        plan = plan_running(entry, runs, now)
        if plan.run_id and plan.state is not FileState.done:
            plan = _done_if_complete(instance, entry, plan, runs)
        if entry.state is FileState.failed and plan.run_key != entry.run_key:
            continue
        if plan.request and requested is not None:
            continue  # one request per tick: the next tick requests this one
        updated = _update(ledger, entry, plan, now)
        if plan.request:
            requested = updated
    return requested


def _retried(ledger: Ledger, instance: dg.DagsterInstance) -> list[LedgerEntry]:
    """Return the failed files whose batch is among those of the latest runs."""
    failed = [entry for entry in ledger.in_state(FileState.failed) if entry.run_key]
    latest = batches_of_latest_runs(instance) if failed else set()
    return [entry for entry in failed if entry.batch in latest]


def _done_if_complete(
    instance: dg.DagsterInstance, entry: LedgerEntry, plan: FilePlan, runs: Sequence[RecordedRun]
) -> FilePlan:
    same = [run for run in runs if run.run_key == entry.run_key]
    if any(run.state in (RunState.created, RunState.active) for run in same):
        return plan
    if is_complete(instance, [run.run_id for run in same]):
        return FilePlan(FileState.done, entry.run_key, same[0].run_id)
    return plan


def request_next(ledger: Ledger, instance: dg.DagsterInstance, now: float) -> LedgerEntry | None:
    """Choose the oldest waiting file that needs a run, and mark it as running.

    Waiting files whose content was already ingested take the state of that run.

    Parameters
    ----------
    ledger : Ledger
        Updated in place.
    instance : DagsterInstance
        Instance whose runs are read.
    now : float
        Current time, in seconds since 1970.

    Returns
    -------
    LedgerEntry or None
        The file whose run is to be requested; None when no file needs a run, while another run
        of the pipeline has not finished, or when another process requests it.

    See Also
    --------
    update_from_runs : Updates files whose runs were requested.
    """
    waiting = ledger.in_state(FileState.waiting)
    if not waiting or ledger.in_state(FileState.running) or is_busy(instance):
        return None
    for entry in waiting:
        plan = plan_waiting(entry, runs_of(instance, entry.batch))
        updated = _update(ledger, entry, plan, now)
        if updated is None or plan.state is FileState.running:
            return updated if plan.request else None
    return None


def _update(ledger: Ledger, entry: LedgerEntry, plan: FilePlan, now: float) -> LedgerEntry | None:
    """Carry out a plan in the ledger; None when another process has changed the entry."""
    updated = replace(
        entry,
        state=plan.state,
        run_key=plan.run_key,
        detail=f"run {plan.run_id}" if plan.run_id else "",
        requested_at=now if plan.request else entry.requested_at,
    )
    return updated if ledger.replace_unchanged(entry, updated) else None


def _run_request(entry: LedgerEntry) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=entry.run_key,
        partition_key=entry.batch,
        tags=run_tags(entry.name, entry.content_hash, entry.run_key),
    )


def _skip_reason(ledger: Ledger, unsettled: Sequence[str]) -> str:
    """Return why no run is requested."""
    names_by_reason = {
        "still being written": unsettled,
        "running": [entry.name for entry in ledger.in_state(FileState.running)],
        "waiting": [entry.name for entry in ledger.in_state(FileState.waiting)],
    }
    reasons = [
        f"{reason}: {some(names, NAMES_SHOWN)}"
        for reason, names in names_by_reason.items()
        if names
    ]
    return "; ".join(reasons) or f"no new files in {environment.drop_folder()}"


def _events(ledger: Ledger, result: Scan) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Return the events to show on the page of the asset `accepted_batches`."""
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for entry in result.entries:
        if entry.state is FileState.duplicate:
            owner = ledger.owner_of(entry.content_hash, entry.batch)
            events.append(
                dg.AssetObservation(
                    ACCEPTED_BATCHES,
                    partition=owner.batch if owner else None,
                    description=inert(entry.detail),
                    metadata={"duplicate": entry.name, "content_hash": entry.content_hash},
                )
            )
    if result.entries or result.gone:
        verdict = landed_files_verdict(ledger.in_state(FileState.refused))
        events.append(
            dg.AssetCheckEvaluation(
                asset_key=ACCEPTED_BATCHES,
                check_name=landed_files.check_key.name,
                passed=verdict.passed,
                severity=verdict.severity,
                description=verdict.description,
            )
        )
    return events
