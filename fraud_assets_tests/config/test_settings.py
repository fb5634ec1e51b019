import pytest
from pydantic import ValidationError

from fraud_assets.config import environment
from fraud_assets.config.limits import DRIFT_SCORE, FRAUD_RECALL
from fraud_assets.config.settings import (
    ChallengerSettings,
    Costs,
    IntakeSettings,
    SimulationSettings,
    SplitSettings,
    TrainingSettings,
)


@pytest.mark.parametrize(
    ("recall", "verdict"),
    [(1.0, "good"), (0.80, "good"), (0.799, "watch"), (0.60, "watch"), (0.599, "critical")],
)
def test_recall_is_good_from_080_and_critical_under_060(recall, verdict):
    assert FRAUD_RECALL.verdict(recall) == verdict


@pytest.mark.parametrize(
    ("score", "verdict"), [(0.0999, "good"), (0.1, "watch"), (0.3, "watch"), (0.301, "critical")]
)
def test_drift_is_stable_under_01_and_means_retrain_over_03(score, verdict):
    assert DRIFT_SCORE.verdict(score) == verdict


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError, match="estimater"):
        TrainingSettings(estimater="mlp")


def test_shares_that_leave_no_test_rows_are_refused():
    with pytest.raises(ValidationError, match="leave no test rows"):
        SplitSettings(train_share=0.8, validation_share=0.2)


def test_training_settings_give_their_costs_alone():
    assert TrainingSettings(review=3.5).costs == Costs(review=3.5)


def test_mlflow_is_sqlite_under_the_home_folder_until_a_server_is_named(home, monkeypatch):
    assert environment.tracking_uri() == f"sqlite:///{home}/var/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert environment.tracking_uri() == "http://127.0.0.1:1"


def test_features_are_computed_in_process_or_on_a_spark_cluster(monkeypatch):
    monkeypatch.delenv("FRAUD_ENGINE", raising=False)
    assert environment.feature_engine() == "duckdb"
    monkeypatch.setenv("FRAUD_ENGINE", "spark://master:7077")
    assert environment.feature_engine() == "spark://master:7077"
    monkeypatch.setenv("FRAUD_ENGINE", "flink")
    with pytest.raises(ValueError, match="FRAUD_ENGINE is 'flink'; set it to spark://host:port"):
        environment.feature_engine()


def test_how_many_versions_are_kept_is_a_number_or_all(monkeypatch):
    monkeypatch.delenv("FRAUD_KEEP_VERSIONS", raising=False)
    assert environment.kept_versions() is None
    monkeypatch.setenv("FRAUD_KEEP_VERSIONS", "3")
    assert environment.kept_versions() == 3
    monkeypatch.setenv("FRAUD_KEEP_VERSIONS", "0")
    with pytest.raises(ValueError, match="FRAUD_KEEP_VERSIONS is '0'; set it to 1 or more"):
        environment.kept_versions()


@pytest.mark.parametrize(
    ("settings", "field", "values"),
    [
        (IntakeSettings, "encoding", ["../../x", "utf-8'; --", "", "a" * 41]),
        (IntakeSettings, "delimiter", ["", ",,", '"', "\n", "\0", "é"]),
        (IntakeSettings, "decimal", ["x", ".,", "", "\\"]),
        (IntakeSettings, "timestamp_format", ["", "%Y\n", "%Y" * 100]),
        (SimulationSettings, "first_day", ["today", "2026-01-01'; --", "../x"]),
        (ChallengerSettings, "version", ["0", "1/../2", "champion", "1 OR 1=1"]),
    ],
)
def test_a_setting_that_is_handed_on_as_text_has_a_pattern(settings, field, values):
    for value in values:
        with pytest.raises(ValidationError, match=f"{field}\n  String should match pattern"):
            settings(**{field: value})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", " "])
def test_every_usual_delimiter_can_be_set(delimiter):
    assert IntakeSettings(delimiter=delimiter).delimiter == delimiter


def test_labels_that_mean_both_are_refused():
    with pytest.raises(ValueError, match="must both be given and have nothing in common"):
        IntakeSettings(fraud_labels=["1", "Yes"], genuine_labels=["yes"])
