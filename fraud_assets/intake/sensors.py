"""`csv_landing`: a CSV in the drop folder becomes a batch and a run."""

from collections.abc import Sequence
from dataclasses import replace
from time import time

import dagster as dg

from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.config import environment, names, settings
from fraud_assets.intake.checks import landed_files, landed_files_verdict
from fraud_assets.intake.landing.ledger import Entry, Ledger, Outcome, open_ledger
from fraud_assets.intake.landing.planner import (
    Noticed,
    Past,
    PastStatus,
    Step,
    first_step,
    following_step,
    notice,
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

WAITING_SHOWN = 3


@dg.sensor(
    job_name=names.JOB_NAME,
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def csv_landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Take new and changed CSV files once they hold still; ask for one run at a time."""
    folder = environment.drop_folder()
    if not folder.is_dir():
        return dg.SkipReason(f"there is no drop folder {folder}; make it, or set FRAUD_DATA_DIR")
    with open_ledger(paths.ledger_path()) as ledger:
        noticed = notice(folder, ledger, settings.SETTLE_SECONDS, settings.FILES_PER_TICK)
        for entry in noticed.entries:
            context.log.info(f"{entry.name}: {entry.outcome} {entry.detail}")
        now = time()
        asked = settle(ledger, context.instance, now) or ask_for_next(ledger, context.instance, now)
        said = _quiet(ledger, noticed.unsettled)
        events = _events(ledger, noticed)
    return dg.SensorResult(
        run_requests=[_request(asked)] if asked else [],
        dynamic_partitions_requests=[batches.build_add_request([asked.batch])] if asked else [],
        asset_events=events,
        skip_reason=None if asked else said,
    )


def settle(ledger: Ledger, instance: dg.DagsterInstance, now: float) -> Entry | None:
    """Record the outcome of the runs that were asked for.

    The outcome of a file follows from its assets, in all runs that its run key names: a run that
    failed when all assets were there is done, and a failed file whose run was tried again, by
    Dagster or by a person, is looked at again.

    Parameters
    ----------
    ledger : Ledger
    instance : DagsterInstance
    now : float
        Seconds since 1970.

    Returns
    -------
    Entry or None
        A file whose run is to be requested: it was lost, or has died and gets another attempt.
        None also when another process is the one that requests it.
    """
    requested = None
    for entry in [*ledger.with_outcome(Outcome.running), *_tried_again(ledger, instance)]:
        runs = runs_of(instance, entry.batch)
        step = following_step(entry, runs, now)
        if step.run_id and step.outcome is not Outcome.done:
            step = _done_if_complete(instance, entry, step, runs)
        if entry.outcome is Outcome.failed and step.run_key != entry.run_key:
            continue
        if step.request and requested is not None:
            continue  # one run at a time: the next tick requests the other
        after = _enter(ledger, entry, step, now)
        if step.request:
            requested = after
    return requested


def _tried_again(ledger: Ledger, instance: dg.DagsterInstance) -> list[Entry]:
    """Return the failed files whose batch is among the latest runs."""
    failed = [entry for entry in ledger.with_outcome(Outcome.failed) if entry.run_key]
    latest = batches_of_latest_runs(instance) if failed else set()
    return [entry for entry in failed if entry.batch in latest]


def _done_if_complete(
    instance: dg.DagsterInstance, entry: Entry, step: Step, runs: Sequence[Past]
) -> Step:
    same = [run for run in runs if run.run_key == entry.run_key]
    if any(run.status in (PastStatus.created, PastStatus.active) for run in same):
        return step
    if is_complete(instance, [run.run_id for run in same]):
        return Step(Outcome.done, entry.run_key, same[0].run_id)
    return step


def ask_for_next(ledger: Ledger, instance: dg.DagsterInstance, now: float) -> Entry | None:
    """Return the oldest waiting file that needs a run; None while another run is not over.

    Parameters
    ----------
    ledger : Ledger
    instance : DagsterInstance
    now : float
        Seconds since 1970.
    """
    waiting = ledger.with_outcome(Outcome.waiting)
    if not waiting or ledger.with_outcome(Outcome.running) or is_busy(instance):
        return None
    for entry in waiting:
        step = first_step(entry, runs_of(instance, entry.batch))
        after = _enter(ledger, entry, step, now)
        if after is None or step.outcome is Outcome.running:
            return after if step.request else None
    return None


def _enter(ledger: Ledger, entry: Entry, step: Step, now: float) -> Entry | None:
    """Write what became of a file into the ledger; None when another process was faster."""
    after = replace(
        entry,
        outcome=step.outcome,
        run_key=step.run_key,
        detail=f"run {step.run_id}" if step.run_id else "",
        requested_at=now if step.request else entry.requested_at,
    )
    return after if ledger.replace_unchanged(entry, after) else None


def _request(entry: Entry) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=entry.run_key,
        partition_key=entry.batch,
        tags=run_tags(entry.name, entry.content_hash, entry.run_key),
    )


def _quiet(ledger: Ledger, unsettled: Sequence[str]) -> str:
    """Return why nothing was asked for."""
    running = [entry.name for entry in ledger.with_outcome(Outcome.running)]
    waiting = [entry.name for entry in ledger.with_outcome(Outcome.waiting)]
    said = []
    if unsettled:
        said.append(f"still being written: {some(unsettled, WAITING_SHOWN)}")
    if running:
        said.append(f"running: {some(running, WAITING_SHOWN)}")
    if waiting:
        said.append(f"waiting for their turn: {some(waiting, WAITING_SHOWN)}")
    return "; ".join(said) or f"nothing new in {environment.drop_folder()}"


def _events(
    ledger: Ledger, noticed: Noticed
) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Return what is to be seen on the page of `accepted_batches`."""
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for entry in noticed.entries:
        if entry.outcome is Outcome.duplicate:
            owner = ledger.owner_of(entry.content_hash, entry.batch)
            events.append(
                dg.AssetObservation(
                    ACCEPTED_BATCHES,
                    partition=owner.batch if owner else None,
                    description=inert(entry.detail),
                    metadata={"duplicate": entry.name, "content_hash": entry.content_hash},
                )
            )
    if noticed.entries or noticed.gone:
        verdict = landed_files_verdict(ledger.with_outcome(Outcome.refused))
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
