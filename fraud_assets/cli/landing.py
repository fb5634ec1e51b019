"""`fraud-assets files` and `simulate`: the files in the drop folder, and simulated ones."""

import os
from pathlib import Path
from typing import Any

import click

from fraud_assets.config.settings import SimulationSettings, SimulationShape
from fraud_assets.text import inert, named

DEFAULTS = SimulationSettings()


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--shape", type=click.Choice([s.value for s in SimulationShape]), default=DEFAULTS.shape.value
)
@click.option("--transactions", default=DEFAULTS.transactions, show_default=True)
@click.option("--fraud-rate", default=DEFAULTS.fraud_rate, show_default=True)
@click.option("--days", default=DEFAULTS.days, show_default=True)
@click.option("--first-day", default=DEFAULTS.first_day, show_default=True)
@click.option("--drift", default=DEFAULTS.drift, show_default=True, help="From 0 to 1.")
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


@click.command()
def files() -> None:
    """List the files that landed, each with its state and the reason."""
    from fraud_assets.intake.landing.ledger import open_ledger
    from fraud_assets.store import paths

    with open_ledger(paths.ledger_path()) as ledger:
        entries = sorted(ledger.entries().values(), key=lambda entry: entry.modified_ns)
    for entry in entries:
        name, detail = inert(entry.name), inert(entry.detail)
        click.echo(f"{entry.state:<9}  {name}  batch {named(entry.batch)}  {detail}")
    click.echo(f"{len(entries)} files; ignored files and those still being written are not listed")
