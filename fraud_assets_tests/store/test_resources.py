import os

import duckdb
import pytest
from pydantic import ValidationError

from fraud_assets.store import paths, resources, tables
from fraud_assets.store.sql import parquet
from fraud_assets_tests.factories import OtherTable
from fraud_assets_tests.store.test_tables import new_table


def test_the_engine_limits_its_memory_and_leaves_no_spill_behind(home):
    with resources.Engine(memory_limit="123MB").connect() as connection:
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
        spill = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
    assert limit.startswith("117") or limit.startswith("123")
    assert spill.startswith(str(home))
    assert list((home / "var" / "scratch").iterdir()) == []


def test_what_a_killed_process_spilled_is_removed_and_what_a_living_one_does_stays(home):
    scratch = home / "var" / "scratch"
    for name in ("dead", "from_an_earlier_release", "just_begun"):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "spill").write_text("4111111111111111")
    (scratch / "dead.lock").touch()
    os.utime(scratch / "from_an_earlier_release", (1, 1))
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


def test_an_error_of_the_engine_names_no_value(home):
    refused = pytest.raises(ValueError, match="a value of the batch cannot be converted")
    with refused as error, resources.Engine().connect() as connection:
        connection.execute("SELECT CAST('Zoe Quixote' AS DOUBLE)").fetchall()
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
