"""`MLFLOW_TRACKING_URI` switches to a real MLflow server; nothing else changes."""

import json
from getpass import getuser

import pytest

from fraud_assets.cli import main
from fraud_assets.config import environment
from fraud_assets.store import paths
from fraud_assets.store.decision_log import read_entries
from fraud_assets.tracking import Tracking
from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.servers import mlflow_server


@pytest.fixture
def server(tmp_path, monkeypatch):
    with mlflow_server(tmp_path, str(tmp_path / "artifacts")) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        monkeypatch.setenv("MLFLOW_UI_URL", url)
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # the audit asks for one
        yield url


def test_runs_models_and_going_back_work_on_a_server(graph, server):
    from click.testing import CliRunner

    quick = {
        "trained_model": {"parameters": {"n_estimators": 30}},
        "evaluation_report": {"bootstrap_resamples": 50},
    }
    for seed, batch in enumerate(("first", "second")):
        assert graph.take(batch, cards(seed, transactions=2500, fraud_rate=0.06), **quick).success
    model = json.loads((paths.report_folder("second") / "trained_model.json").read_text())
    assert server in Tracking().run_link(model["run_id"]).value
    arguments = ["champion", model["version"], "--reason", "the second is the one we want"]
    # Whether the run held or rejected it does not matter here.
    assert CliRunner().invoke(main, [*arguments, "--force"]).exit_code == 0
    assert Tracking().champion().version == model["version"]
    back = CliRunner().invoke(main, ["champion", "1", "--reason", "back to the first"])
    assert "version 1 is the champion (previously: 2)" in back.output
    assert Tracking().champion().version == "1"
    entries = read_entries(paths.decisions_path())
    assert [e.event for e in entries] == ["decision", "decision", "by_hand", "by_hand"]
    assert entries[-1].reason == "back to the first"
    assert entries[0].actor.endswith("file first.csv")
    assert entries[-1].actor == getuser()
    assert {*entries[0].artifacts} == {*entries[-1].artifacts}
    audited = CliRunner().invoke(main, ["audit"])
    assert audited.exit_code == 0
    assert audited.output.endswith("4 entries, 4 of them chained, champion: 1\n")
    Tracking().make_champion("2")
    audited = CliRunner().invoke(main, ["audit"])
    assert audited.exit_code == 1
    assert "FAIL  the alias champion names version 2" in audited.output
    assert not (environment.home_folder() / "mlflow").exists()


def test_an_experiment_that_somebody_made_at_another_place_is_not_followed(server):
    ours = Tracking()
    client = ours.client()
    elsewhere = client.create_experiment("elsewhere", artifact_location="s3://bucket/a")
    run = client.create_run(elsewhere)
    assert run.info.artifact_uri.startswith("s3://bucket/a/")
    for reach in (
        lambda: ours.read_json(run.info.run_id, "model_facts.json"),
        lambda: ours.log_text(run.info.run_id, "a.md", "a"),
        lambda: Tracking(experiment="elsewhere").log_child(run.info.run_id, "a", {}, {}, {}),
    ):
        with pytest.raises(ValueError, match="are neither read nor written"):
            reach()
