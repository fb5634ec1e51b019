import os

import pytest

from fraud_assets.config import environment
from fraud_assets.config.settings import ImplausibleBatches, Promotion, PromotionSettings

URLS = {
    "MLFLOW_UI_URL": environment.mlflow_url,
    "DAGSTER_URL": environment.dagster_url,
    "GRAFANA_URL": environment.grafana_url,
    "RUNBOOKS_URL": environment.runbooks_url,
}
OPTIONAL = {
    "FRAUD_ALERT_URLS": environment.alert_urls,
    "FRAUD_OBJECT_STORE": environment.object_store,
    "FRAUD_USER_HEADER": environment.user_header,
    "PROMETHEUS_PUSHGATEWAY_URL": environment.pushgateway_url,
}
FOLDERS = {
    "FRAUD_DATA_DIR": environment.drop_folder,
    "FRAUD_HOME": environment.home_folder,
    "DAGSTER_HOME": environment.dagster_home,
    "FRAUD_SUPPRESSIONS": environment.suppressions_path,
}


@pytest.mark.parametrize(("name", "read"), URLS.items())
def test_an_address_has_a_default_and_no_slash_at_its_end(home, monkeypatch, name, read):
    monkeypatch.delenv(name, raising=False)
    assert read().startswith("http://127.0.0.1:")
    monkeypatch.setenv(name, "https://example.org/")
    assert read() == "https://example.org"


@pytest.mark.parametrize(("name", "read"), OPTIONAL.items())
@pytest.mark.parametrize("value", [None, ""])
def test_an_optional_variable_that_is_not_set_or_empty_is_none(monkeypatch, name, read, value):
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    assert read() is None
    monkeypatch.setenv(name, "value")
    assert read() == "value"


@pytest.mark.parametrize(("name", "read"), FOLDERS.items())
def test_a_path_is_that_of_its_variable(home, monkeypatch, name, read):
    monkeypatch.setenv(name, str(home / "another"))
    assert read() == home / "another"


def test_what_the_platform_writes_is_below_its_home_by_default(home, monkeypatch):
    for name in ("DAGSTER_HOME", "FRAUD_SUPPRESSIONS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    assert environment.dagster_home() == home / "var" / "dagster"
    assert environment.suppressions_path() == home / "var" / "suppressions.csv"
    assert environment.tracking_uri() == f"sqlite:///{home}/var/mlflow/mlflow.db"


def test_a_database_that_is_not_postgresql_is_refused_without_repeating_it(monkeypatch):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "mysql://dagster:secret@db/dagster")
    with pytest.raises(ValueError, match=r"begins with 'mysql'") as refused:
        environment.dagster_database()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("value", "kept"), [(None, None), ("", None), ("1", 1), ("12", 12)])
def test_all_versions_are_kept_unless_a_number_says_otherwise(monkeypatch, value, kept):
    monkeypatch.delenv("FRAUD_KEEP_VERSIONS", raising=False)
    if value is not None:
        monkeypatch.setenv("FRAUD_KEEP_VERSIONS", value)
    assert environment.kept_versions() == kept


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_another_number_of_versions_is_refused(monkeypatch, value):
    monkeypatch.setenv("FRAUD_KEEP_VERSIONS", value)
    with pytest.raises(ValueError, match="set it to 1 or more, or not at all"):
        environment.kept_versions()


@pytest.fixture
def no_key(monkeypatch):
    for name in ("FRAUD_HASH_KEY", "FRAUD_HASH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_file_of_the_hash_key_comes_before_the_variable(no_key, monkeypatch, tmp_path):
    assert environment.hash_key() is None
    monkeypatch.setenv("FRAUD_HASH_KEY", "v" * 16)
    assert environment.hash_key() == "v" * 16
    (tmp_path / "key").write_text("f" * 16 + "\n")
    monkeypatch.setenv("FRAUD_HASH_KEY_FILE", str(tmp_path / "key"))
    assert environment.hash_key() == "f" * 16


def test_a_hash_key_that_is_short_or_cannot_be_read_is_refused(no_key, monkeypatch, tmp_path):
    monkeypatch.setenv("FRAUD_HASH_KEY", "k" * 15)
    with pytest.raises(ValueError, match="fewer than 16 characters") as refused:
        environment.hash_key()
    assert "kkk" not in str(refused.value)
    monkeypatch.setenv("FRAUD_HASH_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        environment.hash_key()


def test_features_are_computed_by_duckdb_or_by_spark(monkeypatch):
    monkeypatch.delenv("FRAUD_ENGINE", raising=False)
    assert environment.feature_engine() == "duckdb"
    monkeypatch.setenv("FRAUD_ENGINE", "spark://host:7077")
    assert environment.feature_engine() == "spark://host:7077"
    assert environment.feature_engine("duckdb") == "duckdb"
    monkeypatch.setenv("FRAUD_ENGINE", "http://host")
    with pytest.raises(ValueError, match="set it to spark://host:port, to duckdb"):
        environment.feature_engine()


def test_when_drift_retrains_is_read_and_checked(monkeypatch):
    monkeypatch.setenv("FRAUD_RETRAIN_DAYS", "3")
    monkeypatch.delenv("FRAUD_RETRAIN_BATCHES", raising=False)
    assert environment.retraining().every_days == 3
    monkeypatch.setenv("FRAUD_RETRAIN_BATCHES", "0")
    with pytest.raises(ValueError, match="FRAUD_RETRAIN_BATCHES is '0'; set it to a number above"):
        environment.retraining()


def test_mlflows_defaults_leave_variables_that_are_set(monkeypatch):
    for name in environment.MLFLOW_DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    environment.set_mlflow_defaults()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_who_promotes_is_that_of_the_variables_unless_a_run_says_otherwise(monkeypatch):
    for name in ("FRAUD_PROMOTION", "FRAUD_IMPLAUSIBLE_BATCHES"):
        monkeypatch.delenv(name, raising=False)
    assert environment.promotion() == PromotionSettings()
    monkeypatch.setenv("FRAUD_PROMOTION", "approval")
    monkeypatch.setenv("FRAUD_IMPLAUSIBLE_BATCHES", "exclude")
    assert environment.promotion().promotion is Promotion.approval
    assert environment.promotion().implausible_batches is ImplausibleBatches.exclude
    once = environment.promotion("automatic", "keep")
    assert once == PromotionSettings()


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("FRAUD_PROMOTION", "automatic or approval"),
        ("FRAUD_IMPLAUSIBLE_BATCHES", "keep or exclude"),
    ],
)
def test_another_choice_is_refused_with_those_there_are(monkeypatch, name, choices):
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(ValueError, match=f"{name} is 'maybe'; set it to {choices}"):
        environment.promotion()
