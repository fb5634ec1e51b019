"""Commands that run a server: exporter, webserver, code server, daemon and login service."""

import os
from pathlib import Path

import click

from fraud_assets.cli.options import ACCOUNTS
from fraud_assets.config import names

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}
"""Settings of commands that pass all arguments on to one of Dagster's."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9101, show_default=True)
def exporter(host: str, port: int) -> None:
    """Serve metrics of runs, checks, daemons, sensors, files and champion for Prometheus."""
    import threading

    import dagster as dg

    from fraud_assets.definitions import defs
    from fraud_assets.monitoring.collectors import parts
    from fraud_assets.monitoring.exporter import Exporter, serve
    from fraud_assets.tracking import Tracking

    def report_error(part: str, error: Exception) -> None:
        click.echo(f"{part} cannot be read: {type(error).__name__}: {error}", err=True)

    with dg.DagsterInstance.get() as instance:
        checks = defs.resolve_asset_graph().asset_check_keys
        collectors = parts(instance, Tracking(), checks, [names.JOB_NAME], names.CODE_LOCATION)
        serve(Exporter(collectors, report_error), host, port)
        click.echo(f"metrics on http://{host}:{port}/metrics")
        threading.Event().wait()


@click.command(context_settings=PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def webserver(arguments: tuple[str, ...]) -> None:
    """Serve the Dagster UI, protected from other sites; options as of `dagster-webserver`."""
    from fraud_assets.access.webserver import run_webserver

    run_webserver(arguments)


@click.command(context_settings=PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def code_server(arguments: tuple[str, ...]) -> None:
    """Serve the definitions to Dagster and start its runs; options as of `dagster api grpc`."""
    from fraud_assets.platform.code_server import run_code_server

    run_code_server(arguments)


@click.command(context_settings=PASSED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def daemon(arguments: tuple[str, ...]) -> None:
    """Run sensors, the queue and the monitoring of runs; options as of `dagster-daemon run`."""
    from fraud_assets.platform.daemon import run_daemon

    run_daemon(arguments)


@click.command()
@ACCOUNTS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9292, show_default=True)
def identity(path: Path, host: str, port: int) -> None:
    """Authenticate the proxy's requests against the local accounts.

    `FRAUD_PASSWORD_HASH` is the hashed password of the first administrator, `fraud`.
    """
    import uvicorn

    from fraud_assets.access.accounts import Account, Role
    from fraud_assets.access.identity import Identity, identity_app, local_accounts
    from fraud_assets.platform.secrets import USER

    hashed = os.environ.get("FRAUD_PASSWORD_HASH")
    first = {USER: Account(role=Role.admin, password_hash=hashed)} if hashed else {}
    app = identity_app(Identity(local_accounts(path, first)), click.echo)
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
