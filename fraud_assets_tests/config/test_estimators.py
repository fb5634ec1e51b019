from importlib import import_module

import dagster as dg
import pytest

from fraud_assets.config.estimators import SINGLE_ESTIMATORS, EqualLayers, EstimatorName
from fraud_assets.config.settings import TrainingSettings
from fraud_assets.store.model_file import TRUSTED_TYPES

ENSEMBLES = [name for name in EstimatorName if name.kind.combines_members]


def model_class(name):
    module, _, class_name = name.kind.model.rpartition(".")
    return getattr(import_module(module), class_name)


def test_a_name_is_its_text_and_carries_its_kind():
    assert EstimatorName("mlp") is EstimatorName.mlp
    assert f"{EstimatorName.mlp}" == "mlp"
    assert TrainingSettings(estimator="mlp").model_dump(mode="json")["estimator"] == "mlp"
    assert all(name == name.name for name in EstimatorName)


def test_an_ensemble_combines_single_estimators():
    assert ENSEMBLES == ["soft_voting", "stacking"]
    assert {*SINGLE_ESTIMATORS, *ENSEMBLES} == set(EstimatorName)


@pytest.mark.parametrize("name", SINGLE_ESTIMATORS)
def test_an_entry_names_only_parameters_that_its_class_has(name):
    kind = name.kind
    parameters = model_class(name)(**kind.arguments).get_params()
    named = {*kind.defaults, *kind.search_space}
    if kind.class_weight:
        named.add("class_weight" if kind.class_weight == "balanced" else kind.class_weight)
    assert named <= set(parameters)


@pytest.mark.parametrize("name", list(EstimatorName))
def test_the_ranges_of_a_search_space_are_not_empty(name):
    for dimension in name.kind.search_space.values():
        if isinstance(dimension, EqualLayers):
            assert dimension.most >= 1
            assert len(set(dimension.widths)) > 1
        else:
            assert dimension.low < dimension.high
            assert dimension.low > 0 or not dimension.log


@pytest.mark.parametrize("name", list(EstimatorName))
def test_the_types_of_an_entry_are_trusted_when_a_model_is_opened(name):
    assert set(name.kind.trusted_types) <= set(TRUSTED_TYPES)


def test_the_launchpad_offers_every_entry_of_the_table():
    class Launchpad(TrainingSettings, dg.Config):
        pass

    @dg.asset
    def thing(config: Launchpad):
        return str(config.estimator)

    for name in EstimatorName:
        settings = {"ops": {"thing": {"config": {"estimator": str(name)}}}}
        assert dg.validate_run_config(
            dg.Definitions(assets=[thing]).resolve_implicit_global_asset_job_def(), settings
        )
