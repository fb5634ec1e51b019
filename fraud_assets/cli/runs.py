"""`fraud-assets in-progress` and `wake`: runs in progress, and sensors that are stuck."""

import click


@click.command()
def wake() -> None:
    """Restart sensors that are stuck because a clock was ahead."""
    import dagster as dg

    from fraud_assets.platform.instance import wake_sensors

    with dg.DagsterInstance.get() as instance:
        woken = wake_sensors(instance)
    click.echo(f"woken: {', '.join(woken)}" if woken else "no sensor's last tick is in the future")


@click.command()
def in_progress() -> None:
    """List the runs in progress; after a stop, they continue at the next start."""
    import dagster as dg

    from fraud_assets.intake.landing.runs import NOT_OVER

    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_OVER)))
    for run in runs:
        batch = run.tags.get("dagster/partition", "none")
        click.echo(
            f"Run {run.run_id[:8]} of batch {batch!r} is in progress and continues when you start "
            "again."
        )
    if not runs:
        click.echo("Stopped; no run was in progress.")
