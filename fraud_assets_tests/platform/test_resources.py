import os
import stat

import dagster as dg
import pytest

from fraud_assets.definitions import defs
from fraud_assets.intake.assets import simulated_transactions
from fraud_assets.intake.checks import landed_files
from fraud_assets.platform.resources import RunLock
from fraud_assets.platform.run_lock import is_alive
from fraud_assets.records.batches import TableFacts
from fraud_assets.store import tables
from fraud_assets_tests.factories import ThingTable

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def written(path, context):
    """Write a file; return whether the lock of the run is held, and the permissions of the file."""
    path.touch()
    return is_alive(context.run_id), stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("io_manager_key", ["tables", "reports", "io_manager"])
def test_the_run_of_any_one_asset_holds_its_lock_and_writes_private_files(
    home, instance, usual_umask, io_manager_key
):
    seen = []

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["june"]), io_manager_key=io_manager_key)
    def thing(context: dg.AssetExecutionContext):
        seen.append(written(home / "file", context))
        if io_manager_key == "tables":
            rows = tables.new_rows_file("thing", "june")
            rows.touch()
            return ThingTable(rows, TableFacts(batch="june", content_hash="a"))
        return {"a": 1} if io_manager_key == "reports" else None

    assert materialized([thing], instance, partition_key="june").success
    assert seen == [(True, 0o600)]
    assert stat.S_IMODE((home / "file").stat().st_mode) == 0o600


def test_an_asset_that_is_materialized_by_hand_writes_private_files(home, instance, usual_umask):
    settings = {"ops": {"simulated_transactions": {"config": {"transactions": 500}}}}
    result = materialized([simulated_transactions], instance, run_config=settings)
    assert result.success
    assert is_alive(result.run_id)
    (file,) = (home / "data").glob("*.csv")
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_a_run_of_one_check_holds_its_lock(home, instance):
    job = dg.Definitions(asset_checks=[landed_files], resources=defs.resources)
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, run_config=QUIET
    )
    assert result.success
    assert is_alive(result.run_id)


def test_every_asset_and_check_has_an_io_manager_that_holds_the_lock():
    locking = {
        name
        for name, resource in defs.resources.items()
        if isinstance(getattr(resource, "run_lock", None), RunLock)
    }
    assert locking == {"tables", "reports", "io_manager"}
    job = defs.resolve_implicit_global_asset_job_def()
    used = {output.io_manager_key for op in job.all_node_defs for output in op.output_defs}
    assert used <= locking


def materialized(assets, instance, run_config=None, **more):
    return dg.materialize(
        assets,
        instance=instance,
        resources=defs.resources,
        run_config=(run_config or {}) | QUIET,
        **more,
    )
