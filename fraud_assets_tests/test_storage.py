import dagster as dg
import pandas as pd
import pytest

from fraud_assets import storage


def new_table(batch: str, content_hash: str, value: int) -> storage.Table:
    path = storage.new_rows_file("thing", batch)
    pd.DataFrame({"a": [value]}).to_parquet(path)
    return storage.Table(path, {"batch": batch, "content_hash": content_hash})


def value_of(table: storage.Table) -> int:
    return int(pd.read_parquet(table.path)["a"][0])


def test_the_latest_committed_version_is_the_current_one_and_older_ones_stay_readable(home):
    storage.save_table("thing", new_table("b", "h1", 1))
    storage.save_table("thing", new_table("b", "h2", 2))
    assert value_of(storage.load_table("thing", "b")) == 2
    assert value_of(storage.load_table("thing", "b", "h1")) == 1
    assert storage.has_table("thing", "b", "h1")
    assert not storage.has_table("thing", "b", "h3")


def test_rows_that_were_not_committed_are_never_read_and_are_cleared_away(home):
    storage.save_table("thing", new_table("b", "h1", 1))
    abandoned = new_table("b", "h1", 9).path
    assert value_of(storage.load_table("thing", "b")) == 1
    storage.new_rows_file("thing", "b")
    assert not abandoned.exists()


def test_a_missing_table_is_named_with_the_remedy(home):
    with pytest.raises(FileNotFoundError, match="thing of batch 'b'.*materialize thing"):
        storage.load_table("thing", "b")


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    storage.write_atomically(path, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        storage.write_atomically(path, "new")
    assert path.read_text() == "old"


def test_json_is_the_same_text_for_the_same_value():
    assert storage.to_json({"b": 1, "a": 2}) == storage.to_json({"a": 2, "b": 1})


def test_reports_come_back_as_they_were_saved(home, instance):
    manager = storage.ReportIOManager()
    output = dg.build_output_context(asset_key=dg.AssetKey("report"), partition_key="b")
    manager.handle_output(output, {"a": [1, None]})
    asset_in = dg.build_input_context(asset_key=dg.AssetKey("report"), partition_key="b")
    assert manager.load_input(asset_in) == {"a": [1, None]}
    missing = dg.build_input_context(asset_key=dg.AssetKey("report"), partition_key="c")
    with pytest.raises(FileNotFoundError, match="materialize report"):
        manager.load_input(missing)


def test_the_engine_limits_its_memory_and_leaves_no_spill_behind(home):
    with storage.Engine(memory_limit="123MB").connect() as connection:
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
        spill = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
    assert limit.startswith("117") or limit.startswith("123")
    assert spill.startswith(str(home))
    assert list((home / "var" / "scratch").iterdir()) == []
