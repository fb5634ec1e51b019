import click
from click.testing import CliRunner

from fraud_assets.cli.options import ACCOUNTS, ACTOR


@click.command()
@ACTOR
@ACCOUNTS
def show(actor, path):
    click.echo(f"{actor} {path}")


def test_the_actor_is_the_login_unless_named(monkeypatch):
    monkeypatch.setenv("LOGNAME", "anna")
    assert CliRunner().invoke(show).output == "anna accounts.json\n"
    assert CliRunner().invoke(show, ["--actor", "ben"]).output == "ben accounts.json\n"


def test_the_accounts_file_may_be_set_for_all_commands():
    result = CliRunner().invoke(show, ["--actor", "a"], env={"FRAUD_ACCOUNTS": "/etc/a.json"})
    assert result.output == "a /etc/a.json\n"
