import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from skops.io.exceptions import UntrustedTypesFoundException

from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, read_entries
from fraud_assets.tracking.registry import HASH_TAG


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


def test_mlflow_itself_opens_no_stored_model(registered):
    import mlflow

    with pytest.raises(mlflow.MlflowException, match="MLFLOW_ALLOW_PICKLE_DESERIALIZATION"):
        mlflow.sklearn.load_model(f"models:/{registered.tracking.model_name}/1")
