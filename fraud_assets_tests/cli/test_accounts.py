import pytest
from click.testing import CliRunner

from fraud_assets.access import accounts
from fraud_assets.cli import main

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    monkeypatch.setattr(accounts, "ROUNDS", 4)


@pytest.fixture
def run(tmp_path):
    path = str(tmp_path / "accounts.json")

    def invoke(*arguments, typed=None):
        return CliRunner().invoke(main, ["account", *arguments, "--accounts", path], input=typed)

    return invoke


def test_a_new_account_asks_for_its_password_and_a_change_of_role_does_not(run):
    added = run("put", "anna", "--role", "viewer", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert "takes effect within a minute" in added.output
    assert run("put", "anna", "--role", "admin").exit_code == 0
    assert run("list").output.splitlines()[0] == "admin     anna"


def test_what_cannot_be_done_is_refused_with_the_reason(run):
    assert "there is no account 'ben'" in run("remove", "ben").output
    short = run("put", "ben", "--role", "viewer", typed="short\nshort\n")
    assert short.exit_code == 1
    assert "12 to 72 bytes" in short.output


def test_a_removed_account_is_listed_no_more(run):
    run("put", "anna", "--role", "viewer", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert run("remove", "anna").exit_code == 0
    assert run("list").output.startswith("0 accounts")
