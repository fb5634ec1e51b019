import os
import stat

import dagster as dg
import pandas as pd
import pytest

from fraud_assets.platform.resources import RunLock
from fraud_assets.store import files, paths, resources, tables
from fraud_assets.store.files import SHARED
from fraud_assets_tests import factories
from fraud_assets_tests.factories import ThingTable, new_table


def value_of(table: ThingTable) -> int:
    return int(pd.read_parquet(table.path)["a"][0])


def test_the_latest_committed_version_is_the_current_one_and_older_ones_stay_readable(home):
    tables.save_table(new_table("b", "h1", 1))
    tables.save_table(new_table("b", "h2", 2))
    assert value_of(tables.load_table(ThingTable, "b")) == 2
    assert value_of(tables.load_table(ThingTable, "b", "h1")) == 1
    assert tables.has_table("thing", "b", "h1")
    assert not tables.has_table("thing", "b", "h3")


def test_rows_that_were_not_committed_are_never_read_and_are_cleared_away(home):
    tables.save_table(new_table("b", "h1", 1))
    abandoned = new_table("b", "h1", 9).path
    assert value_of(tables.load_table(ThingTable, "b")) == 1
    tables.new_rows_file("thing", "b")
    assert not abandoned.exists()


def test_a_missing_table_is_named_with_the_remedy(home):
    with pytest.raises(FileNotFoundError, match="thing of batch 'b'.*materialize thing"):
        tables.load_table(ThingTable, "b")


def accept(batch, content):
    for kind, facts_of in (
        (tables.RawTable, factories.raw_transactions),
        (tables.FeatureTable, factories.features),
    ):
        path = tables.new_rows_file(kind.ASSET, batch)
        pd.DataFrame({"a": [1]}).to_parquet(path)
        facts = facts_of(batch=batch, content_hash=content)
        tables.save_table(kind(path, facts))


def test_old_accepted_versions_are_pruned_and_rejected_ones_stay(home):
    for content in ("h1", "h2", "h3"):
        accept("b", content)
    refused = tables.new_rows_file("raw_transactions", "b")
    pd.DataFrame({"a": [1]}).to_parquet(refused)
    facts = factories.raw_transactions(batch="b", content_hash="refused")
    tables.save_table(tables.RawTable(refused, facts))
    tables.prune_versions("b", ["h1", "h2", "h3"], keep=3)
    assert tables.find_table(tables.RawTable, "b", "h1") is not None
    tables.prune_versions("b", ["h1", "h2", "h3"], keep=2)
    kept = {path.name for path in paths.tables_folder("raw_transactions", "b").iterdir()}
    assert kept == {"h2", "h3", "refused", "current.json"}
    assert tables.find_table(tables.RawTable, "b", "h1") is None
    assert tables.find_table(tables.FeatureTable, "b", "h2") is not None


def test_all_that_holds_rows_is_for_its_owner_alone_and_metrics_are_for_others(home):
    old = home / "var" / "reports"
    old.mkdir(parents=True, mode=0o755)
    before = os.umask(0o022)
    try:
        with RunLock().yield_for_execution(dg.build_init_resource_context()):
            engine = resources.Engine()
            tables.save_table(new_table("b", "h1", 1))
            files.write_atomically(paths.report_folder("b") / "worklist.csv", "")
            files.write_atomically(paths.metrics_folder() / "a.prom", "", SHARED)
            with engine.connect(folders=[paths.reports_folder()]) as connection:
                connection.execute(f"COPY (SELECT 1) TO '{home}/var/reports/rows.parquet'")
            (home / "var" / "reports" / "by_a_library").touch()
        (home / "outside").touch()
    finally:
        os.umask(before)
    folder = home / "var"
    modes = {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }
    assert {n: m for n, m in modes.items() if n.startswith("metrics")} == {
        "metrics": 0o755, "metrics/a.prom": 0o644}  # fmt: skip
    private = {n: m for n, m in modes.items() if not n.startswith(("metrics", "runs"))}
    assert set(private.values()) == {0o600, 0o700}
    assert stat.S_IMODE((home / "outside").stat().st_mode) == 0o644
