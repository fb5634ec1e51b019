import hashlib
import os
import pickle
import re
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import yaml
from skops.io.exceptions import UntrustedTypesFoundException

from fraud_assets import tracking as tracking_module
from fraud_assets.platform.masking import KEY_ID_FILE, AnotherKeyError, masking
from fraud_assets.records.models import TrainedModel
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, read_entries
from fraud_assets.text import named
from fraud_assets.tracking import (
    DECISION_TAG,
    HASH_TAG,
    MODEL_FACTS,
    REFERENCE_PROFILE,
    TRAINING_KEYS,
    ModelVersion,
    Tracking,
    artifacts_at,
    equals,
)
from fraud_assets_tests import factories
from fraud_assets_tests.registered import Context, decision


def statuses(tracking):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment)
    return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))


def train_once(tracking, run_id="1", batch="june", error=None):
    with tracking.training_run(Context(run_id), batch, {"a": "b"}) as mlflow_run:
        if error is not None:
            raise error
    return mlflow_run


def test_a_run_that_ends_well_is_finished_and_links_back(tracking):
    run_id = train_once(tracking)
    run = tracking.client().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["dagster_run_id"] == "1"
    assert run.data.tags["fraud.batch"] == "june"
    assert run.data.tags["dagster_url"].endswith("/runs/1")
    assert run_id in tracking.run_link(run_id).value


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (dg.DagsterExecutionInterruptedError(), "KILLED"),
    ],
)
def test_a_run_that_ends_badly_has_the_right_status(tracking, error, status):
    with pytest.raises(type(error)):
        train_once(tracking, error=error)
    assert statuses(tracking) == [status]


def test_a_retry_of_the_step_continues_the_run_and_a_new_dagster_run_opens_another(tracking):
    with pytest.raises(ValueError, match="bad"):
        train_once(tracking, "1", error=ValueError("bad"))
    train_once(tracking, "1")
    assert statuses(tracking) == ["FINISHED"]
    train_once(tracking, "2")
    assert statuses(tracking) == ["FINISHED", "FINISHED"]


def test_what_a_killed_process_left_running_is_closed_by_the_next_run_of_the_batch(tracking):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment)
    for batch in ("june", "it's july"):
        tags = {"fraud.batch": batch, "dagster_run_id": "dead"}
        client.create_run(experiment.experiment_id, tags=tags)
    train_once(tracking, "2", "june")
    assert statuses(tracking) == ["FINISHED", "KILLED", "RUNNING"]


def test_a_version_comes_back_with_model_threshold_and_features(registered):
    tracking, version = registered.tracking, registered.version
    champion = tracking.champion()
    assert champion == ModelVersion(version, registered.run_id, "june", 0.4, ("a", "b"))
    loaded = registered.load()
    assert np.array_equal(loaded.predict_proba(registered.frame), registered.scores)
    assert tracking.load(version) is loaded
    assert tracking.training_keys(registered.run_id).tolist() == [1, 2**63]
    assert tracking.read_json(registered.run_id, "nothing.json") is None
    named = tracking.client().get_model_version_by_alias(tracking.model_name, "challenger")
    assert str(named.version) == version


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "ran")


MODEL_FOLDER = (
    *("MLmodel", "conda.yaml", "input_example.json", "model.skops"),
    *("python_env.yaml", "requirements.txt", "serving_input_example.json"),
)


@pytest.mark.parametrize("name", MODEL_FOLDER)
def test_whoever_alters_a_file_of_a_model_runs_nothing(registered, home, name):
    assert sorted(path.name for path in registered.folder.iterdir()) == sorted(MODEL_FOLDER)
    mark, altered = home / "ran", registered.folder / name
    payload = pickle.dumps(Attack(mark))
    (registered.folder / "evil.pkl").write_bytes(payload)
    (registered.folder / "code").mkdir()
    (registered.folder / "code" / "sitecustomize.py").write_text(f"open({str(mark)!r}, 'w')")
    if name == "MLmodel":
        about = yaml.safe_load(altered.read_text())
        follow = {"pickled_model": "evil.pkl", "serialization_format": "pickle", "code": "code"}
        about["flavors"]["sklearn"] |= follow | {"skops_trusted_types": ["builtins.exec"]}
        about["flavors"]["python_function"] |= {"model_path": "evil.pkl", "code": "code"}
        altered.write_text(yaml.safe_dump(about))
    else:
        altered.write_bytes(payload)
    if name == "model.skops":
        with pytest.raises(ValueError, match=r"was altered .* It was not opened"):
            registered.load()
    else:
        assert np.array_equal(registered.load().predict_proba(registered.frame), registered.scores)
    assert not mark.exists()


def test_a_model_whose_hash_was_altered_in_the_registry_too_is_not_opened(registered):
    file = registered.folder / "model.skops"
    file.write_bytes(file.read_bytes() + b"0")
    tag = {HASH_TAG: hashlib.sha256(file.read_bytes()).hexdigest()}
    registered.tracking.tag_version(registered.version, tag)
    with pytest.raises(ValueError, match="was altered since it was registered"):
        registered.load()


def test_a_model_that_asks_for_a_type_of_its_own_is_not_built(registered, monkeypatch):
    import skops.io

    class Stranger:
        pass

    monkeypatch.setattr(sys.modules[__name__], "Stranger", Stranger, raising=False)
    Stranger.__qualname__ = "Stranger"
    file = registered.folder / "model.skops"
    file.write_bytes(skops.io.dumps(Stranger()))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    registered.tracking.tag_version(registered.version, {HASH_TAG: sha256})
    (entry,) = read_entries(paths.decisions_path())
    paths.decisions_path().unlink()
    append_entry(paths.decisions_path(), entry.model_copy(update={"model_hash": sha256}))
    with pytest.raises(UntrustedTypesFoundException, match="Stranger"):
        registered.load()


def test_a_version_that_nothing_was_decided_about_is_not_opened(registered):
    paths.decisions_path().unlink()
    with pytest.raises(ValueError, match="no decision about version 1 .* cannot be verified"):
        registered.load()


@pytest.mark.parametrize("name", [MODEL_FACTS, "training_keys.parquet"])
def test_an_artifact_that_was_altered_after_the_decision_is_not_used(registered, name):
    file = artifact(registered, name)
    file.write_bytes(file.read_bytes().replace(b"0.4", b"0.9") + b" ")
    tracking_module._facts_at_hand.clear()
    with pytest.raises(ValueError, match=f"{name} of MLflow run .* was altered"):
        registered.tracking.artifact_hashes(registered.run_id)
    if name == MODEL_FACTS:
        with pytest.raises(ValueError, match="was altered"):
            registered.tracking.champion()


def test_an_artifact_that_no_decision_recorded_is_not_used(registered):
    registered.tracking.log_json(registered.run_id, REFERENCE_PROFILE, {"a": 1})
    with pytest.raises(ValueError, match="the decision log says that there was none"):
        registered.tracking.read_json(registered.run_id, REFERENCE_PROFILE)


def test_a_registry_with_another_run_for_a_decided_version_is_not_believed(registered):
    tracking = registered.tracking
    client = tracking.client()
    client.rename_registered_model(tracking.model_name, "aside")
    with tracking.training_run(Context("2"), "june", {}) as run_id:
        facts = factories.model_facts(decision_threshold=0.99)
        tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json"))
        source = client.get_model_version("aside", registered.version).source
        client.create_registered_model(tracking.model_name)
        client.create_model_version(tracking.model_name, source, run_id)
    tracking.make_champion(registered.version)
    for ask in (tracking.champion, lambda: tracking.version(registered.version)):
        with pytest.raises(ValueError, match="is not the one that was decided about"):
            ask()


def test_a_later_entry_with_another_hash_is_not_believed(registered):
    append_entry(paths.decisions_path(), decision(registered.version, model_hash="0" * 64))
    assert registered.load() is not None


def artifact(registered, name):
    place = registered.tracking.client().get_run(registered.run_id).info.artifact_uri
    return Path(place.removeprefix("file://")) / name


def test_a_champion_as_it_was_decided_about_has_no_findings(registered):
    assert registered.tracking.findings() == []


def test_without_a_champion_there_is_nothing_to_compare(tracking):
    assert tracking.findings() == []


@pytest.mark.parametrize("name", [MODEL_FACTS, TRAINING_KEYS])
@pytest.mark.parametrize("how", ["altered", "gone"])
def test_an_artifact_of_the_champion_that_is_not_the_decided_one_is_a_finding(
    registered, name, how
):
    # What is at hand does not hide it.
    registered.tracking.champion()
    file = artifact(registered, name)
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b" ")
    (finding,) = registered.tracking.findings()
    assert finding.startswith(f"{name} of MLflow run {registered.run_id} ")
    assert how in finding


def test_a_model_file_of_the_champion_that_was_altered_is_a_finding(registered):
    file = registered.folder / "model.skops"
    file.write_bytes(file.read_bytes() + b"0")
    (finding,) = registered.tracking.findings()
    assert finding.startswith("model.skops of version 1 of")
    file.unlink()
    (finding,) = registered.tracking.findings()
    assert finding.startswith("the files of version 1, the champion, cannot be read")


def test_a_champion_of_another_run_than_the_decided_one_is_a_finding(tracking, undecided):
    _, _, version = undecided
    tracking.make_champion(version)
    log_decision(version, "another", "a" * 64)
    about_run, about_model = tracking.findings()
    assert "is not the one that was decided about" in about_run
    assert "its source is no logged model" in about_model


def test_a_champion_that_nothing_was_decided_about_is_not_read(tracking, undecided):
    _, died, version = undecided
    tracking.log_text(died, MODEL_FACTS, "[" * 100_000)
    tracking.make_champion(version)
    (finding,) = tracking.findings()
    assert "its source is no logged model" in finding


def test_that_the_server_is_away_is_no_finding(registered, monkeypatch):
    def away(*_):
        raise ConnectionError("away")

    monkeypatch.setattr(Tracking, "_artifact", away)
    with pytest.raises(ConnectionError):
        registered.tracking.findings()


def test_mlflow_itself_opens_no_stored_model(registered):
    import mlflow

    with pytest.raises(mlflow.MlflowException, match="MLFLOW_ALLOW_PICKLE_DESERIALIZATION"):
        mlflow.sklearn.load_model(f"models:/{registered.tracking.model_name}/1")


def test_a_registry_that_is_away_is_not_one_without_a_champion(tracking, monkeypatch):
    from mlflow.exceptions import MlflowException

    def away(*_):
        raise MlflowException("away", error_code=5)

    assert tracking.champion() is None
    monkeypatch.setattr("mlflow.MlflowClient.get_model_version_by_alias", away)
    with pytest.raises(MlflowException, match="away"):
        tracking.champion()


def test_training_keys_without_a_key_are_converted_when_they_are_read(tracking):
    run_id = train_once(tracking)
    old = np.array([1, 2**63], np.uint64)
    tracking.log_frame(run_id, TRAINING_KEYS, pd.DataFrame({"content_key": old}))
    assert tracking.training_keys(run_id).tolist() == masking().keys(old).tolist()


def test_training_keys_by_another_key_are_refused(tracking, home, monkeypatch):
    run_id = train_once(tracking)
    tracking.log_training_keys(run_id, pd.Series([1], dtype="uint64"))
    monkeypatch.setenv("FRAUD_HASH_KEY", "k" * 32)
    (home / "var" / KEY_ID_FILE).unlink()
    with pytest.raises(AnotherKeyError, match="another key of card tokens.*on all machines"):
        tracking.training_keys(run_id)


def test_a_table_may_lie_in_a_folder_of_the_run(tracking):
    run_id = train_once(tracking)
    tracking.log_frame(run_id, "evaluation/rows.parquet", pd.DataFrame({"a": [1]}))
    assert tracking.read_frame(run_id, "evaluation/rows.parquet")["a"].tolist() == [1]


def test_what_mlflows_tables_have_no_room_for_is_left_out(tracking):
    # SQLite would take it; a PostgreSQL of the full stack refuses the write.
    with tracking.training_run(Context("1"), "b" * 251, {}) as run_id:
        pass
    client = tracking.client()
    assert client.get_run(run_id).info.run_name == "b" * 250
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:///nowhere", run_id)
    tracking.describe_version("1", "a line\n" * 1000, "card.md")
    told = client.get_model_version(tracking.model_name, "1").description
    assert len(told) <= 5000
    assert told.endswith("a line\n\nThe rest is in the run's card.md.\n")


def test_what_a_model_was_made_from_is_read_once(tracking, monkeypatch):
    run_id = train_once(tracking)
    assert tracking.model_facts(run_id) is None
    facts = factories.model_facts()
    tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json"))
    assert tracking.model_facts(run_id) == facts
    monkeypatch.setattr(Tracking, "_artifact", lambda *_: pytest.fail("read again"))
    assert tracking.model_facts(run_id) == facts


def test_a_version_that_was_not_trained_here_is_refused(tracking):
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:///nowhere")
    with pytest.raises(ValueError, match="it was not trained here"):
        tracking.version("1")


def test_a_version_that_does_not_exist_is_named(tracking):
    with pytest.raises(ValueError, match="there is no version '9'"):
        tracking.version("9")


@pytest.mark.parametrize("status", ["RUNNING", "FINISHED"])
def test_a_version_of_a_run_that_died_is_taken_back_when_the_run_is_retried(tracking, status):
    died = train_once(tracking)
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:/nowhere", died)
    client.set_terminated(died, status)
    with tracking.training_run(Context("2", dead="1"), "june", {}):
        assert client.search_model_versions(f"run_id = '{died}'") == []
        assert client.get_run(died).info.status == "KILLED"


@pytest.fixture
def undecided(tracking):
    """A run that died with a version that nothing was decided about; its facts, run and version."""
    with tracking.training_run(Context("1"), "june", {}) as died:
        facts = factories.model_facts(decision_threshold=0.5)
        tracking.log_json(died, MODEL_FACTS, facts.model_dump(mode="json"))
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    version = client.create_model_version(tracking.model_name, "file:/nowhere", died).version
    return facts, died, str(version)


def log_decision(version, run_id, model_hash, **more):
    hashes = {"mlflow_run_id": run_id, "model_hash": model_hash}
    append_entry(paths.decisions_path(), decision(version, "reject", **hashes, **more))


@pytest.mark.parametrize("how", ["decided", "in charge"])
def test_a_version_that_something_was_decided_about_is_never_taken_back(tracking, undecided, how):
    # No tag says so: a run may die between the log and the tag.
    _, died, version = undecided
    client = tracking.client()
    if how == "decided":
        log_decision(version, died, "a" * 64)
    else:
        tracking.make_champion(version)
    with tracking.training_run(Context("2", dead="1"), "june", {}):
        assert len(client.search_model_versions(f"run_id = '{died}'")) == 1
        assert client.get_run(died).info.status == "FINISHED"


def test_a_version_that_only_a_tag_says_was_decided_about_is_taken_back(tracking, undecided):
    _, died, version = undecided
    tracking.tag_version(version, {DECISION_TAG: "promote"})
    with tracking.training_run(Context("2", dead="1"), "june", {}):
        assert tracking.client().search_model_versions(f"run_id = '{died}'") == []


def test_the_model_of_a_run_that_died_is_known_from_the_decision_log_alone(tracking, undecided):
    facts, died, version = undecided
    tracking.tag_version(version, {DECISION_TAG: "promote", HASH_TAG: "b" * 64})
    assert tracking.decided_model({"1"}) is None
    artifacts = tracking.artifact_hashes(died)
    log_decision(version, died, "a" * 64, artifacts=artifacts)
    about = {"run_id": died, "version": version, "model_hash": "a" * 64, "artifacts": artifacts}
    assert tracking.decided_model({"0", "1"}) == TrainedModel(**dict(facts), **about)
    assert tracking.decided_model({"2"}) is tracking.decided_model(set()) is None


def test_a_decided_model_whose_facts_are_gone_is_trained_again(tracking, undecided):
    _, died, version = undecided
    log_decision(version, died, "a" * 64)
    artifacts_at(tracking.client().get_run(died).info.artifact_uri).delete_artifacts(MODEL_FACTS)
    assert tracking.decided_model({"1"}) is None


def test_a_version_that_the_decision_log_knows_of_another_run_is_no_decided_model(
    tracking, undecided
):
    _, _, version = undecided
    log_decision(version, "another", "a" * 64)
    tracking.tag_version(version, {DECISION_TAG: "promote"})
    assert tracking.decided_model({"1"}) is None


def test_a_version_of_a_run_that_ended_well_stays_when_the_batch_is_run_again(tracking):
    finished = train_once(tracking)
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:/nowhere", finished)
    with tracking.training_run(Context("2"), "june", {}):
        assert len(client.search_model_versions(f"run_id = '{finished}'")) == 1
        assert client.get_run(finished).info.status == "FINISHED"


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


@pytest.fixture
def at_a_server(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


@pytest.mark.parametrize("place", FOREIGN_PLACES)
def test_artifacts_that_a_tracking_server_does_not_serve_are_not_reached(at_a_server, place):
    with pytest.raises(ValueError, match="are neither read nor written") as error:
        artifacts_at(place)
    assert named(place) in str(error.value)


def test_artifacts_that_the_tracking_server_serves_are_reached_there_alone(at_a_server):
    for place in ("mlflow-artifacts:/1", "mlflow-artifacts:/1/models/m-0/artifacts"):
        served = "http://127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/"
        assert artifacts_at(place).artifact_uri.startswith(served)


def test_every_artifact_is_reached_through_the_one_look_at_its_location(registered, monkeypatch):
    tracking, version, run_id = registered.tracking, registered.version, registered.run_id
    client = tracking.client()
    monkeypatch.setattr(tracking_module.environment, "tracking_uri", lambda: "https://mlflow")
    monkeypatch.setattr(Tracking, "client", lambda _: client)
    for reach in (
        lambda: tracking.read_json(run_id, MODEL_FACTS),
        lambda: tracking.artifact_hashes(run_id),
        lambda: tracking.model_hash(version),
        registered.load,
        lambda: tracking.log_text(run_id, "a.md", "a"),
        lambda: tracking.log_json(run_id, "a.json", {}),
        lambda: tracking.log_files(run_id, [registered.folder / "MLmodel"]),
        lambda: tracking.log_child(run_id, "a", {}, {}, {}),
        lambda: tracking._log_model(client, run_id, None, None),
        lambda: tracking.delete_version(version),
    ):
        with pytest.raises(ValueError, match="artifacts at 'file:.* are neither read nor written"):
            reach()
    assert client.get_model_version(tracking.model_name, version).version == 1
    assert (registered.folder / "model.skops").exists()


def test_no_artifact_is_reached_past_that_look(pytestconfig):
    text = (pytestconfig.rootpath / "fraud_assets" / "tracking.py").read_text()
    past = r"client(?:\(\))?\.(?:log_\w*artifacts?|log_text|list_artifacts|download_artifacts)\("
    assert re.findall(past, text) == []
    assert text.count("get_artifact_repository(") == 1


def test_every_filter_of_mlflow_is_made_in_one_place(pytestconfig):
    text = (pytestconfig.rootpath / "fraud_assets" / "tracking.py").read_text()
    asked = re.findall(r"\.search_(?:runs|model_versions|registered_models)\((.*)\)", text)
    assert asked
    assert [call for call in asked if "'" in call or 'f"' in call] == []
