import pytest

from fraud_assets.tracking import MODEL_FACTS, Tracking, resource
from fraud_assets.tracking.server import Server
from fraud_assets_tests.registered import Context


def test_what_mlflows_tables_have_no_room_for_is_left_out(tracking):
    # SQLite would take it; a PostgreSQL of the full stack refuses the write.
    with tracking.training_run(Context("1"), "b" * 251, {}) as run_id:
        pass
    client = tracking.client()
    assert client.get_run(run_id).info.run_name == "b" * 250
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:///nowhere", run_id)
    tracking.describe_version("1", "a line\n" * 1000, "card.md")
    description = client.get_model_version(tracking.model_name, "1").description
    assert len(description) <= 5000
    assert description.endswith("a line\n\nThe rest is in the run's card.md.\n")


def test_every_artifact_is_reached_through_the_one_look_at_its_location(registered, monkeypatch):
    tracking, version, run_id = registered.tracking, registered.version, registered.run_id
    client = tracking.client()
    server = Server(client, "https://mlflow", tracking.experiment)
    monkeypatch.setattr(resource, "connect", lambda *_: server)
    for reach in (
        lambda: tracking.read_json(run_id, MODEL_FACTS),
        lambda: tracking.artifact_hashes(run_id),
        lambda: tracking.model_hash(version),
        registered.load,
        lambda: tracking.log_text(run_id, "a.md", "a"),
        lambda: tracking.log_json(run_id, "a.json", {}),
        lambda: tracking.log_files(run_id, [registered.folder / "MLmodel"]),
        lambda: tracking.log_child(run_id, "a", {}, {}, {}),
        lambda: tracking.register(run_id, None, None, {}),
        lambda: tracking.delete_version(version),
    ):
        with pytest.raises(ValueError, match="artifacts at 'file:.* are neither read nor written"):
            reach()
    assert client.get_model_version(tracking.model_name, version).version == 1
    assert (registered.folder / "model.skops").exists()


def test_fields_come_before_the_environment(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_UI_URL", "https://from.environment/")
    asked = []
    monkeypatch.setattr(resource, "connect", lambda uri, _: asked.append(uri))
    Tracking().server()
    Tracking(tracking_uri="http://field:5000").server()
    assert asked == ["http://127.0.0.1:9", "http://field:5000"]
    assert Tracking().version_link("1").value.startswith("https://from.environment/#/models/")
