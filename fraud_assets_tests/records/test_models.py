import pytest

from fraud_assets.records.models import ReferenceProfile, TrainedModel
from fraud_assets_tests import factories


def test_a_trained_model_comes_back_from_its_json():
    model = factories.trained_model()
    assert TrainedModel.from_json(model.to_json(), "trained_model.json") == model


def test_a_trained_model_with_an_unknown_key_is_named_by_file_and_key():
    text = factories.trained_model().to_json().replace('"run_id"', '"run"')
    with pytest.raises(ValueError, match=r"a.json is not a TrainedModel record.*run"):
        TrainedModel.from_json(text, "a.json")


def test_a_reference_profile_of_the_first_release_is_read():
    values = '"batch": "june", "model_version": "3", "mlflow_run_id": "r", "artifacts": {"a": "h"}'
    old = ReferenceProfile.from_json(f'{{"version": 1, {values}}}', "old.json")
    assert old == ReferenceProfile.from_json(f'{{"record_version": 1, {values}}}', "new.json")
