import numpy as np
import pytest

from fraud_assets.config.settings import Imbalance, TrainingSettings
from fraud_assets.evaluation import explain as explaining
from fraud_assets.evaluation.explain import explain
from fraud_assets.training.anomaly import SCORE
from fraud_assets.training.calibration import log_odds
from fraud_assets.training.train import fraud_scores, train
from fraud_assets_tests.training.conftest import COLUMNS, train_rows

FEW = {"n_estimators": 20}
MODELS = {
    "xgboost": TrainingSettings(parameters=FEW),
    "lightgbm": TrainingSettings(estimator="lightgbm", parameters=FEW),
    "logistic_regression": TrainingSettings(estimator="logistic_regression"),
    "hist_gradient_boosting": TrainingSettings(
        estimator="hist_gradient_boosting", parameters={"max_iter": 20}
    ),
    "random_forest": TrainingSettings(estimator="random_forest", parameters={"n_estimators": 5}),
    "mlp": TrainingSettings(estimator="mlp", parameters={"max_iter": 20}),
    "focal loss": TrainingSettings(parameters=FEW, imbalance=Imbalance.focal_loss),
    "focal loss by LightGBM": TrainingSettings(
        estimator="lightgbm", parameters=FEW, imbalance=Imbalance.focal_loss
    ),
    "undersampled": TrainingSettings(
        parameters=FEW, imbalance=Imbalance.undersample, genuine_per_fraud=2
    ),
    "smote": TrainingSettings(parameters=FEW, imbalance=Imbalance.smote, genuine_per_fraud=2),
    "anomaly score": TrainingSettings(parameters=FEW, anomaly_score=True),
}


@pytest.fixture(scope="module")
def rows():
    return train_rows(3, n=12)


def fitted(name):
    return train(train_rows(0), train_rows(1), COLUMNS, MODELS[name]).model


BY_SHAP = ("hist_gradient_boosting", "random_forest", "mlp")
"""What these need compiles itself at first use, for ten seconds: they are tested later."""


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(BY_SHAP)))
def test_contributions_add_up_to_the_log_odds_of_the_score(name, rows):
    adds_up(name, rows)


@pytest.mark.integration
@pytest.mark.parametrize("name", BY_SHAP)
def test_contributions_by_shap_add_up_to_the_log_odds_of_the_score(name, rows):
    adds_up(name, rows)


def adds_up(name, rows):
    model = fitted(name)
    found = explain(model, rows, COLUMNS)
    total = found.base + found.contributions.sum(axis=1)
    expected = log_odds(fraud_scores(model, rows, COLUMNS))
    # A forest may be sure of a row, and log-odds of certainty are cut off where calibration is.
    assert total == pytest.approx(expected, abs=2e-3)


def test_the_anomaly_score_is_a_feature_like_others(rows):
    found = explain(fitted("anomaly score"), rows, COLUMNS)
    assert found.features == [*COLUMNS, SCORE]
    assert np.all((found.values[:, -1] > 0) & (found.values[:, -1] < 1))


def test_importance_is_the_mean_size_of_the_contributions_largest_first(rows):
    found = explain(fitted("xgboost"), rows, COLUMNS)
    importance = found.importance()
    assert importance.is_monotonic_decreasing
    place = found.features.index(importance.index[0])
    assert importance.iloc[0] == np.abs(found.contributions[:, place]).mean()


def test_reasons_are_what_speaks_most_for_a_fraud_in_words(rows):
    found = explain(fitted("xgboost"), rows, COLUMNS)
    high = int(np.argmax(found.base + found.contributions.sum(axis=1)))
    reasons = found.reasons()[high].split("; ")
    largest = found.features[int(np.argmax(found.contributions[high]))]
    assert reasons[0].startswith((f"{largest} is ", f"no {largest}"))
    assert len(reasons) <= 3
    assert all("(+" in reason for reason in reasons)


@pytest.mark.integration
def test_a_model_that_can_but_be_asked_explains_the_first_rows_alone(rows, monkeypatch):
    monkeypatch.setattr(explaining, "PERMUTED_ROWS", 3)
    assert len(explain(fitted("mlp"), rows, COLUMNS).reasons()) == 3
    assert len(explain(fitted("xgboost"), rows, COLUMNS).reasons()) == len(rows)


def test_without_shap_a_model_that_needs_it_has_no_explanation(rows, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "shap", None)
    assert explain(fitted("mlp"), rows, COLUMNS) is None
    assert explain(fitted("hist_gradient_boosting"), rows, COLUMNS) is None
    assert explain(fitted("xgboost"), rows, COLUMNS) is not None
