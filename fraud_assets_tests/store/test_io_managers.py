import dagster as dg
import pandas as pd
import pytest

from fraud_assets.platform.resources import RunLock
from fraud_assets.store import io_managers, paths, tables
from fraud_assets.store.resources import Storage
from fraud_assets_tests import factories
from fraud_assets_tests.factories import new_table


def output_of(asset, batch="june"):
    return dg.build_output_context(asset_key=dg.AssetKey(asset), partition_key=batch)


def input_of(asset, batch="june"):
    return dg.build_input_context(asset_key=dg.AssetKey(asset), partition_key=batch)


@pytest.fixture
def manager():
    return io_managers.ReportIOManager(run_lock=RunLock(), storage=Storage())


def test_a_record_comes_back_as_that_record(home, manager):
    model = factories.trained_model()
    context = output_of("trained_model")
    manager.handle_output(context, model)
    assert manager.load_input(input_of("trained_model")) == model
    shown = context.consume_logged_metadata()["path"].value
    assert shown == str(paths.report_path("trained_model", "june"))


def test_a_missing_report_is_named_with_the_remedy(home, manager):
    with pytest.raises(
        FileNotFoundError, match="trained_model of batch 'july'.*materialize trained"
    ):
        manager.load_input(input_of("trained_model", "july"))


def test_a_table_is_committed_and_found_by_its_asset(home, monkeypatch):
    manager = io_managers.TableIOManager(run_lock=RunLock(), storage=Storage())
    table = new_table("june", "h1", 3)
    monkeypatch.setitem(tables.TABLES, "thing", type(table))
    manager.handle_output(output_of("thing"), table)
    loaded = manager.load_input(input_of("thing"))
    assert loaded.facts == table.facts
    assert pd.read_parquet(loaded.path)["a"].tolist() == [3]


def test_a_value_that_nothing_stores_is_refused():
    manager = io_managers.NoOutputIOManager(run_lock=RunLock(), storage=Storage())
    manager.handle_output(output_of("report"), None)
    with pytest.raises(ValueError, match="report returned a value.*set its io_manager_key"):
        manager.handle_output(output_of("report"), {"a": 1})
