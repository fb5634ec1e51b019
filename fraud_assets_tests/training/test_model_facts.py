import pytest

from fraud_assets.config.settings import SplitSettings, TrainingSettings
from fraud_assets.training.model_facts import is_same_model, model_facts, model_source
from fraud_assets.training.train import train
from fraud_assets_tests import factories
from fraud_assets_tests.training.conftest import COLUMNS, train_rows


def source(training=None, **changes):
    splits = factories.splits(window=[("may", "x"), ("june", "a")], **changes)
    return model_source(factories.features(), splits, training or TrainingSettings(), "may")


def test_a_model_is_made_from_its_batch_its_window_and_its_configuration():
    made = source()
    assert (made.batch, made.content_hash, made.tuned_on) == ("june", "a", "may")
    assert made.window == [("may", "x"), ("june", "a")]
    assert made.configuration.label_delay_days == 7.0
    assert made.configuration.splits == SplitSettings()


def test_equal_configurations_have_equal_hashes_and_others_do_not():
    hashes = {
        made.configuration_hash
        for made in (
            source(),
            source(TrainingSettings()),
            source(TrainingSettings(seed=1)),
            source(settings=SplitSettings(seed=1)),
        )
    }
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"tuned_on": "april"}, True),
        ({"content_hash": "b"}, False),
        ({"window": [("june", "a")]}, False),
        ({"batch_features": ["a", "b"]}, False),
        ({"configuration_hash": "c"}, False),
    ],
)
def test_the_same_data_and_configuration_make_the_same_model(changes, same):
    made = source()
    model = factories.trained_model(**dict(made) | changes)
    assert is_same_model(model, made) is same


def test_the_facts_of_a_model_hold_what_the_training_chose():
    settings = TrainingSettings(parameters={"n_estimators": 5}, imbalance="class_weight")
    fitted = train(train_rows(0, 200), train_rows(1, 200), COLUMNS, settings)
    facts = model_facts(source(settings), fitted)
    assert facts.features == COLUMNS
    assert facts.decision_threshold == fitted.decision_threshold
    assert facts.calibration.slope == fitted.model.slope
    assert facts.iterations == 5
    assert facts.validation == fitted.validation_figures
    assert facts.batch == "june"
