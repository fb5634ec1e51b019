"""The command `fraud-assets`: what a person does outside the Dagster UI."""

import os
import sys
from dataclasses import replace
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from fraud_assets.config import environment, names
from fraud_assets.config.settings import SimulationSettings, SimulationShape
from fraud_assets.store.files import SHARED, private_files, whole_file
from fraud_assets.text import inert, named

if TYPE_CHECKING:
    from datetime import datetime

    import dagster as dg

    from fraud_assets.intake.landing.ledger import Entry

DEFAULTS = SimulationSettings()


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Fraud detection from CSV to verdict."""
    context.with_resource(private_files())


@main.command()
def demo() -> None:
    """Take each CSV in the drop folder through the whole graph, and print the verdict.

    Without a CSV, one is simulated first.
    """
    import dagster as dg

    from fraud_assets.intake.assets import write_first_csv
    from fraud_assets.intake.landing.drop_folder import look
    from fraud_assets.intake.landing.ledger import Outcome, open_ledger
    from fraud_assets.intake.landing.planner import notice
    from fraud_assets.store import paths

    folder = environment.drop_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not look(folder):
        path = write_first_csv(DEFAULTS)
        click.echo(f"No CSV in {folder}, so {path.name} was simulated.")
    failed = []
    with dg.DagsterInstance.get() as instance, open_ledger(paths.ledger_path()) as ledger:
        unsettled = notice(folder, ledger, settle_seconds=0, limit=sys.maxsize).unsettled
        present = look(folder)
        for entry in sorted(ledger.entries().values(), key=lambda e: (e.modified_ns, e.name)):
            if entry.outcome in (Outcome.refused, Outcome.duplicate):
                click.echo(f"\n{inert(entry.detail)}")
                failed += [entry.name] if entry.outcome is Outcome.refused else []
            elif entry.name in present:
                click.echo(f"\nBatch {inert(entry.batch)} ({entry.size / 1e6:.1f} MB)")
                after = _run(instance, entry)
                ledger.put([after])
                failed += [entry.name] if after.outcome is Outcome.failed else []
        for name in unsettled:
            click.echo(f"\n{inert(name)} is still being written; once it is whole, run this again")
    click.echo(
        f"\nReports: {environment.home_folder() / 'reports'}\n"
        "Next: `make dev`, open the Dagster UI, and drop another CSV into "
        f"{folder}."
    )
    if failed:
        raise SystemExit(1)


def _run(instance: "dg.DagsterInstance", entry: "Entry") -> "Entry":
    """Run the pipeline for one file, telling each step and check; return what became of it.

    The run carries the tags that the sensor would give it, so that the sensor does not take
    the same content again.
    """
    from fraud_assets.definitions import defs
    from fraud_assets.intake.landing.ledger import Outcome
    from fraud_assets.intake.landing.planner import new_run_key
    from fraud_assets.intake.landing.runs import run_tags, runs_of
    from fraud_assets.intake.partitions import batches

    batch, run_id = entry.batch, str(uuid4())
    run_key = new_run_key(batch, entry.content_hash, runs_of(instance, batch))
    instance.add_dynamic_partitions(str(batches.name), [batch])
    instance.add_event_listener(run_id, _tell)
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
    _print_verdict(batch, result.success, materialized)
    outcome = Outcome.done if result.success else Outcome.failed
    return replace(entry, outcome=outcome, run_key=run_key, detail=f"run {run_id}")


def _tell(entry: "dg.EventLogEntry") -> None:
    """Print what an event of the run means to a person."""
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


def _print_verdict(batch: str, success: bool, materialized: list[str]) -> None:
    import json

    from fraud_assets.evaluation.report import worst_verdict
    from fraud_assets.records.scoring import ScoredBatch, ScoredTransactions, UnscoredBatch
    from fraud_assets.store import paths
    from fraud_assets.store.reports import find_report

    folder = paths.report_folder(batch)
    if not success:
        kept = ", ".join(materialized) or "nothing"
        click.echo(f"  Verdict: stopped; see what failed above. Batch {batch} wrote: {kept}.")
        return
    report = json.loads((folder / "evaluation_report.json").read_text())
    decision = json.loads((folder / "registered_model.json").read_text())
    metrics, intervals = report["metrics"], report["intervals"]["test_fraud_recall"]
    click.echo(
        f"  Verdict: {worst_verdict(report)}. {metrics['frauds_detected_count']} of "
        f"{report['test']['frauds']} test frauds caught "
        f"(recall {metrics['test_fraud_recall']:.2f}, "
        f"95% interval {intervals[0]:.2f} to {intervals[1]:.2f}), "
        f"{metrics['frauds_missed_count']} missed, {metrics['false_alarms_count']} false alarms, "
        f"net savings {metrics['net_savings']:,.2f}."
    )
    click.echo(
        f"  Decision: {decision['outcome']} version {decision['version']}: {decision['reason']}."
    )
    scored = find_report(ScoredTransactions, batch)
    if isinstance(scored, ScoredBatch):
        click.echo(
            f"  Worklist: {scored.worklist_entries} entries by champion version "
            f"{scored.champion}: {folder / 'worklist.csv'}"
        )
    elif isinstance(scored, UnscoredBatch):
        click.echo(f"  Worklist: {scored.not_scored}")


@main.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--shape", type=click.Choice([s.value for s in SimulationShape]), default=DEFAULTS.shape.value
)
@click.option("--transactions", default=DEFAULTS.transactions, show_default=True)
@click.option("--fraud-rate", default=DEFAULTS.fraud_rate, show_default=True)
@click.option("--days", default=DEFAULTS.days, show_default=True)
@click.option("--first-day", default=DEFAULTS.first_day, show_default=True)
@click.option("--drift", default=DEFAULTS.drift, show_default=True, help="0 to 1.")
@click.option("--seed", default=DEFAULTS.seed, show_default=True)
def simulate(path: Path, **settings: Any) -> None:
    """Write simulated transactions to the CSV file PATH, which must not exist."""
    from fraud_assets.intake.simulator import simulate as simulated
    from fraud_assets.intake.simulator import write_csv

    try:
        write_csv(simulated(SimulationSettings(**settings)), path)
    except (FileExistsError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {path} ({os.path.getsize(path) / 1e6:.1f} MB)")


@main.command()
@click.argument("version")
@click.option("--reason", required=True, help="Kept in the decision log.")
@click.option("--actor", default=getuser, help="Who decides, for the log. Default: your login.")
def champion(version: str, reason: str, actor: str) -> None:
    """Make VERSION of the model the champion by hand: an earlier one again, or a shadow."""
    from fraud_assets.registry.manual_promotion import put_in_charge
    from fraud_assets.store import paths
    from fraud_assets.tracking import Tracking

    try:
        entry = put_in_charge(Tracking(), paths.decisions_path(), version, reason, actor)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"version {entry['version']} is the champion (before: {entry['champion_before']})")


@main.command()
def audit() -> None:
    """Check the decision log: its chain of hashes, the champion's files, and what runs confirmed.

    Exits with 1 when something contradicts the log.
    """
    import dagster as dg

    from fraud_assets.registry.checks import confirmed_hashes
    from fraud_assets.store import paths
    from fraud_assets.store.append_only import is_protected
    from fraud_assets.store.decision_log import audit as audited
    from fraud_assets.tracking import Tracking

    tracking = Tracking()
    champion = tracking.champion_alias()
    with dg.DagsterInstance.get() as instance:
        found = audited(paths.decisions_path(), champion, confirmed_hashes(instance))
    findings = [*found.findings, *tracking.findings()]
    for finding in findings:
        click.echo(f"FAIL  {finding}")
    if not is_protected(paths.decisions_path()):
        click.echo("note  the file system lets runs rewrite the log; see docs/security.md")
    for note in found.notes:
        click.echo(f"note  {note}")
    click.echo(f"{found.entries} entries, {found.chained} of them chained, champion: {champion}")
    if findings:
        raise SystemExit(1)


@main.command()
@click.option("--off", is_flag=True, help="Let it be rewritten again, before a restore.")
def protect_log(off: bool) -> None:
    """Let the kernel keep every process from rewriting the decision log; appending goes on.

    Takes root with the capability LINUX_IMMUTABLE. Where the file system cannot do it, this says
    so and changes nothing.
    """
    from fraud_assets.store import append_only, paths

    log = paths.decisions_path()
    try:
        append_only.protect_log(log, on=not off)
    except OSError as error:
        click.echo(
            f"{log} is not protected ({error.strerror}); `fraud-assets audit` still checks it"
        )
        return
    click.echo(f"{log} {'can be rewritten' if off else 'can only be appended to'}")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9101, show_default=True)
def exporter(host: str, port: int) -> None:
    """Serve metrics of runs, checks, daemons, sensors, files and champion to Prometheus."""
    import threading

    import dagster as dg

    from fraud_assets.definitions import defs
    from fraud_assets.monitoring.collectors import parts
    from fraud_assets.monitoring.exporter import Exporter, serve
    from fraud_assets.tracking import Tracking

    def report(part: str, error: Exception) -> None:
        click.echo(f"{part} cannot be read: {type(error).__name__}: {error}", err=True)

    with dg.DagsterInstance.get() as instance:
        graph = defs.resolve_asset_graph()
        read = parts(instance, Tracking(), graph, [names.JOB_NAME], names.CODE_LOCATION)
        serve(Exporter(read, report), host, port)
        click.echo(f"metrics on http://{host}:{port}/metrics")
        threading.Event().wait()


PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}
"""Settings of commands that hand all arguments to one of Dagster's."""


@main.command(context_settings=PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def webserver(arguments: tuple[str, ...]) -> None:
    """Serve the Dagster UI, guarded against other sites; takes what `dagster-webserver` takes."""
    from fraud_assets.access.webserver import run_webserver

    run_webserver(arguments)


@main.command(context_settings=PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def code_server(arguments: tuple[str, ...]) -> None:
    """Serve the definitions to Dagster and start its runs; takes what `dagster api grpc` takes."""
    from fraud_assets.platform.code_server import run_code_server

    run_code_server(arguments)


ACCOUNTS = click.option(
    "--accounts",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="FRAUD_ACCOUNTS",
    default="accounts.json",
    show_default=True,
    help="The file of accounts.",
)


@main.command()
@ACCOUNTS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9292, show_default=True)
def identity(path: Path, host: str, port: int) -> None:
    """Answer the proxy who somebody is, from the local accounts.

    `FRAUD_PASSWORD_HASH` is the password of the first administrator, `fraud`.
    """
    import uvicorn

    from fraud_assets.access.accounts import Account, Role
    from fraud_assets.access.identity import Identity, identity_app, local_accounts
    from fraud_assets.platform.secrets import USER

    hashed = os.environ.get("FRAUD_PASSWORD_HASH")
    first = {USER: Account(role=Role.admin, password_hash=hashed)} if hashed else {}
    app = identity_app(Identity(local_accounts(path, first)), click.echo)
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


@main.group()
def account() -> None:
    """Add, change, list and remove local accounts."""


@account.command("put")
@click.argument("login")
@click.option("--role", type=click.Choice(["viewer", "analyst", "operator", "admin"]))
@click.option("--password", is_flag=True, help="Ask for a new password; always, for a new account.")
@ACCOUNTS
def put_account(login: str, role: str | None, password: bool, path: Path) -> None:
    """Add the account LOGIN, or change its role or password."""
    from fraud_assets.access import accounts

    try:
        new = login not in accounts.read_accounts(path)
        typed = (
            click.prompt("Password", hide_input=True, confirmation_prompt=True)
            if new or password
            else None
        )
        accounts.put_account(path, login, accounts.Role(role) if role else None, typed)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{login}: saved in {path}; it counts within a minute")


@account.command("remove")
@click.argument("login")
@ACCOUNTS
def remove_account(login: str, path: Path) -> None:
    """Remove the account LOGIN."""
    from fraud_assets.access import accounts

    try:
        accounts.remove_account(path, login)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{login}: removed from {path}")


@account.command("list")
@ACCOUNTS
def list_accounts(path: Path) -> None:
    """List the accounts with their roles."""
    from fraud_assets.access import accounts

    try:
        found = accounts.read_accounts(path)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for login, known in sorted(found.items()):
        click.echo(f"{known.role:<9} {login}")
    click.echo(f"{len(found)} accounts in {path}")


@main.command()
def rules() -> None:
    """Print the Prometheus rules, `prometheus/rules.yml`."""
    from fraud_assets.monitoring.rules import rules_text

    click.echo(rules_text(), nl=False)


@main.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
def alertmanager(output: Path | None) -> None:
    """Print `alertmanager.yml` for the receivers that are set by FRAUD_ALERT_* variables."""
    from fraud_assets.monitoring.receivers import alertmanager_text
    from fraud_assets.store.files import write_atomically

    try:
        text = alertmanager_text()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if output is None:
        click.echo(text, nl=False)
    else:
        # Alertmanager, which reads it, has an account of its own.
        write_atomically(output, text, SHARED)


@main.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=".env")
def secrets(path: Path) -> None:
    """Write the passwords of the full stack that PATH lacks; what is there stays."""
    from fraud_assets.platform.secrets import USER, write_secrets

    new = write_secrets(path)
    if "FRAUD_PASSWORD" in new:
        click.echo(f"{path}: log in as {USER} with the FRAUD_PASSWORD in it")
    elif new:
        click.echo(f"{path}: added {', '.join(new)}; the others stay, the databases know them")
    else:
        click.echo(f"{path} has every secret and was kept: the databases know them")


@main.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=".env")
def kubernetes_secrets(path: Path) -> None:
    """Print the secrets of PATH that pods need, for `kubectl apply --filename -`."""
    from fraud_assets.platform.secrets import kubernetes_secrets as needed

    try:
        click.echo(needed(path), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("database")
@click.option("--password", envvar="MLFLOW_AUTH_ADMIN_PASSWORD", required=True)
@click.option("--reader-password", envvar="MLFLOW_READER_PASSWORD", required=True)
def mlflow_login(database: str, password: str, reader_password: str) -> None:
    """Migrate MLflow's accounts in DATABASE, and set the passwords of ours."""
    from fraud_assets.platform.secrets import USER, set_mlflow_logins

    there = set_mlflow_logins(database, password, reader_password)
    click.echo(f"{USER}: password set" if there else f"{USER}: MLflow makes it when it starts")


@main.command()
def wake() -> None:
    """Let sensors go on that stand still because a clock was ahead."""
    import dagster as dg

    from fraud_assets.platform.instance import wake_sensors

    with dg.DagsterInstance.get() as instance:
        woken = wake_sensors(instance)
    click.echo(f"woken: {', '.join(woken)}" if woken else "no sensor's last tick is in the future")


@main.command()
@click.option("--days", default=30, show_default=True, help="Older events and logs are removed.")
@click.option(
    "--batch-days",
    type=click.IntRange(1),
    envvar="FRAUD_KEEP_BATCH_DAYS",
    help="Batches without a run for so long are removed whole. Default: none is.",
)
@click.option("--every-hours", type=float, help="Go on, and do it again after so many hours.")
@click.option("--actor", default=getuser, help="Who asks, for the log. Default: your login.")
@click.option("--done-file", type=click.Path(path_type=Path), help="Touched when it was done.")
def prune(
    days: int,
    batch_days: int | None,
    every_hours: float | None,
    actor: str,
    done_file: Path | None,
) -> None:
    """Remove old events of steps, lines of logs and output of runs, and old batches if asked to.

    Verdicts and runs of the other batches stay, and so do the CSV files in the drop folder.
    """
    import time
    from datetime import UTC, datetime, timedelta

    import dagster as dg

    from fraud_assets.platform.retention import prune as pruned

    while True:
        now = datetime.now(UTC)
        with dg.DagsterInstance.get() as instance:
            found = pruned(instance, now - timedelta(days=days))
            click.echo(f"removed {found.events:,} events and the output of {found.logs:,} runs")
            if batch_days is not None:
                _expire_batches(instance, now - timedelta(days=batch_days), actor)
        if done_file is not None:
            done_file.touch()
        if every_hours is None:
            return
        time.sleep(every_hours * 3600)


def _expire_batches(instance: "dg.DagsterInstance", before: "datetime", actor: str) -> None:
    from fraud_assets.privacy.expiry import STAYS, expire, expired_batches
    from fraud_assets.tracking import Tracking

    try:
        removed = expire(instance, Tracking(), expired_batches(instance, before), actor)
        for gone in removed:
            click.echo(
                f"removed batch {gone.batch!r}: tables, reports, rejected rows, {gone.runs} runs, "
                f"{len(gone.versions)} model versions, {gone.tracked} MLflow runs beside"
                + "".join(f", {name}" for name in gone.metrics)
            )
            if gone.kept:
                click.echo(f"  stays: model versions {', '.join(gone.kept)}, as in the log")
            for name in gone.in_ledger:
                click.echo(
                    f"  stays: {inert(name)} in the ledger, so that it is not taken again; remove "
                    "the file from the drop folder yourself"
                )
        for text in STAYS if removed else ():
            click.echo(f"stays: {text}")
    except RuntimeError as error:
        click.echo(str(error), err=True)


@main.command()
@click.option("--card", required=True, help="As the CSV has it, or the token that lists show.")
@click.option("--actor", default=getuser, help="Who asks, for the log. Default: your login.")
def forget(card: str, actor: str) -> None:
    """Take one card or customer out of tables, lists, rejected rows and suppressions.

    Says what was removed where, and what stays and why.
    """
    import dagster as dg

    from fraud_assets.privacy.forget import forget as forgotten
    from fraud_assets.store.resources import Engine

    try:
        with dg.DagsterInstance.get() as instance:
            found = forgotten(instance, Engine(), card, actor)
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for one in found.batches:
        click.echo(f"batch {one.batch!r}: {one.rows} rows removed")
        for path, count in one.files.items():
            click.echo(f"  {count} rows removed from {path}")
        for text in one.stays:
            click.echo(f"  stays: {text}")
        if one.still_in:
            click.echo(f"  stays: {one.still_in}; remove the lines, or the file, yourself")
    if found.suppressions:
        click.echo(f"{found.suppressions} suppressions removed")
    rows = sum(one.rows for one in found.batches)
    click.echo(f"{rows} rows of {len(found.batches)} batches")
    for text in found.stays:
        click.echo(f"stays: {text}")


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def dashboards(folder: Path) -> None:
    """Write the Grafana dashboards into FOLDER, `grafana/dashboards`."""
    from fraud_assets.monitoring.dashboards import dashboards as made

    folder.mkdir(parents=True, exist_ok=True)
    for uid, text in made().items():
        # Grafana has an account of its own, too.
        with whole_file(folder / f"{uid}.json", SHARED) as file:
            file.write(text.encode())
        click.echo(folder / f"{uid}.json")


@main.command()
def in_progress() -> None:
    """Say which runs are not over: after a stop, those that go on with the next start."""
    import dagster as dg

    from fraud_assets.intake.landing.runs import NOT_OVER

    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_OVER)))
    for run in runs:
        batch = run.tags.get("dagster/partition", "none")
        click.echo(
            f"Run {run.run_id[:8]} of batch {batch!r} is not over: it goes on when you start again."
        )
    if not runs:
        click.echo("Stopped; no run was in progress.")


@main.command()
def files() -> None:
    """Tell what became of each file that landed."""
    from fraud_assets.intake.landing.ledger import open_ledger
    from fraud_assets.store import paths

    with open_ledger(paths.ledger_path()) as ledger:
        entries = sorted(ledger.entries().values(), key=lambda entry: entry.modified_ns)
    for entry in entries:
        name, detail = inert(entry.name), inert(entry.detail)
        click.echo(f"{entry.outcome:<9}  {name}  batch {named(entry.batch)}  {detail}")
    click.echo(f"{len(entries)} files; still being written or ignored ones are not listed")


@main.command()
@click.argument("version")
def provenance(version: str) -> None:
    """Tell which files VERSION of the model was trained on, and whether their rows are kept."""
    from fraud_assets.intake.csv.decoding import sha256
    from fraud_assets.store import tables
    from fraud_assets.tracking import Tracking

    tracking = Tracking()
    try:
        model = tracking.model_facts(tracking.version(version).run_id)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for batch, content_hash in model.window if model else []:
        table = tables.find_table(tables.RawTable, batch, content_hash)
        if table is None:
            click.echo(f"{batch}: SHA-256 {content_hash}; its rows are no longer kept")
            continue
        facts = table.facts
        whole = sha256(table.path) == facts.rows_hash
        click.echo(
            f"{batch}: {facts.source_file}, {facts.source_bytes:,} bytes, SHA-256 "
            f"{content_hash}, {facts.rows:,} rows accepted, {facts.rejected:,} rejected\n"
            f"  {table.path} ({'unchanged' if whole else 'CHANGED since it was accepted'})"
        )


if __name__ == "__main__":
    main()
