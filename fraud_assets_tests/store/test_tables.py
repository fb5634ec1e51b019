import os
import stat

import dagster as dg
import duckdb
import pandas as pd
import pytest
from pydantic import ValidationError

from fraud_assets.records.batches import TableFacts
from fraud_assets.store import files, io_managers, paths, reports, resources, tables
from fraud_assets.store.files import SHARED
from fraud_assets.store.sql import parquet
from fraud_assets_tests import factories
from fraud_assets_tests.factories import OtherTable, ThingTable


def new_table(batch: str, content_hash: str, value: int) -> ThingTable:
    path = tables.new_rows_file("thing", batch)
    pd.DataFrame({"a": [value]}).to_parquet(path)
    return ThingTable(path, TableFacts(batch=batch, content_hash=content_hash))


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


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    files.write_atomically(path, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"


def test_json_is_the_same_text_for_the_same_value():
    assert reports.to_json({"b": 1, "a": 2}) == reports.to_json({"a": 2, "b": 1})


def test_reports_come_back_as_they_were_saved(home, instance):
    manager = io_managers.ReportIOManager()
    output = dg.build_output_context(asset_key=dg.AssetKey("report"), partition_key="b")
    manager.handle_output(output, {"a": [1, None]})
    asset_in = dg.build_input_context(asset_key=dg.AssetKey("report"), partition_key="b")
    assert manager.load_input(asset_in) == {"a": [1, None]}
    missing = dg.build_input_context(asset_key=dg.AssetKey("report"), partition_key="c")
    with pytest.raises(FileNotFoundError, match="materialize report"):
        manager.load_input(missing)


def test_the_engine_limits_its_memory_and_leaves_no_spill_behind(home):
    with resources.Engine(memory_limit="123MB").connect() as connection:
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
        spill = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
    assert limit.startswith("117") or limit.startswith("123")
    assert spill.startswith(str(home))
    assert list((home / "var" / "scratch").iterdir()) == []


def test_what_a_killed_process_spilled_is_removed_and_what_a_living_one_does_stays(home):
    scratch = home / "var" / "scratch"
    for name in ("dead", "of_before", "just_begun"):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "spill").write_text("4111111111111111")
    (scratch / "dead.lock").touch()
    os.utime(scratch / "of_before", (1, 1))
    with resources.Engine().connect() as first:
        with resources.Engine().connect() as second:
            assert second.execute("SELECT 1").fetchall() == [(1,)]
        spill = first.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
        own = os.path.dirname(spill)
        assert os.path.isdir(spill)
        assert {path.name for path in scratch.iterdir() if path.is_dir()} == {
            "just_begun", os.path.basename(own)}  # fmt: skip
    assert [path.name for path in scratch.iterdir()] == ["just_begun"]


def test_a_step_reaches_the_tables_of_its_assets_and_no_other_file(home):
    table = tables.save_table(new_table("b", "h1", 1))
    tables.save_table(OtherTable(new_table("b", "h1", 2).path, table.facts))
    paths.decisions_path().write_text("{}")
    with resources.Engine().connect("thing") as connection:
        assert connection.execute(f"FROM {parquet(table.path)}").fetchall() == [(1,)]
        for path in (tables.load_table(OtherTable, "b").path, paths.decisions_path()):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"FROM read_blob('{path}')")


@pytest.mark.parametrize("amount", ["1GB'; COPY (SELECT 1) TO '/tmp/x", "80%", "lots", ""])
def test_a_memory_limit_is_an_amount_of_memory(amount):
    with pytest.raises(ValidationError, match="should match pattern"):
        resources.Engine(memory_limit=amount)


@pytest.mark.parametrize("batch", ["", ".", "..", "../up", "a/b", "a\\b", "a\0b", "a\udc80"])
def test_a_batch_that_would_lead_out_of_its_folder_is_refused(home, batch):
    for path_of in (paths.report_folder, paths.rejected_path, partial_tables):
        with pytest.raises(ValueError, match="cannot be a batch.*delete this partition"):
            path_of(batch)


def partial_tables(batch):
    return paths.tables_folder("raw_transactions", batch)


@pytest.mark.parametrize("batch", ["a b", "été", "🦊", "..a", "a*", "x=1", "x" * 251])
def test_a_batch_with_any_other_name_has_its_folders(home, batch):
    assert paths.report_folder(batch).is_dir()
    files.write_atomically(paths.rejected_path(batch), "a")
    assert paths.rejected_path(batch).read_text() == "a"


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


def test_a_full_disk_is_explained_with_what_is_left(home):
    (home / "var").mkdir()
    text = files.explain(OSError(28, "No space left on device"))
    assert "the disk is full" in text
    assert "free some space there, then materialize the batch again" in text
    assert files.explain(OSError(13, "Permission denied", "f")) == "f: Permission denied"


def test_an_error_of_the_engine_names_no_value(home):
    told = pytest.raises(ValueError, match="a value of the batch cannot be converted")
    with told as error, resources.Engine().connect() as connection:
        connection.execute("SELECT CAST('Zoe Quixote' AS DOUBLE)").fetchall()
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_all_that_holds_rows_is_for_its_owner_alone_and_metrics_are_for_others(home):
    old = home / "var" / "reports"
    old.mkdir(parents=True, mode=0o755)
    before = os.umask(0o022)
    try:
        with resources.Engine().yield_for_execution(dg.build_init_resource_context()) as engine:
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
