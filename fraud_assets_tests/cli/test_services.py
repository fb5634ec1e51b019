import pytest
from click.testing import CliRunner

from fraud_assets.cli import main


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("webserver", "fraud_assets.access.webserver.run_webserver"),
        ("daemon", "fraud_assets.platform.daemon.run_daemon"),
        ("code-server", "fraud_assets.platform.code_server.run_code_server"),
    ],
)
def test_all_arguments_are_passed_on_to_dagsters_own_command(monkeypatch, command, target):
    passed = []
    monkeypatch.setattr(target, passed.extend)
    result = CliRunner().invoke(main, [command, "--port", "8080", "--help"])
    assert (result.exit_code, passed) == (0, ["--port", "8080", "--help"])


def test_the_first_administrator_is_an_account_where_its_password_is_set(monkeypatch, tmp_path):
    served = []
    monkeypatch.setattr("uvicorn.run", lambda _, **settings: served.append(settings))
    monkeypatch.setattr(
        "fraud_assets.access.identity.local_accounts",
        lambda path, first: served.append((path.name, {n: a.role for n, a in first.items()})),
    )
    monkeypatch.setattr("fraud_assets.access.identity.Identity", lambda _: None)
    result = CliRunner().invoke(
        main,
        ["identity", "--accounts", f"{tmp_path}/accounts.json", "--port", "9999"],
        env={"FRAUD_PASSWORD_HASH": "$2b$12$hash"},
    )
    assert result.exit_code == 0
    assert served[0] == ("accounts.json", {"fraud": "admin"})
    assert served[1]["port"] == 9999
