import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.settings import Imbalance, ThresholdRule, TrainingSettings
from fraud_assets.metrics import class_figures, confusion
from fraud_assets.training.train import example_of, fit_model, fraud_scores, train
from fraud_assets_tests.training.conftest import COLUMNS, train_rows

SMALL = {"n_estimators": 30}


def test_the_threshold_is_the_best_on_the_validation_rows_not_on_the_train_rows():
    fitted, chosen = train_rows(0), train_rows(1)
    found = train(fitted, chosen, COLUMNS, TrainingSettings(parameters=SMALL))
    scores = fraud_scores(found.model, chosen, COLUMNS)
    labels = chosen["fraud_"].to_numpy()

    def f1(threshold):
        return class_figures(confusion(labels, scores >= threshold))["test_fraud_f1"]

    assert f1(found.decision_threshold) == max(f1(score) for score in scores)
    assert found.validation_figures["validation_fraud_f1"] == f1(found.decision_threshold)


def test_cheap_alerts_lower_the_threshold():
    fitted, chosen = train_rows(0), train_rows(1)
    cheap, dear = (
        train(
            fitted,
            chosen,
            COLUMNS,
            TrainingSettings(
                parameters=SMALL,
                threshold_rule=ThresholdRule.min_cost,
                missed_fraud=100,
                review=review,
            ),
        ).decision_threshold
        for review in (0.1, 60)
    )
    assert cheap < dear


def test_a_column_without_a_value_in_the_train_rows_is_left_out():
    fitted, chosen = train_rows(0).assign(e=np.nan), train_rows(1).assign(e=1.0)
    found = train(fitted, chosen, [*COLUMNS, "e"], TrainingSettings(parameters=SMALL))
    assert found.features == COLUMNS


@pytest.mark.parametrize("imbalance", [Imbalance.undersample, Imbalance.smote])
def test_validation_rows_are_never_resampled(imbalance):
    fitted, chosen = train_rows(0), train_rows(1)
    settings = TrainingSettings(parameters=SMALL, imbalance=imbalance, genuine_per_fraud=1)
    found = train(fitted, chosen, COLUMNS, settings)
    point = found.neighbours[-1]
    assert point.frauds_detected + point.frauds_missed == chosen["fraud_"].sum()


def test_the_pipeline_before_correction_is_that_of_the_settings(rows):
    pipeline, factor, iterations, converged = fit_model(
        rows, COLUMNS, TrainingSettings(parameters=SMALL)
    )
    assert pipeline.named_steps["estimator"].n_estimators == iterations == 30
    assert (factor, converged) == (1.0, True)


def test_the_example_of_a_model_looks_like_the_rows_and_is_none_of_them():
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.normal(100, 20, 99), "b": generator.random(99),
                         "empty": np.nan})  # fmt: skip
    example = example_of(rows)
    assert example.dtypes.tolist() == rows.dtypes.tolist()
    assert not {tuple(r) for r in example.to_numpy()} & {
        tuple(r) for r in rows.fillna(0).to_numpy()
    }
    for name in ("a", "b"):
        assert not set(example[name]) & set(rows[name])
        assert example[name].between(rows[name].min(), rows[name].max()).all()
    assert example["empty"].tolist() == [0, 0, 0]
