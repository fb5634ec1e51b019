import pytest
from click.testing import CliRunner

from fraud_assets.cli import main
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, read_entries


def test_a_champion_that_does_not_exist_is_refused(tracking):
    result = CliRunner().invoke(main, ["champion", "9", "--reason", "try"])
    assert result.exit_code == 1
    assert "there is no version '9'" in result.output


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_version_that_does_not_wait_is_refused(registered, command):
    arguments = [command, registered.version, "--reason", "try"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert f"version {registered.version} does not wait for a decision" in result.output


def wait(registered):
    """Let the version wait, without a champion."""
    (first,) = read_entries(paths.decisions_path())
    paths.decisions_path().unlink()
    append_entry(paths.decisions_path(), first.model_copy(update={"outcome": "proposed"}))
    client = registered.tracking.client()
    client.delete_registered_model_alias(registered.tracking.model_name, "champion")


def test_a_proposed_version_is_approved_and_not_promoted_past_the_person_who_decides(registered):
    wait(registered)
    version, by = registered.version, ["--reason", "why", "--actor", "anna"]
    refused = CliRunner().invoke(main, ["champion", version, *by])
    assert refused.exit_code == 1
    assert f"version {version} is proposed" in refused.output
    assert "add --force" in refused.output
    approved = CliRunner().invoke(main, ["approve", version, *by])
    assert approved.output == f"version {version} is the champion (previously: None)\n"
    assert registered.tracking.champion_alias() == version


def test_a_declined_version_is_no_champion_until_somebody_insists(registered):
    wait(registered)
    version, by = registered.version, ["--reason", "why", "--actor", "anna"]
    declined = CliRunner().invoke(main, ["reject", version, *by])
    assert declined.output == f"version {version} is rejected (champion: None)\n"
    assert registered.tracking.champion_alias() is None
    forced = CliRunner().invoke(main, ["champion", version, *by, "--force"])
    assert forced.exit_code == 0, forced.output
    assert read_entries(paths.decisions_path())[-1].forced == f"version {version} was rejected: why"


def test_provenance_of_a_version_that_does_not_exist_is_refused(tracking):
    result = CliRunner().invoke(main, ["provenance", "9"])
    assert result.exit_code == 1
    assert "there is no version '9'" in result.output


def test_protect_log_where_it_is_not_supported_says_so_and_changes_nothing(home, monkeypatch):
    def refuse(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fraud_assets.store.append_only.protect_log", refuse)
    result = CliRunner().invoke(main, ["protect-log"])
    assert result.exit_code == 0
    assert "is not protected (Operation not supported)" in result.output
