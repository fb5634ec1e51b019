import json

import pytest

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.training.tuned import save_tuned, tuned_path, with_tuned
from fraud_assets_tests import factories

TUNED = factories.tuned_parameters(parameters={"max_depth": 3, "n_estimators": 200})


def test_without_tuned_parameters_the_settings_stay_as_they_are(home):
    settings = TrainingSettings(parameters={"max_depth": 4})
    assert with_tuned(settings) == (settings, None)


def test_tuned_parameters_are_used_under_those_that_were_set(home):
    save_tuned(TUNED)
    settings, tuned_on = with_tuned(TrainingSettings(parameters={"max_depth": 4}, seed=7))
    assert settings.parameters == {"max_depth": 4, "n_estimators": 200}
    assert settings.seed == 7
    assert tuned_on == "june"


def test_tuned_parameters_are_those_of_the_estimator_and_can_be_switched_off(home):
    save_tuned(TUNED)
    for settings in (TrainingSettings(estimator="lightgbm"), TrainingSettings(use_tuned=False)):
        assert with_tuned(settings) == (settings, None)


def test_the_last_tuning_of_an_estimator_counts(home):
    assert save_tuned(TUNED) == save_tuned(factories.tuned_parameters(batch="july"))
    settings, tuned_on = with_tuned(TrainingSettings())
    assert (settings.parameters, tuned_on) == ({"max_depth": 3}, "july")


def test_a_file_of_an_earlier_release_is_read(home):
    path = save_tuned(TUNED)
    values = json.loads(path.read_text())
    del values["record_version"]
    path.write_text(json.dumps(values))
    assert with_tuned(TrainingSettings())[1] == "june"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": {"boosting_type": "gbdt machines=a"}}, "parameters.boosting_type has a"),
        ({"parameters": None}, "xgboost.json is not a TunedParameters record.*parameters"),
        ({"more": 1}, "xgboost.json is not a TunedParameters record.*more"),
    ],
)
def test_an_edited_file_is_validated(home, change, message):
    path = save_tuned(TUNED)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert path == tuned_path(TUNED.estimator)
    with pytest.raises(ValueError, match=message):
        with_tuned(TrainingSettings())
