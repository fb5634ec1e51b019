import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.training.focal import SMALLEST_HESSIAN, FocalBoosting, focal_derivatives
from fraud_assets_tests.training.conftest import COLUMNS


def loss(label, margin, gamma):
    q = 1 / (1 + np.exp(-margin if label else margin))
    return -((1 - q) ** gamma) * np.log(q)


@given(st.integers(0, 1), st.floats(-6, 6), st.floats(0, 5))
def test_the_derivatives_are_those_of_the_loss(label, margin, gamma):
    step = 1e-4
    gradient, hessian = focal_derivatives(np.array([label]), np.array([margin]), gamma)
    low, here, high = (loss(label, margin + d, gamma) for d in (-step, 0, step))
    assert gradient[0] == pytest.approx((high - low) / (2 * step), rel=1e-3, abs=1e-6)
    curved = max((high - 2 * here + low) / step**2, SMALLEST_HESSIAN)
    assert hessian[0] == pytest.approx(curved, rel=1e-2, abs=1e-5)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_booster_with_focal_loss_ranks_frauds_first_and_starts_from_the_prevalence(library, rows):
    features, labels = rows[COLUMNS], rows["fraud_"]
    model = FocalBoosting(library, {"n_estimators": 30, "learning_rate": 0.1}, gamma=1.5)
    scores = model.fit(features, labels).predict_proba(features)[:, 1]
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.3
    start = FocalBoosting(library, {"n_estimators": 1, "learning_rate": 1e-6}).fit(features, labels)
    assert start.predict_proba(features)[:, 1] == pytest.approx(labels.mean(), rel=1e-3)
    assert set(model.predict(features)) <= {0, 1}
