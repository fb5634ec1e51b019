import numpy as np
import pytest

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.training.anomaly import SCORE, AnomalyClassifier, AnomalyScore
from fraud_assets.training.estimators import build, fit
from fraud_assets_tests.training.conftest import COLUMNS


def test_what_lies_far_out_has_the_higher_score_without_any_label(rows):
    features = rows[COLUMNS].fillna(0)
    model = AnomalyClassifier(n_estimators=50).fit(features)
    scores = model.predict_proba(features)
    far = features.abs().max(axis=1) > 3
    assert scores[far, 1].mean() > scores[~far, 1].mean()
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(features)))
    assert set(model.predict(features)) <= {0, 1}


def test_the_score_is_a_column_beside_the_features(rows):
    frame = AnomalyScore(n_estimators=20).fit(rows[COLUMNS]).transform(rows[COLUMNS])
    assert list(frame.columns) == [*COLUMNS, SCORE]
    assert frame[SCORE].between(0, 1).all()


def test_a_model_may_read_the_score_among_its_features(rows):
    settings = TrainingSettings(anomaly_score=True, parameters={"n_estimators": 10})
    model = build(settings)
    fit(model, rows[COLUMNS], rows["fraud_"])
    assert model.named_steps["estimator"].n_features_in_ == len(COLUMNS) + 1
