import numpy as np
import pandas as pd
import pytest

from fraud_assets.platform.masking import KEY_ID_FILE, AnotherKeyError, masking
from fraud_assets.tracking import MODEL_FACTS, REFERENCE_PROFILE, TRAINING_KEYS, registry
from fraud_assets_tests.registered import artifact, train_once


@pytest.mark.parametrize("name", [MODEL_FACTS, "training_keys.parquet"])
def test_an_artifact_that_was_altered_after_the_decision_is_not_used(registered, name):
    file = artifact(registered, name)
    file.write_bytes(file.read_bytes().replace(b"0.4", b"0.9") + b" ")
    registry._cached_facts.clear()
    with pytest.raises(ValueError, match=f"{name} of MLflow run .* was altered"):
        registered.tracking.artifact_hashes(registered.run_id)
    if name == MODEL_FACTS:
        with pytest.raises(ValueError, match="was altered"):
            registered.tracking.champion()


def test_an_artifact_that_no_decision_recorded_is_not_used(registered):
    registered.tracking.log_json(registered.run_id, REFERENCE_PROFILE, {"a": 1})
    with pytest.raises(ValueError, match="the decision log says that there was none"):
        registered.tracking.read_json(registered.run_id, REFERENCE_PROFILE)


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


def test_the_decision_log_is_read_once_for_all_artifacts(registered, monkeypatch):
    reads = []
    read = registry.read_entries
    monkeypatch.setattr(registry, "read_entries", lambda log: reads.append(log) or read(log))
    assert len(registered.tracking.artifact_hashes(registered.run_id)) == 2
    assert len(reads) == 1
