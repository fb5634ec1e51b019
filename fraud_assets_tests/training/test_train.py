import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.settings import (
    Imbalance,
    SplitMode,
    SplitSettings,
    ThresholdRule,
    TrainingSettings,
)
from fraud_assets.metrics import class_figures, confusion
from fraud_assets.training.train import example_of, fit_model, fraud_scores, train, validation_days
from fraud_assets_tests.training.conftest import COLUMNS, train_rows

SMALL = {"n_estimators": 30}


def test_the_threshold_is_the_best_on_the_validation_rows_not_on_the_train_rows():
    rows, validation = train_rows(0), train_rows(1)
    fitted = train(rows, validation, COLUMNS, TrainingSettings(parameters=SMALL))
    scores = fraud_scores(fitted.model, validation, COLUMNS)
    labels = validation["fraud_"].to_numpy()

    def f1(threshold):
        return class_figures(confusion(labels, scores >= threshold))["test_fraud_f1"]

    assert f1(fitted.decision_threshold) == max(f1(score) for score in scores)
    assert fitted.validation_figures["validation_fraud_f1"] == f1(fitted.decision_threshold)


def test_cheap_alerts_lower_the_threshold():
    rows, validation = train_rows(0), train_rows(1)
    cheap, dear = (
        train(
            rows,
            validation,
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
    rows, validation = train_rows(0).assign(e=np.nan), train_rows(1).assign(e=1.0)
    fitted = train(rows, validation, [*COLUMNS, "e"], TrainingSettings(parameters=SMALL))
    assert fitted.features == COLUMNS


@pytest.mark.parametrize("imbalance", [Imbalance.undersample, Imbalance.smote])
def test_validation_rows_are_never_resampled(imbalance):
    rows, validation = train_rows(0), train_rows(1)
    settings = TrainingSettings(parameters=SMALL, imbalance=imbalance, genuine_per_fraud=1)
    fitted = train(rows, validation, COLUMNS, settings)
    point = fitted.neighbours[-1]
    assert point.frauds_detected + point.frauds_missed == validation["fraud_"].sum()


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


DAY = 86_400_000_000


def timed(*days):
    return pd.DataFrame({"known_us_": [day * DAY for day in days]})


def test_validation_rows_split_in_time_stand_for_their_share_of_the_days():
    settings = SplitSettings()
    rows, validation = timed(0, 1, 2, 3, 4, 5), timed(6, 8)
    assert validation_days(settings, SplitMode.temporal, rows, validation) == 8 * 2 / 8


def test_validation_rows_split_at_random_stand_for_less_as_test_rows_are_in_between():
    settings = SplitSettings(train_share=0.5, validation_share=0.25)
    rows, validation = timed(0, 2, 4, 8), timed(1, 3, 5, 7)
    days = validation_days(settings, SplitMode.stratified, rows, validation)
    assert days == pytest.approx(8 * 0.5 * 0.75)


def test_rows_without_times_stand_for_no_number_of_days():
    rows = pd.DataFrame({"known_us_": [None, None]}, dtype=float)
    assert validation_days(SplitSettings(), SplitMode.stratified, rows, rows) is None
