import numpy as np
import pandas as pd

from fraud_assets.config import ThresholdRule, TrainingSettings
from fraud_assets.metrics import class_figures, confusion
from fraud_assets.training.train import fraud_scores, train


def rows(seed, n=800):
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.15).astype(int)
    frame = pd.DataFrame(generator.normal(size=(n, 3)) + labels[:, None], columns=list("abc"))
    return frame.assign(fraud_=labels, amount_=np.nan)


def test_the_threshold_is_the_best_on_the_validation_rows_not_on_the_train_rows():
    fitted, chosen = rows(0), rows(1)
    model = train(fitted, chosen, list("abc"), TrainingSettings(parameters={"max_iter": 30}))
    scores = fraud_scores(model.pipeline, chosen, list("abc"))
    labels = chosen["fraud_"].to_numpy()

    def f1(threshold):
        return class_figures(confusion(labels, scores >= threshold))["test_fraud_f1"]

    assert f1(model.decision_threshold) == max(f1(score) for score in scores)
    assert model.validation_figures["validation_fraud_f1"] == f1(model.decision_threshold)


def test_cheap_alerts_lower_the_threshold():
    fitted, chosen = rows(0), rows(1)
    cheap, dear = (
        train(
            fitted,
            chosen,
            list("abc"),
            TrainingSettings(
                parameters={"max_iter": 30},
                threshold_rule=ThresholdRule.min_cost,
                missed_fraud=100,
                review=review,
            ),
        ).decision_threshold
        for review in (0.1, 60)
    )
    assert cheap < dear


def test_a_column_without_a_value_in_the_train_rows_is_left_out():
    fitted, chosen = rows(0).assign(d=np.nan), rows(1).assign(d=1.0)
    model = train(fitted, chosen, list("abcd"), TrainingSettings(parameters={"max_iter": 5}))
    assert model.features == list("abc")
