"""Commands that write the configuration and the secrets of the full stack."""

from pathlib import Path

import click

from fraud_assets.store.files import SHARED, whole_file, write_atomically


@click.command()
def rules() -> None:
    """Print the Prometheus rules, `prometheus/rules.yml`."""
    from fraud_assets.monitoring.rules import rules_text

    click.echo(rules_text(), nl=False)


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
def alertmanager(output: Path | None) -> None:
    """Print `alertmanager.yml` for the receivers set in FRAUD_ALERT_* variables."""
    from fraud_assets.monitoring.receivers import alertmanager_text

    try:
        text = alertmanager_text()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if output is None:
        click.echo(text, nl=False)
    else:
        # Alertmanager reads it under another user account.
        write_atomically(output, text, SHARED)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def dashboards(folder: Path) -> None:
    """Write the Grafana dashboards into FOLDER, in the repository `grafana/dashboards`."""
    from fraud_assets.monitoring.dashboards import dashboards as all_dashboards

    folder.mkdir(parents=True, exist_ok=True)
    for uid, text in all_dashboards().items():
        # Grafana reads it under another user account.
        with whole_file(folder / f"{uid}.json", SHARED) as file:
            file.write(text.encode())
        click.echo(folder / f"{uid}.json")


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=".env")
def secrets(path: Path) -> None:
    """Add the passwords of the full stack that are missing in PATH; existing ones are kept."""
    from fraud_assets.platform.secrets import USER, write_secrets

    new = write_secrets(path)
    if "FRAUD_PASSWORD" in new:
        click.echo(f"{path}: log in as {USER} with the FRAUD_PASSWORD in it")
    elif new:
        click.echo(
            f"{path}: added {', '.join(new)}; existing ones were kept, as databases use them"
        )
    else:
        click.echo(f"{path} has every secret and was left unchanged, as the databases use them")


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=".env")
def kubernetes_secrets(path: Path) -> None:
    """Print the secrets of PATH that pods need, for `kubectl apply --filename -`."""
    from fraud_assets.platform.secrets import kubernetes_secrets as to_manifest

    try:
        click.echo(to_manifest(path), nl=False)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("database")
@click.option("--password", envvar="MLFLOW_AUTH_ADMIN_PASSWORD", required=True)
@click.option("--reader-password", envvar="MLFLOW_READER_PASSWORD", required=True)
def mlflow_login(database: str, password: str, reader_password: str) -> None:
    """Migrate MLflow's accounts in DATABASE, and set the passwords of the platform's logins."""
    from fraud_assets.platform.secrets import USER, set_mlflow_logins

    exists = set_mlflow_logins(database, password, reader_password)
    click.echo(f"{USER}: password set" if exists else f"{USER}: MLflow creates it when it starts")
