import hashlib

import numpy as np
import pytest

from fraud_assets.records.models import TrainedModel
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry
from fraud_assets.tracking import (
    DECISION_TAG,
    MODEL_FACTS,
    TRAINING_KEYS,
    ModelVersion,
    registry,
)
from fraud_assets.tracking.registry import HASH_TAG
from fraud_assets_tests import factories
from fraud_assets_tests.registered import Context, artifact, decision, log_decision, train_once


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


def test_a_model_whose_hash_was_altered_in_the_registry_too_is_not_opened(registered):
    file = registered.folder / "model.skops"
    file.write_bytes(file.read_bytes() + b"0")
    tag = {HASH_TAG: hashlib.sha256(file.read_bytes()).hexdigest()}
    registered.tracking.tag_version(registered.version, tag)
    with pytest.raises(ValueError, match="was altered since it was registered"):
        registered.load()


def test_a_version_that_nothing_was_decided_about_is_not_opened(registered):
    paths.decisions_path().unlink()
    with pytest.raises(ValueError, match="no decision about version 1 .* cannot be verified"):
        registered.load()


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


def test_a_champion_as_it_was_decided_about_has_no_findings(registered):
    assert registered.tracking.findings() == []


def test_without_a_champion_there_is_nothing_to_compare(tracking):
    assert tracking.findings() == []


@pytest.mark.parametrize("name", [MODEL_FACTS, TRAINING_KEYS])
@pytest.mark.parametrize("how", ["altered", "gone"])
def test_an_artifact_of_the_champion_that_is_not_the_decided_one_is_a_finding(
    registered, name, how
):
    # The cached facts do not hide it.
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

    monkeypatch.setattr(registry, "read_artifact", away)
    with pytest.raises(ConnectionError):
        registered.tracking.findings()


def test_a_registry_that_is_away_is_not_one_without_a_champion(tracking, monkeypatch):
    from mlflow.exceptions import MlflowException

    def away(*_):
        raise MlflowException("away", error_code=5)

    assert tracking.champion() is None
    monkeypatch.setattr("mlflow.MlflowClient.get_model_version_by_alias", away)
    with pytest.raises(MlflowException, match="away"):
        tracking.champion()


def test_what_a_model_was_made_from_is_read_once(tracking, monkeypatch):
    run_id = train_once(tracking)
    assert tracking.model_facts(run_id) is None
    facts = factories.model_facts()
    tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json"))
    assert tracking.model_facts(run_id) == facts
    monkeypatch.setattr(registry, "read_artifact", lambda *_: pytest.fail("read again"))
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


@pytest.mark.parametrize("how", ["decided", "champion"])
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
    tracking.server().artifacts_of(died).delete_artifacts(MODEL_FACTS)
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
