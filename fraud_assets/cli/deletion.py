"""`fraud-assets prune` and `forget`: old events and batches, and the data of one card."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraud_assets.cli.options import ACTOR
from fraud_assets.text import inert

if TYPE_CHECKING:
    from datetime import datetime

    import dagster as dg


@click.command()
@click.option("--days", default=30, show_default=True, help="Delete older events and logs.")
@click.option(
    "--batch-days",
    type=click.IntRange(1),
    envvar="FRAUD_KEEP_BATCH_DAYS",
    help="Delete batches without a run for this many days. Default: none.",
)
@click.option("--every-hours", type=float, help="Keep running and repeat at this interval.")
@ACTOR
@click.option("--done-file", type=click.Path(path_type=Path), help="Touched after each pruning.")
def prune(
    days: int,
    batch_days: int | None,
    every_hours: float | None,
    actor: str,
    done_file: Path | None,
) -> None:
    """Delete old step events, log lines and output of runs; with --batch-days, old batches, too.

    The verdicts and runs of other batches are kept, and so are the CSV files in the drop folder.
    """
    import time
    from datetime import UTC, datetime, timedelta

    import dagster as dg

    from fraud_assets.platform.retention import prune as prune_events

    while True:
        now = datetime.now(UTC)
        with dg.DagsterInstance.get() as instance:
            pruned = prune_events(instance, now - timedelta(days=days))
            click.echo(f"removed {pruned.events:,} events and the output of {pruned.logs:,} runs")
            if batch_days is not None:
                _expire_batches(instance, now - timedelta(days=batch_days), actor)
        if done_file is not None:
            done_file.touch()
        if every_hours is None:
            return
        time.sleep(every_hours * 3600)


def _expire_batches(instance: "dg.DagsterInstance", before: "datetime", actor: str) -> None:
    from fraud_assets.privacy.expiry import KEPT, expire, expired_batches
    from fraud_assets.tracking import Tracking

    try:
        removed = expire(instance, Tracking(), expired_batches(instance, before), actor)
        for expired in removed:
            click.echo(
                f"removed batch {expired.batch!r}: tables, reports, rejected rows, "
                f"{expired.runs} runs, {len(expired.versions)} model versions, "
                f"{expired.tracked} other MLflow runs"
                + "".join(f", {name}" for name in expired.metrics)
            )
            if expired.kept:
                click.echo(
                    f"  kept: model versions {', '.join(expired.kept)}; the decision log refers to "
                    "them"
                )
            for name in expired.in_ledger:
                click.echo(
                    f"  kept: {inert(name)} in the ledger, so that it is not ingested again; "
                    "delete the file from the drop folder yourself"
                )
        for text in KEPT if removed else ():
            click.echo(f"kept: {text}")
    except RuntimeError as error:
        click.echo(str(error), err=True)


@click.command()
@click.option("--card", required=True, help="As in the CSV, or the token shown in lists.")
@ACTOR
def forget(card: str, actor: str) -> None:
    """Delete one card or customer from tables, lists, rejected rows and suppressions.

    Prints what was deleted where, what was kept, and why.
    """
    import dagster as dg

    from fraud_assets.privacy.forget import forget as forget_card
    from fraud_assets.store.resources import Engine

    try:
        with dg.DagsterInstance.get() as instance:
            summary = forget_card(instance, Engine(), card, actor)
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for deletion in summary.batches:
        click.echo(f"batch {deletion.batch!r}: {deletion.rows} rows removed")
        for path, count in deletion.files.items():
            click.echo(f"  {count} rows removed from {path}")
        for text in deletion.kept:
            click.echo(f"  kept: {text}")
        if deletion.still_in:
            click.echo(f"  kept: {deletion.still_in}; delete the lines, or the file, yourself")
    if summary.suppressions:
        click.echo(f"{summary.suppressions} suppressions removed")
    rows = sum(deletion.rows for deletion in summary.batches)
    click.echo(f"{rows} rows of {len(summary.batches)} batches")
    for text in summary.kept:
        click.echo(f"kept: {text}")
