"""Commands about models: the champion, where it came from, and the decision log."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fraud_assets.cli.options import ACTOR

if TYPE_CHECKING:
    from fraud_assets.records.decisions import VersionEntry


@click.command()
@click.argument("version")
@click.option("--reason", required=True, help="Recorded in the decision log.")
@click.option(
    "--force", is_flag=True, help="Also a version that was rejected, waits, or is critical."
)
@ACTOR
def champion(version: str, reason: str, force: bool, actor: str) -> None:
    """Promote VERSION of the model by hand: an earlier champion, or a shadow model.

    A version that was rejected, is held or proposed, or has a critical verdict needs --force, which
    is logged.
    """
    from fraud_assets.registry.manual_promotion import promote_manually

    entry = _decided(promote_manually, version, reason, actor, force)
    click.echo(f"version {entry.version} is the champion (previously: {entry.champion_before})")


@click.command()
@click.argument("version")
@click.option("--reason", required=True, help="Recorded in the decision log.")
@ACTOR
def approve(version: str, reason: str, actor: str) -> None:
    """Make VERSION, which is held or proposed, the champion."""
    from fraud_assets.registry.approval import approve as carry_out

    entry = _decided(carry_out, version, reason, actor)
    click.echo(f"version {entry.version} is the champion (previously: {entry.champion_before})")


@click.command()
@click.argument("version")
@click.option("--reason", required=True, help="Recorded in the decision log.")
@ACTOR
def reject(version: str, reason: str, actor: str) -> None:
    """Turn down VERSION, which is held or proposed; the champion stays."""
    from fraud_assets.registry.approval import decline

    entry = _decided(decline, version, reason, actor)
    click.echo(f"version {entry.version} is rejected (champion: {entry.champion_before})")


def _decided(decide: Callable[..., "VersionEntry"], version: str, *about: Any) -> "VersionEntry":
    """Let a person's decision be carried out and logged, or show why it is refused."""
    from fraud_assets.store import paths
    from fraud_assets.tracking import Tracking

    try:
        return decide(Tracking(), paths.decisions_path(), version, *about)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("version")
def provenance(version: str) -> None:
    """List the files that VERSION of the model was trained on, and whether their rows are kept."""
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


@click.command()
def audit() -> None:
    """Verify the decision log: its chain of hashes, the champion's files, and the runs' records.

    Exits with 1 when something contradicts the log.
    """
    import dagster as dg

    from fraud_assets.registry.checks import confirmed_hashes
    from fraud_assets.store import paths
    from fraud_assets.store.append_only import is_protected
    from fraud_assets.store.decision_log import audit as verify_log
    from fraud_assets.tracking import Tracking

    tracking = Tracking()
    champion = tracking.champion_alias()
    with dg.DagsterInstance.get() as instance:
        audited = verify_log(paths.decisions_path(), champion, confirmed_hashes(instance))
    findings = [*audited.findings, *tracking.findings()]
    for finding in findings:
        click.echo(f"FAIL  {finding}")
    if not is_protected(paths.decisions_path()):
        click.echo("note  runs can rewrite the log, which is not append-only; see docs/security.md")
    for note in audited.notes:
        click.echo(f"note  {note}")
    click.echo(
        f"{audited.entries} entries, {audited.chained} of them chained, champion: {champion}"
    )
    if findings:
        raise SystemExit(1)


@click.command()
@click.option("--off", is_flag=True, help="Lift the protection, for example before a restore.")
def protect_log(off: bool) -> None:
    """Make the decision log append-only, enforced by the kernel.

    Needs root with the capability LINUX_IMMUTABLE. Where the file system does not support it, a
    message says so and nothing changes.
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
