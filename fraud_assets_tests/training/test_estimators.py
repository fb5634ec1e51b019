import numpy as np
import pytest
from pydantic import ValidationError

from fraud_assets.config.estimators import EstimatorKind, EstimatorName, IntegerRange
from fraud_assets.config.settings import Imbalance, TrainingSettings, TuningSettings
from fraud_assets.store.model_file import TRUSTED_TYPES
from fraud_assets.training import estimators
from fraud_assets.training.estimators import build, fit
from fraud_assets.training.train import fraud_scores, train
from fraud_assets.training.tuning import tune
from fraud_assets_tests.training.conftest import COLUMNS

FEW = {"n_estimators": 20}
ROUNDS = {"max_iter": 40}
MEMBERS = {"xgboost": FEW, "lightgbm": FEW, "random_forest": FEW}
FEWER = {
    "xgboost": FEW,
    "lightgbm": FEW,
    "random_forest": FEW,
    "isolation_forest": FEW,
    "hist_gradient_boosting": ROUNDS,
    "mlp": ROUNDS,
    "soft_voting": MEMBERS,
    "stacking": MEMBERS,
}
SUPERVISED = [name for name in EstimatorName if name != EstimatorName.isolation_forest]


def settings(name, **more):
    return TrainingSettings(estimator=name, parameters=FEWER.get(name, {}), **more)


def fitted(rows, chosen):
    model = build(chosen)
    fit(model, rows[COLUMNS], rows["fraud_"])
    return model


@pytest.mark.parametrize("name", SUPERVISED)
def test_every_estimator_learns_from_rows_with_missing_values_and_repeats_itself(name, rows):
    first, second = (
        fitted(rows, settings(name)).predict_proba(rows[COLUMNS])[:, 1] for _ in range(2)
    )
    assert first[rows["fraud_"] == 1].mean() > 2 * first[rows["fraud_"] == 0].mean()
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", list(EstimatorName))
def test_every_estimator_comes_back_from_its_file_with_trusted_types_only(name, rows):
    import skops.io

    model = fitted(rows, settings(name))
    data = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=data)
    assert set(untrusted) <= set(TRUSTED_TYPES)
    loaded = skops.io.loads(data, trusted=untrusted)
    before, after = (m.predict_proba(rows[COLUMNS]) for m in (model, loaded))
    assert np.array_equal(before, after)


def test_an_mlp_that_ran_out_of_iterations_has_not_converged(rows):
    def after(**parameters):
        model = build(TrainingSettings(estimator="mlp", parameters=parameters))
        return fit(model, rows[COLUMNS], rows["fraud_"])

    assert after(max_iter=2) == (2, False)
    iterations, converged = after(max_iter=400, tol=0.01)
    assert converged
    assert iterations < 400


def test_trees_count_as_converged_with_their_number_and_ensembles_with_their_longest(rows):
    model = build(settings("lightgbm"))
    assert fit(model, rows[COLUMNS], rows["fraud_"]) == (20, True)
    parameters = {"xgboost": {"n_estimators": 30}, "mlp": {"max_iter": 2}}
    both = TrainingSettings(
        estimator="soft_voting", members=["xgboost", "mlp"], parameters=parameters
    )
    assert fit(build(both), rows[COLUMNS], rows["fraud_"]) == (30, False)


def test_parameters_replace_the_defaults_and_lists_become_tuples():
    model = build(TrainingSettings(estimator="mlp", parameters={"hidden_layer_sizes": [8, 4]}))
    assert model.named_steps["estimator"].hidden_layer_sizes == (8, 4)


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    wrong = TrainingSettings(estimator="hist_gradient_boosting", parameters={"depth": 3})
    with pytest.raises(ValueError, match="hist_gradient_boosting has no parameter depth.*max_iter"):
        build(wrong)


def test_ensembles_take_parameters_by_member_and_refuse_strangers():
    wrong = TrainingSettings(estimator="stacking", parameters={"mlp": {"max_iter": 3}})
    with pytest.raises(ValueError, match="mlp is none of xgboost, lightgbm, random_forest"):
        build(wrong)


@pytest.mark.parametrize("members", [["xgboost"], ["xgboost", "xgboost"], ["xgboost", "stacking"]])
def test_an_ensemble_has_two_or_more_single_members(members):
    with pytest.raises(ValidationError, match="name two or more of"):
        TrainingSettings(members=members)


@pytest.mark.parametrize("name", ["mlp", "isolation_forest"])
def test_what_has_no_class_weights_says_so_and_who_has(name):
    with pytest.raises(ValueError, match=f"{name} has no class weights.*xgboost, lightgbm"):
        build(TrainingSettings(estimator=name, imbalance=Imbalance.class_weight))


def test_what_takes_no_focal_loss_says_who_does():
    with pytest.raises(ValueError, match="focal_loss works with xgboost, lightgbm"):
        build(TrainingSettings(estimator="random_forest", imbalance=Imbalance.focal_loss))


def test_class_weights_raise_the_scores(rows):
    plain, weighted = (
        build(settings("xgboost", imbalance=imbalance), ratio=6.0)
        for imbalance in (Imbalance.none, Imbalance.class_weight)
    )
    for model in (plain, weighted):
        fit(model, rows[COLUMNS], rows["fraud_"])
    assert (
        weighted.predict_proba(rows[COLUMNS])[:, 1].mean()
        > plain.predict_proba(rows[COLUMNS])[:, 1].mean()
    )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"boosting_type": "gbdt forcedsplits_filename=/etc/passwd"}, "parameters.boosting_type"),
        ({"lightgbm": {"metric": "auc\nmachines=a"}}, "parameters.lightgbm.metric"),
        ({"interaction": ["a", ["b c"]]}, r"parameters.interaction\[1\]\[0\]"),
        ({"a b": 1}, "parameters.a b"),
    ],
)
def test_a_text_among_the_parameters_is_one_word(parameters, name):
    with pytest.raises(ValidationError, match=f"{name} has a text with other characters"):
        TrainingSettings(parameters=parameters)
    assert TrainingSettings(parameters={"boosting_type": "gbdt"}).parameters


def test_an_entry_of_the_table_is_all_that_a_new_estimator_needs(rows, tmp_path):
    kind = EstimatorKind(
        "sklearn.ensemble.ExtraTreesClassifier",
        defaults={"n_estimators": 10},
        class_weight="balanced",
        search_space={"max_depth": IntegerRange(2, 5)},
    )
    entry = str.__new__(EstimatorName, "extra_trees")
    entry._name_, entry._value_, entry.kind = "extra_trees", "extra_trees", kind
    settings = TrainingSettings().model_copy(
        update={"estimator": entry, "imbalance": Imbalance.class_weight}
    )
    model = train(rows, rows, COLUMNS, settings).model
    assert fraud_scores(model, rows, COLUMNS)[rows["fraud_"] == 1].mean() > 0.5
    tuning = TuningSettings(trials=2, folds=2).model_copy(update={"estimator": entry})
    best = tune(rows, COLUMNS, tuning, tmp_path / "s.db", "june", lambda _: None)
    assert best.trials == 2


def test_a_library_that_cannot_be_loaded_is_reported_with_the_remedy(monkeypatch):
    def fails(_):
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(estimators, "import_module", fails)
    with pytest.raises(OSError, match="lightgbm cannot be loaded .*libgomp1"):
        build(TrainingSettings(estimator="lightgbm"))
