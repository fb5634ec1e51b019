import os
import stat

from click.testing import CliRunner

from fraud_assets.cli import main


def test_what_other_accounts_have_to_read_they_may_and_nothing_else(tmp_path):
    before = os.umask(0o022)
    try:
        for command in (
            ["alertmanager", "--output", f"{tmp_path}/alertmanager.yml"],
            ["dashboards", f"{tmp_path}/dashboards"],
            ["simulate", f"{tmp_path}/cards.csv", "--transactions", "100"],
            ["secrets", f"{tmp_path}/.env"],
        ):
            assert CliRunner().invoke(main, command).exit_code == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()}
    shared = {name for name, mode in modes.items() if mode == 0o644}
    assert {name for name in modes if name.endswith((".yml", ".json"))} == shared
    assert {modes[name] for name in set(modes) - shared} == {0o600}


def test_rules_prints_the_file_that_is_committed(pytestconfig):
    printed = CliRunner().invoke(main, ["rules"]).output
    assert printed == (pytestconfig.rootpath / "prometheus" / "rules.yml").read_text()


def test_alertmanager_without_a_server_for_its_mails_is_refused(monkeypatch):
    monkeypatch.setenv("FRAUD_ALERT_EMAIL_TO", "a@example.org")
    result = CliRunner().invoke(main, ["alertmanager"])
    assert result.exit_code == 1
    assert "FRAUD_ALERT_SMTP" in result.output


def test_secrets_adds_what_is_missing_and_keeps_the_rest(tmp_path):
    path = tmp_path / ".env"

    def written():
        return CliRunner().invoke(main, ["secrets", str(path)]).output

    assert "log in as fraud" in written()
    before = path.read_text().splitlines(keepends=True)
    path.write_text("".join(before[:-1]))
    assert "existing ones were kept" in written()
    assert path.read_text().splitlines(keepends=True)[:-1] == before[:-1]
    assert "has every secret and was left unchanged" in written()
