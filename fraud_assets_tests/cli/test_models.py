from click.testing import CliRunner

from fraud_assets.cli import main


def test_a_champion_that_does_not_exist_is_refused(tracking):
    result = CliRunner().invoke(main, ["champion", "9", "--reason", "try"])
    assert result.exit_code == 1
    assert "there is no version '9'" in result.output


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
