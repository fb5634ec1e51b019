"""The command `fraud-assets`: everything that people do outside the Dagster UI."""

import click

from fraud_assets.cli import (
    accounts,
    deletion,
    deployment,
    landing,
    models,
    pipeline,
    runs,
    services,
)
from fraud_assets.platform.umask import private_files


@click.group()
@click.pass_context
def main(context: click.Context) -> None:
    """Fraud detection from CSV to verdict."""
    context.with_resource(private_files())


for command in (
    *(pipeline.demo, landing.simulate, landing.files, runs.in_progress, runs.wake),
    *(models.approve, models.reject),
    *(models.champion, models.audit, models.protect_log, models.provenance),
    *(deletion.prune, deletion.forget),
    *(services.exporter, services.webserver, services.code_server, services.daemon),
    *(services.identity, accounts.account),
    *(deployment.rules, deployment.alertmanager, deployment.dashboards),
    *(deployment.secrets, deployment.kubernetes_secrets, deployment.mlflow_login),
):
    main.add_command(command)
