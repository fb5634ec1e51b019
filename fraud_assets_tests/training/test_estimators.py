import numpy as np
import pandas as pd
import pytest

from fraud_assets.config import EstimatorName
from fraud_assets.training.estimators import TRUSTED_TYPES, build, fit


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    labels = pd.Series(generator.random(600) < 0.2).astype(int)
    frame = pd.DataFrame(generator.normal(size=(600, 4)) + 2 * labels.to_numpy()[:, None])
    frame.columns = list("abcd")
    return frame, labels


@pytest.mark.parametrize("name", list(EstimatorName))
def test_every_estimator_learns_and_is_the_same_for_the_same_seed(name, rows):
    features, labels = rows
    first, second = build(name, {"max_iter": 60}, seed=1), build(name, {"max_iter": 60}, seed=1)
    fit(first, features, labels)
    fit(second, features, labels)
    scores = first.predict_proba(features)[:, 1]
    assert scores[labels == 1].mean() > 0.7
    assert scores[labels == 0].mean() < 0.3
    assert np.array_equal(scores, second.predict_proba(features)[:, 1])


@pytest.mark.parametrize("name", list(EstimatorName))
def test_every_estimator_takes_missing_values(name, rows):
    features, labels = rows
    features = features.copy()
    features.loc[::3, "a"] = np.nan
    model = build(name, {"max_iter": 20}, seed=0)
    fit(model, features, labels)
    assert np.isfinite(model.predict_proba(features)).all()


@pytest.mark.parametrize("name", list(EstimatorName))
def test_every_estimator_is_saved_with_trusted_types_only(name, rows):
    import skops.io

    model = build(name, {"max_iter": 5}, seed=0)
    fit(model, *rows)
    untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    assert set(untrusted) <= set(TRUSTED_TYPES)


def test_an_mlp_that_ran_out_of_iterations_has_not_converged(rows):
    assert fit(build(EstimatorName.mlp, {"max_iter": 2}, 0), *rows) == (2, False)
    iterations, converged = fit(build(EstimatorName.mlp, {"max_iter": 400, "tol": 0.01}, 0), *rows)
    assert converged
    assert iterations < 400


def test_parameters_replace_the_defaults_and_lists_become_tuples():
    model = build(EstimatorName.mlp, {"hidden_layer_sizes": [8, 4]}, 0)
    assert model.named_steps["estimator"].hidden_layer_sizes == (8, 4)


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="hist_gradient_boosting has no parameter depth.*max_iter"):
        build(EstimatorName.hist_gradient_boosting, {"depth": 3}, 0)
