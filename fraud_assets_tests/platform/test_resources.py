import os
import stat
from typing import Annotated

import dagster as dg
import pytest
from pydantic import Field, ValidationError

from fraud_assets.config.settings import Promotion
from fraud_assets.definitions import defs
from fraud_assets.intake.assets import simulated_transactions
from fraud_assets.intake.checks import landed_files
from fraud_assets.platform.resources import (
    ALSO_VARIABLE,
    PromotionPolicy,
    RunLock,
    from_environment,
    number_from_environment,
)
from fraud_assets.platform.run_lock import is_alive
from fraud_assets.records.batches import TableFacts
from fraud_assets.store import tables
from fraud_assets_tests import factories
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
        return factories.published_metrics() if io_manager_key == "reports" else None

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


class Limited(dg.ConfigurableResource):
    size: Annotated[str, Field(pattern="^[0-9]+GB$"), ALSO_VARIABLE] = "1GB"
    number: Annotated[int | None, Field(ge=1), ALSO_VARIABLE] = None


def test_a_variable_that_is_set_is_read_by_each_run(home, instance, monkeypatch):
    monkeypatch.setenv("FRAUD_SIZE", "2GB")
    monkeypatch.setenv("FRAUD_NUMBER", "2")
    limited = Limited(
        size=from_environment("FRAUD_SIZE", "1GB"), number=number_from_environment("FRAUD_NUMBER")
    )
    seen = []

    @dg.asset
    def thing(limited: Limited):
        seen.append((limited.size, limited.number))

    def run():
        return dg.materialize(
            [thing], instance=instance, resources={"limited": limited}, run_config=QUIET
        )

    assert run().success
    monkeypatch.setenv("FRAUD_SIZE", "3GB")
    assert run().success
    assert seen == [("2GB", 2), ("3GB", 2)]
    monkeypatch.setenv("FRAUD_NUMBER", "0")
    with pytest.raises(dg.DagsterError) as error:
        run()
    assert "greater than or equal to 1" in str(error.value.__cause__)


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_leaves_the_default(monkeypatch, value):
    monkeypatch.delenv("FRAUD_SIZE", raising=False)
    if value is not None:
        monkeypatch.setenv("FRAUD_SIZE", value)
    assert from_environment("FRAUD_SIZE", "1GB") == "1GB"
    assert number_from_environment("FRAUD_SIZE") is None


def test_a_field_with_a_limit_refuses_other_values():
    with pytest.raises(ValidationError, match="should match pattern"):
        Limited(size="all of it")


def test_a_policy_is_that_of_the_environment_until_a_run_sets_another(monkeypatch):
    monkeypatch.setenv("FRAUD_PROMOTION", "approval")
    assert PromotionPolicy().settings().promotion is Promotion.approval
    assert PromotionPolicy(promotion="automatic").settings().promotion is Promotion.automatic
