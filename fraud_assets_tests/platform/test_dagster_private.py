"""What an upgrade of Dagster may change of its private API, each with what it would break here."""

import importlib
import inspect
import re

import pytest
from dagster import DefaultRunLauncher

from fraud_assets.config import names
from fraud_assets.platform import dagster_private

UPGRADED = "Dagster's private API has changed; adapt fraud_assets/platform/dagster_private.py: "
PRIVATE = re.compile(r"^\s*(?:from|import) (dagster\._[\w.]*)", re.MULTILINE)


def test_private_names_are_imported_in_one_module_only(pytestconfig):
    package = pytestconfig.rootpath / "fraud_assets"
    importing = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if PRIVATE.search(path.read_text())
    }
    assert importing == {"platform/dagster_private.py"}


@pytest.mark.parametrize("name", dagster_private.__all__)
def test_every_private_name_is_listed_with_a_reason(name):
    is_table = name.endswith("Table")
    assert is_table or f"`{name}`" in dagster_private.__doc__


def parameters(callable_):
    return list(inspect.signature(callable_).parameters)


SIGNATURES = {
    "CheckRunHealthResult": ["status", "msg", "transient", "run_worker_id"],
    "DagsterSqliteStorage": ["base_dir", "inst_data"],
    "LaunchRunContext": ["dagster_run", "workspace"],
}
METHODS = {
    "SqlEventLogStorage.run_connection": ["self", "run_id"],
    "SqlEventLogStorage.index_connection": ["self"],
    "SqliteEventLogStorage._connect": ["self", "shard"],
    "SqliteEventLogStorage.path_for_shard": ["self", "run_id"],
}
COLUMNS = {
    "AssetKeyTable": {"asset_key", "last_run_id", "last_materialization"},
    "AssetCheckExecutionsTable": {"run_id"},
    "SqlEventLogStorageTable": {
        *("run_id", "timestamp", "asset_key", "dagster_event_type", "step_key"),
    },
}
MEMBERS = {
    "InstigatorType": {"SENSOR"},
    "WorkerStatus": {"RUNNING", "FAILED"},
}


@pytest.mark.parametrize(("name", "expected"), SIGNATURES.items())
def test_a_class_takes_the_same_arguments(name, expected):
    assert parameters(getattr(dagster_private, name)) == expected, UPGRADED + name


@pytest.mark.parametrize(("name", "expected"), METHODS.items())
def test_a_method_takes_the_same_arguments(name, expected):
    owner, method = name.split(".")
    found = getattr(getattr(dagster_private, owner), method, None)
    assert found is not None, UPGRADED + name
    assert parameters(found) == expected, UPGRADED + name


@pytest.mark.parametrize(("name", "expected"), COLUMNS.items())
def test_a_table_has_the_same_columns(name, expected):
    columns = set(getattr(dagster_private, name).c.keys())
    assert expected <= columns, UPGRADED + f"{name} lacks {expected - columns}"


@pytest.mark.parametrize(("name", "expected"), MEMBERS.items())
def test_an_enumeration_has_the_same_members(name, expected):
    members = {member.name for member in getattr(dagster_private, name)}
    assert expected <= members, UPGRADED + f"{name} lacks {expected - members}"


def test_the_last_tick_of_a_sensor_has_its_two_times():
    fields = set(dagster_private.SensorInstigatorData._fields)
    assert {"last_tick_timestamp", "last_tick_start_timestamp"} <= fields, UPGRADED + "ticks"


def test_a_storage_is_asked_for_in_the_same_way():
    for method, expected in {
        "config_type": [],
        "from_config_value": ["inst_data", "config_value"],
    }.items():
        found = getattr(dagster_private.DagsterSqliteStorage, method, None)
        assert found is not None, UPGRADED + method
        assert parameters(found) == expected, UPGRADED + method


def test_a_launcher_is_asked_for_a_run_and_for_its_health_in_the_same_way():
    assert parameters(DefaultRunLauncher.launch_run) == ["self", "context"], UPGRADED + "launch_run"
    assert parameters(DefaultRunLauncher.check_run_worker_health) == ["self", "run"], (
        UPGRADED + "check_run_worker_health"
    )


def test_the_code_server_starts_runs_by_the_context_that_is_replaced():
    command, server = dagster_private.grpc_server()
    start = inspect.getsource(server.DagsterApiServer.StartRun)
    assert "self._mp_ctx.Process(" in start, UPGRADED + "StartRun"
    assert parameters(server.DagsterApiServer.StartRun) == ["self", "request", "_context"]
    created = inspect.getsource(command.callback)
    assert "DagsterApiServer(" in created, UPGRADED + "grpc_command"


def test_the_daemon_reads_the_seconds_between_two_loops_each_time():
    _, sensor = dagster_private.daemon_run()
    loop = inspect.getsource(sensor.execute_sensor_iteration_loop)
    assert "MIN_INTERVAL_LOOP_TIME - loop_duration" in loop, UPGRADED + "the loop over sensors"


def test_the_tags_are_those_of_dagster():
    tags = importlib.import_module("dagster._core.storage.tags")
    assert tags.PARTITION_NAME_TAG == names.PARTITION_TAG
    assert tags.RETRY_ON_ASSET_OR_OP_FAILURE_TAG == names.RETRY_TAG
    assert tags.AUTO_RETRY_RUN_ID_TAG == names.RETRIED_BY_TAG
