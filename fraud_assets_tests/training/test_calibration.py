from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.settings import Imbalance, TrainingSettings
from fraud_assets.training.calibration import CalibratedModel, divide_odds, fit_sigmoid, log_odds
from fraud_assets.training.train import fraud_scores, train
from fraud_assets_tests.training.conftest import COLUMNS, train_rows


def model_of(scores):
    scores = np.asarray(scores)
    return SimpleNamespace(predict_proba=lambda _: np.column_stack([1 - scores, scores]))


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0.01, 100))
def test_the_odds_are_divided_by_the_factor_and_the_order_stays(scores, factor):
    found = divide_odds(model_of(scores), factor).predict_proba(None)[:, 1]
    inside = (np.array(scores) > 1e-6) & (np.array(scores) < 1 - 1e-6)
    before, after = (np.asarray(p)[inside] for p in (scores, found))
    assert after / (1 - after) == pytest.approx(before / (1 - before) / factor, rel=1e-4)
    assert (np.diff(found[np.argsort(scores, kind="stable")]) >= 0).all()


def test_no_correction_leaves_every_digit():
    scores = np.random.default_rng(0).random(50)
    assert np.array_equal(CalibratedModel(model_of(scores)).predict_proba(None)[:, 1], scores)


def test_the_sigmoid_finds_slope_and_intercept_again():
    generator = np.random.default_rng(0)
    true = generator.normal(-2, 2, 40_000)
    labels = (generator.random(len(true)) < 1 / (1 + np.exp(-true))).astype(int)
    bent = 1 / (1 + np.exp(-(0.5 * true + 1)))
    model = fit_sigmoid(model_of(bent), labels, bent)
    assert model.slope == pytest.approx(2, rel=0.05)
    assert model.intercept == pytest.approx(-2, rel=0.1)


def test_scores_that_rank_backwards_are_not_turned_round():
    scores = np.linspace(0.01, 0.99, 200)
    labels = (scores < 0.3).astype(int)
    model = fit_sigmoid(model_of(scores), labels, scores)
    assert model.slope == 1
    assert (np.diff(model.predict_proba(None)[:, 1]) > 0).all()


def test_log_odds_have_an_end():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("imbalance", list(Imbalance))
def test_whatever_is_done_about_imbalance_the_probabilities_are_about_true(imbalance):
    fitting, chosen = train_rows(0, 3000, 0.04), train_rows(1, 3000, 0.04)
    other = train_rows(2, 3000, 0.04)
    settings = TrainingSettings(
        imbalance=imbalance, genuine_per_fraud=2, parameters={"n_estimators": 60}
    )
    fitted = train(fitting, chosen, COLUMNS, settings)
    scores = fraud_scores(fitted.model, other, COLUMNS)
    assert scores.mean() == pytest.approx(other["fraud_"].mean(), rel=0.35)
    raw = pd.Series(fitted.model.model.predict_proba(other[COLUMNS])[:, 1])
    if imbalance is not Imbalance.none:
        bent = abs(raw.mean() - other["fraud_"].mean())
        assert abs(scores.mean() - other["fraud_"].mean()) < bent
