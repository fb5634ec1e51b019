import pytest

from fraud_assets.access.origin import OwnOriginOnly
from fraud_assets.access.webserver import run_webserver


def test_dagsters_command_runs_with_the_guard_first_and_the_names_people_use(monkeypatch):
    from dagster_webserver import app, cli

    asked = []
    monkeypatch.setattr(app, "DagsterWebserver", app.DagsterWebserver)
    monkeypatch.setattr(cli, "cli", lambda arguments, **_: asked.append(arguments))
    monkeypatch.setenv("DAGSTER_URL", "https://fraud.example:8443/")
    run_webserver(("--port", "1"))
    assert asked == [["--port", "1"]]
    made = app.DagsterWebserver.__new__(app.DagsterWebserver)
    first, *others = made.build_middleware()
    assert first.cls is OwnOriginOnly
    assert first.kwargs == {"hosts": ["fraud.example"]}
    assert others


def test_dagsters_command_makes_the_server_by_the_name_that_the_guard_takes():
    # What an upgrade of Dagster may change: the guard would be gone without a word.
    from dagster_webserver import app, cli

    assert "DagsterWebserver" in app.create_app_from_workspace_process_context.__code__.co_names
    with pytest.raises(SystemExit):
        cli.cli(["--no-such-option"], auto_envvar_prefix="DAGSTER_WEBSERVER")
