"""`fraud-assets account`: the local accounts of the web pages."""

from pathlib import Path

import click

from fraud_assets.cli.options import ACCOUNTS


@click.group()
def account() -> None:
    """Add, change, list and remove local accounts."""


@account.command("put")
@click.argument("login")
@click.option("--role", type=click.Choice(["viewer", "analyst", "operator", "admin"]))
@click.option("--password", is_flag=True, help="Ask for a new password.")
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
    click.echo(f"{login}: saved in {path}; takes effect within a minute")


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
        known = accounts.read_accounts(path)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for login, details in sorted(known.items()):
        click.echo(f"{details.role:<9} {login}")
    click.echo(f"{len(known)} accounts in {path}")
