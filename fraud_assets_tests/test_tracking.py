import os
import shutil
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from fraud_assets import config
from fraud_assets.config import CONTENT_TAG, TrainingSettings
from fraud_assets.masking import KEY_ID_FILE, AnotherKeyError, masking
from fraud_assets.tracking import (
    DECISION_TAG,
    MODEL_FACTS,
    TRAINING_KEYS,
    Tracking,
    _models_at_hand,
)
from fraud_assets.training.calibration import CalibratedModel
from fraud_assets.training.estimators import TRUSTED_TYPES, build, fit


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: it takes more than a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(tmp_path_factory.mktemp("made")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Tracking(experiment="none").client()
        return config.home_folder() / "mlflow" / "mlflow.db"


@pytest.fixture
def tracking(home, empty_database):
    folder = home / "var" / "mlflow"
    folder.mkdir(parents=True)
    shutil.copy(empty_database, folder)
    return Tracking()


class Context:
    """What the resource reads of an asset's context."""

    def __init__(self, run_id: str, dead: str | None = None):
        self.run_id = run_id
        tags = {"dagster/partition": "june", CONTENT_TAG: "a"} if dead else {}
        self.run = SimpleNamespace(job_name="fraud_pipeline", run_id=run_id, tags=tags)
        self.instance = SimpleNamespace(get_run_ids=lambda _: [dead])
        self.log = dg.get_dagster_logger()


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


def test_a_version_comes_back_with_model_threshold_and_features_unless_altered(tracking, home):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    pipeline = build(TrainingSettings(parameters={"n_estimators": 5}))
    model = CalibratedModel(pipeline, 1.0, -0.5)
    fit(pipeline, frame, pd.Series((frame["a"] > 0).astype(int)))
    assert tracking.champion() is None
    with tracking.training_run(Context("1"), "june", {}) as run_id:
        facts = {"batch": "june", "decision_threshold": 0.4, "features": ["a", "b"]}
        tracking.log_json(run_id, MODEL_FACTS, facts)
        tracking.log_training_keys(run_id, pd.Series([1, 2**63], dtype="uint64"))
        version = tracking.register(run_id, model, frame.head(), TRUSTED_TYPES, {"t": "v"})
    tracking.make_champion(version)
    champion = tracking.champion()
    assert (champion.version, champion.batch, champion.decision_threshold) == (version, "june", 0.4)
    assert champion.features == ("a", "b")
    loaded = tracking.load(version)
    assert np.array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert tracking.load(version) is loaded
    assert tracking.training_keys(run_id).tolist() == [1, 2**63]
    assert len(tracking.model_hash(version)) == 64
    assert tracking.read_json(run_id, "nothing.json") is None
    named = tracking.client().get_model_version_by_alias(tracking.model_name, "challenger")
    assert str(named.version) == version
    (file,) = (home / "var" / "mlflow").rglob("model.skops")
    file.write_bytes(file.read_bytes() + b"0")
    _models_at_hand.clear()
    with pytest.raises(ValueError, match=f"model.skops of version {version} .* was altered"):
        tracking.load(version)


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
    tracking.log_json(run_id, MODEL_FACTS, {"batch": "june"})
    assert tracking.model_facts(run_id) == {"batch": "june"}
    monkeypatch.setattr(Tracking, "read_json", lambda *_: pytest.fail("read again"))
    assert tracking.model_facts(run_id) == {"batch": "june"}


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


@pytest.mark.parametrize("how", ["tagged", "in charge"])
def test_a_version_that_something_was_decided_about_is_never_taken_back(tracking, how):
    with tracking.training_run(Context("1"), "june", {}) as died:
        facts = {"batch": "june", "decision_threshold": 0.5, "features": ["a"]}
        tracking.log_json(died, MODEL_FACTS, facts)
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    version = client.create_model_version(tracking.model_name, "file:/nowhere", died).version
    assert tracking.decided_model({"1"}) is None
    if how == "tagged":
        tracking.tag_version(version, {DECISION_TAG: "reject"})
        found = tracking.decided_model({"0", "1"})
        assert found == {**facts, "run_id": died, "version": str(version)}
        assert tracking.decided_model({"2"}) is tracking.decided_model(set()) is None
    else:
        tracking.make_champion(version)
    with tracking.training_run(Context("2", dead="1"), "june", {}):
        assert len(client.search_model_versions(f"run_id = '{died}'")) == 1
        assert client.get_run(died).info.status == "FINISHED"


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
