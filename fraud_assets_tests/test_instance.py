import time
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster_postgres import DagsterPostgresStorage

from fraud_assets import config
from fraud_assets.instance import StorageByEnvironment, wake_sensors


@pytest.fixture
def settings(pytestconfig, tmp_path, monkeypatch):
    """The committed settings, as an instance reads them."""
    (tmp_path / "dagster.yaml").write_text((pytestconfig.rootpath / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    return tmp_path


def test_without_an_address_runs_are_kept_in_sqlite_below_dagster_home(settings):
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, SqliteEventLogStorage)
        assert instance.get_runs() == []
    assert (settings / "history").is_dir()


def test_with_an_address_they_are_kept_in_postgresql(settings, monkeypatch):
    asked = []
    monkeypatch.setattr(DagsterPostgresStorage, "__init__", lambda _, url, **__: asked.append(url))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://dagster@db:5432/dagster")
    found = StorageByEnvironment.from_config_value(None, {})
    assert isinstance(found, DagsterPostgresStorage)
    assert asked == ["postgresql+psycopg2://dagster@db:5432/dagster"]


def test_an_address_of_something_else_is_refused_without_repeating_it(monkeypatch):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "mysql://dagster:secret@db/dagster")
    with pytest.raises(ValueError, match=r"begins with 'mysql'") as refused:
        config.dagster_database()
    assert "secret" not in str(refused.value)


class State:
    """What the instance keeps of a sensor."""

    def __init__(self, name, tick):
        self.instigator_name = name
        self.instigator_data = SensorInstigatorData(
            last_tick_timestamp=tick, last_tick_start_timestamp=tick, cursor="kept"
        )

    def with_data(self, data):
        self.instigator_data = data
        return self


def test_a_sensor_whose_last_tick_lies_in_the_future_goes_on_and_others_are_left_alone():
    still, going = State("still", time.time() + 3600), State("going", time.time() - 5)
    updated = []
    instance = SimpleNamespace(
        all_instigator_state=lambda **_: [still, going],
        update_instigator_state=updated.append,
    )
    assert wake_sensors(instance) == ["still"]
    assert updated == [still]
    assert still.instigator_data.last_tick_timestamp <= time.time()
    assert still.instigator_data.cursor == "kept"
    assert wake_sensors(instance) == []
