import time
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG
from dagster_postgres import DagsterPostgresStorage

from fraud_assets.config import environment
from fraud_assets.config.names import USER_TAG
from fraud_assets.platform.instance import (
    AttributedRunCoordinator,
    StorageByEnvironment,
    wake_sensors,
)


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


def test_without_a_dagster_home_runs_are_kept_below_the_home_folder(home, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    storage = StorageByEnvironment.from_config_value(None, {})
    assert isinstance(storage.event_log_storage, SqliteEventLogStorage)
    assert (home / "var" / "dagster" / "history").is_dir()


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
        environment.dagster_database()
    assert "secret" not in str(refused.value)


def submitted(instance, tags=None, login=None, parent=None, by_daemon=False):
    """A run that was asked for over HTTP, or made by Dagster's daemon as a retry."""
    from dagster._core.test_utils import create_run_for_test

    run = create_run_for_test(instance, tags=tags or {}, parent_run_id=parent, root_run_id=parent)
    if by_daemon:
        instance.add_run_tags(parent, {AUTO_RETRY_RUN_ID_TAG: run.run_id})
    headers = {} if login is None else {"Remote-User": login}
    context = SimpleNamespace(dagster_run=run, get_request_header=headers.get)
    coordinator = instance.run_coordinator
    assert isinstance(coordinator, AttributedRunCoordinator)
    with pytest.MonkeyPatch.context() as patch:
        # The queue wants a code location, which no run here comes from.
        queue = lambda _, context: instance.get_run_by_id(context.dagster_run.run_id)  # noqa: E731
        patch.setattr(dg.QueuedRunCoordinator, "submit_run", queue)
        return coordinator.submit_run(context)


def test_a_run_is_attributed_to_the_login_that_the_proxy_names_and_to_nobody_else(
    settings, monkeypatch
):
    with dg.DagsterInstance.get() as instance:
        forged = {USER_TAG: "admin"}
        assert submitted(instance, login="anna").tags.get(USER_TAG) is None
        monkeypatch.setenv("FRAUD_USER_HEADER", "Remote-User")
        asked = submitted(instance, forged, "anna")
        assert asked.tags[USER_TAG] == "anna"
        assert submitted(instance).tags.get(USER_TAG) is None
        assert not submitted(instance, forged).tags[USER_TAG]
        assert not submitted(instance, forged, parent=asked.run_id).tags[USER_TAG]
        # Whoever runs it again without a login is not the one who ran it first.
        again = {USER_TAG: "anna", "dagster/retry_number": "1"}
        assert not submitted(instance, again, parent=asked.run_id).tags[USER_TAG]
        assert submitted(instance, again, "ben", asked.run_id).tags[USER_TAG] == "ben"
        retried = submitted(instance, again, parent=asked.run_id, by_daemon=True)
        assert retried.tags[USER_TAG] == "anna"
        assert not submitted(instance, again, parent=asked.run_id).tags[USER_TAG]


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
