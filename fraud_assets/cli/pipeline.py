"""`fraud-assets demo`: runs the pipeline for the files in the drop folder."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from fraud_assets.config import environment, names
from fraud_assets.config.settings import SimulationSettings
from fraud_assets.text import inert

if TYPE_CHECKING:
    import dagster as dg

    from fraud_assets.intake.landing.ledger import Ledger, LedgerEntry
    from fraud_assets.records.evaluation import EvaluationReport


@click.command()
def demo() -> None:
    """Run the whole pipeline for each CSV in the drop folder, and print the verdicts.

    Without a CSV, one is simulated first.
    """
    import dagster as dg

    from fraud_assets.intake.assets import write_first_csv
    from fraud_assets.intake.landing.drop_folder import list_files
    from fraud_assets.intake.landing.ledger import open_ledger
    from fraud_assets.intake.landing.planner import scan
    from fraud_assets.store import paths

    folder = environment.drop_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not list_files(folder):
        path = write_first_csv(SimulationSettings())
        click.echo(f"No CSV in {folder}, so {path.name} was simulated.")
    with dg.DagsterInstance.get() as instance, open_ledger(paths.ledger_path()) as ledger:
        unsettled = scan(folder, ledger, settle_seconds=0, limit=sys.maxsize).unsettled
        failed = _run_files(instance, ledger, set(list_files(folder)))
    for name in unsettled:
        click.echo(
            f"\n{inert(name)} is still being written; run this command again when it is complete"
        )
    click.echo(
        f"\nReports: {environment.home_folder() / 'reports'}\n"
        f"Next: `make dev`, open the Dagster UI, and drop another CSV into {folder}."
    )
    if failed:
        raise SystemExit(1)


def _run_files(instance: "dg.DagsterInstance", ledger: "Ledger", present: set[str]) -> list[str]:
    """Run the pipeline for the files in the drop folder, oldest first; return those that failed."""
    from fraud_assets.intake.landing.ledger import FileState

    failed = []
    for entry in sorted(ledger.entries().values(), key=lambda e: (e.modified_ns, e.name)):
        if entry.state in (FileState.refused, FileState.duplicate):
            click.echo(f"\n{inert(entry.detail)}")
            failed += [entry.name] if entry.state is FileState.refused else []
        elif entry.name in present:
            click.echo(f"\nBatch {inert(entry.batch)} ({entry.size / 1e6:.1f} MB)")
            updated = _run(instance, entry)
            ledger.put([updated])
            failed += [entry.name] if updated.state is FileState.failed else []
    return failed


def _run(instance: "dg.DagsterInstance", entry: "LedgerEntry") -> "LedgerEntry":
    """Run the pipeline for one file, printing its steps and checks; return its new ledger entry.

    The run has the tags that the sensor would give it, so that the sensor does not ingest the
    same content again.
    """
    from fraud_assets.definitions import defs
    from fraud_assets.intake.landing.ledger import FileState
    from fraud_assets.intake.landing.planner import new_run_key
    from fraud_assets.intake.landing.runs import run_tags, runs_of
    from fraud_assets.intake.partitions import batches

    batch, run_id = entry.batch, str(uuid4())
    run_key = new_run_key(batch, entry.content_hash, runs_of(instance, batch))
    instance.add_dynamic_partitions(str(batches.name), [batch])
    instance.add_event_listener(run_id, _print_event)
    result = defs.resolve_job_def(names.JOB_NAME).execute_in_process(
        instance=instance,
        partition_key=batch,
        run_id=run_id,
        raise_on_error=False,
        tags=run_tags(entry.name, entry.content_hash, run_key),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    materialized = [
        event.asset_key.to_user_string()
        for event in result.all_events
        if event.is_step_materialization and event.step_key and event.asset_key
    ]
    failing = [
        check.check_name for check in result.get_asset_check_evaluations() if not check.passed
    ]
    _print_verdict(batch, result.success, materialized, failing)
    state = FileState.done if result.success else FileState.failed
    return replace(entry, state=state, run_key=run_key, detail=f"run {run_id}")


def _print_event(entry: "dg.EventLogEntry") -> None:
    """Print a line for a materialization, a check or a failed step; nothing for other events."""
    import dagster as dg

    event = entry.dagster_event
    if event is None:
        return
    if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
        if event.step_key:
            click.echo(f"  done  {event.asset_key.to_user_string() if event.asset_key else ''}")
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        mark = "pass" if check.passed else check.severity.value.lower()
        name = f"{check.asset_key.to_user_string()}.{check.check_name}"
        click.echo(f"  {mark:>5} {name}: {check.description}")
    elif event.is_step_failure and event.step_failure_data.error is not None:
        error = event.step_failure_data.error
        click.echo(f"  fail  {event.step_key}: {(error.cause or error).message.strip()}")


def _print_verdict(batch: str, success: bool, materialized: list[str], failing: list[str]) -> None:
    from fraud_assets.records.decisions import RegisteredModel
    from fraud_assets.records.evaluation import EvaluationReport
    from fraud_assets.records.scoring import ScoredBatch, ScoredTransactions, UnscoredBatch
    from fraud_assets.store import paths
    from fraud_assets.store.reports import find_report

    folder = paths.report_folder(batch)
    if not success:
        kept = ", ".join(materialized) or "nothing"
        click.echo(f"  Verdict: stopped; see what failed above. Batch {batch} wrote: {kept}.")
        return
    report, decision = find_report(EvaluationReport, batch), find_report(RegisteredModel, batch)
    assert report is not None
    assert decision is not None
    metrics, (low, high) = report.metrics, report.intervals["test_fraud_recall"]
    click.echo(
        f"  Verdict: {_verdict(report, failing)}. {metrics['frauds_detected_count']} of "
        f"{report.test.frauds} test frauds caught "
        f"(recall {metrics['test_fraud_recall']:.2f}, "
        f"95% interval {low:.2f} to {high:.2f}), "
        f"{metrics['frauds_missed_count']} missed, {metrics['false_alarms_count']} false alarms, "
        f"net savings {metrics['net_savings']:,.2f}."
    )
    click.echo(f"  Decision: {decision.outcome} version {decision.version}: {decision.reason}.")
    scored = find_report(ScoredTransactions, batch)
    if isinstance(scored, ScoredBatch):
        click.echo(
            f"  Worklist: {scored.worklist_entries} entries by champion version "
            f"{scored.champion}: {folder / 'worklist.csv'}"
        )
    elif isinstance(scored, UnscoredBatch):
        click.echo(f"  Worklist: {scored.not_scored}")


def _verdict(report: "EvaluationReport", failing: list[str]) -> str:
    """Return the worst verdict of all checks and the checks that give it.

    A failing check without limits of good, watch and critical counts as watch.
    """
    from fraud_assets.evaluation.verdicts import checks_at_fault, worst_verdict

    verdict, at_fault = worst_verdict(report), checks_at_fault(report)
    if verdict != "critical" and failing:
        verdict, at_fault = "watch", list(dict.fromkeys([*at_fault, *failing]))
    return f"{verdict} ({', '.join(at_fault)})" if at_fault else verdict
