import os
import re

import pytest

from fraud_assets.text import named
from fraud_assets.tracking import Tracking
from fraud_assets.tracking.server import artifacts_at, equals
from fraud_assets_tests.registered import statuses, train_once


def test_a_database_that_was_never_finished_is_not_used(home):
    folder = home / "var" / "mlflow"
    folder.mkdir(parents=True)
    (folder / "new-killed.db").write_bytes(b"half a database")
    train_once(Tracking())
    assert not list(folder.glob("new-*"))
    assert statuses(Tracking()) == ["FINISHED"]


def test_a_process_that_dies_while_the_database_is_made_leaves_none(home, monkeypatch):
    folder = home / "var" / "mlflow"

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.search_experiments", die)
        with pytest.raises(KeyboardInterrupt):
            Tracking().client()
    assert not (folder / "mlflow.db").exists()
    train_once(Tracking())
    assert statuses(Tracking()) == ["FINISHED"]


def test_mlflows_makers_are_told_nothing_unless_a_person_wants_it(tracking, monkeypatch):
    # MLflow's own answer is the same in all tests: it tells nothing where pytest runs.
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    tracking.client()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    tracking.client()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"


def test_a_server_that_does_not_answer_is_named_with_what_to_do(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(
        ConnectionError, match=r"MLflow at http://127.0.0.1:9 does not answer; look"
    ):
        Tracking().client()


@pytest.mark.parametrize("value", ["x' OR name LIKE '%", "a'b", 'a"b', "", " a", "a\n", "x" * 101])
def test_a_value_that_could_end_its_quotes_reaches_no_filter_of_mlflow(value):
    with pytest.raises(ValueError, match="is no name or id in MLflow"):
        equals("run_id", value)


FOREIGN_PLACES = (
    *("file:///etc", "/etc", "s3://bucket/a", "http://127.0.0.1:1/a", "dbfs:/a", "models:/m-1"),
    *("mlflow-artifacts://other:1/1/a", "mlflow-artifacts:///1/a", "mlflow-artifacts:/"),
    *("mlflow-artifacts:/1/../2", "mlflow-artifacts:/1/%2e%2e/2", "mlflow-artifacts:/1?a=b", ""),
    *("MLFLOW-ARTIFACTS:/1/a", "mlflow-artifacts:/1/a\n", " mlflow-artifacts:/1/a"),
)


SERVER = "http://127.0.0.1:9"


@pytest.mark.parametrize("place", FOREIGN_PLACES)
def test_artifacts_that_a_tracking_server_does_not_serve_are_not_reached(place):
    with pytest.raises(ValueError, match="are neither read nor written") as error:
        artifacts_at(place, SERVER)
    assert named(place) in str(error.value)


def test_artifacts_that_the_tracking_server_serves_are_reached_there_alone():
    for place in ("mlflow-artifacts:/1", "mlflow-artifacts:/1/models/m-0/artifacts"):
        served = "http://127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/"
        assert artifacts_at(place, SERVER).artifact_uri.startswith(served)


def test_no_artifact_is_reached_past_that_look(pytestconfig):
    text = source_of(pytestconfig.rootpath / "fraud_assets" / "tracking")
    past = r"client(?:\(\))?\.(?:log_\w*artifacts?|log_text|list_artifacts|download_artifacts)\("
    assert re.findall(past, text) == []
    assert text.count("get_artifact_repository(") == 1


def test_every_filter_of_mlflow_is_made_in_one_place(pytestconfig):
    text = source_of(pytestconfig.rootpath / "fraud_assets" / "tracking")
    asked = re.findall(r"\.search_(?:runs|model_versions|registered_models)\((.*)\)", text)
    assert asked
    assert [call for call in asked if "'" in call or 'f"' in call] == []


def source_of(package):
    return "".join(path.read_text() for path in sorted(package.glob("*.py")))
