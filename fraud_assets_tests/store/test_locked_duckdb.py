import re
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import pytest

from fraud_assets.store import resources
from fraud_assets.store.locked_duckdb import open_duckdb
from fraud_assets.store.sql import literal, one_file, parquet

WAYS_OUT = {
    "write a file": "COPY (SELECT 1) TO '{outside}/new.csv'",
    "write past a folder": "COPY (SELECT 1) TO '{inside}/../new.csv'",
    "write by a link": "COPY (SELECT 1) TO '{inside}/link/new.csv'",
    "write beside a folder": "COPY (SELECT 1) TO '{inside}.csv'",
    "write a database": "EXPORT DATABASE '{outside}/new'",
    "open a database": "ATTACH '{outside}/new.db'",
    "read the environment": "FROM read_text('/proc/self/environ')",
    "read the environment as rows": "FROM read_csv('/proc/self/environ')",
    "read a file as a table": "FROM '{outside}/secret.parquet'",
    "list files": "FROM glob('{outside}/*')",
    "ask an address": "FROM read_csv('http://127.0.0.1:9/a.csv')",
    "ask an object store": "FROM read_parquet('s3://bucket/a.parquet')",
    "install an extension": "INSTALL httpfs",
    "load an extension": "LOAD httpfs",
    "load a library": "LOAD '{outside}/new.duckdb_extension'",
    "install an extension from an address": "INSTALL spatial FROM 'http://127.0.0.1:9'",
    "keep a secret": "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "see a variable": "FROM frame",
    "set": "SET memory_limit = '9GB'",
    "set, by pragma": "PRAGMA memory_limit = '9GB'",
    "let more be set": "SET allowed_configs = ['memory_limit']",
    "reach more": "SET allowed_directories = ['/']",
    "reset": "RESET enable_external_access",
    "unlock": "SET lock_configuration = false",
    "unlock, globally": "SET GLOBAL lock_configuration = false",
    "write a profile": "PRAGMA profiling_output = '{outside}/new.json'",
    "write a log": "CALL enable_logging(storage_config = {{'path': '{outside}'}})",
    "spill elsewhere": "SET temp_directory = '{outside}'",
}


@pytest.fixture
def reached(tmp_path):
    """A connection that may reach one folder."""
    (tmp_path / "tables").mkdir()
    with open_duckdb([tmp_path / "tables"], tmp_path / "scratch", "60MB") as connection:
        yield connection


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """A connection that reaches one folder, which has a link to another."""
    folder = tmp_path_factory.mktemp("confined")
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    pd.DataFrame({"a": [1]}).to_parquet(outside / "secret.parquet")
    with open_duckdb([inside], folder / "scratch", "200MB") as connection:
        yield connection, {"inside": inside, "outside": outside}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_statement_leads_out_of_the_folders(confined, way):
    connection, places = confined
    frame = pd.DataFrame({"a": [1]})
    folder = places["outside"].parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(duckdb.Error) as refused:
        connection.execute(WAYS_OUT[way].format(**places)).fetchall()
    assert not isinstance(refused.value, duckdb.ParserException), "it was not even tried"
    assert sorted(folder.rglob("*")) == before
    assert len(frame) == 1


def test_what_ibis_sets_on_a_connection_opens_nothing(confined):
    connection, places = confined
    file = places["inside"] / "rows.parquet"
    connection.register("given", pd.DataFrame({"a": [1, 2]}))
    connection.execute(f"COPY (FROM given) TO {literal(file)} (FORMAT parquet)")
    rows = ibis.duckdb.from_connection(connection).read_parquet(file)
    assert rows["a"].sum().to_pyarrow().as_py() == 3
    connection.execute("SET python_enable_replacements = true")
    hidden = pd.DataFrame({"a": [1]})
    with pytest.raises(duckdb.Error):
        connection.execute("FROM hidden").fetchall()
    assert len(hidden) == 1


def test_duckdb_is_opened_in_one_place(pytestconfig):
    package = pytestconfig.rootpath / "fraud_assets"
    call = re.compile(
        r"^(?! *(?:>>>|\.\.\.) ).*(?:duckdb\.connect|duckdb\.sql|ibis\.connect)\(", re.MULTILINE
    )
    opened = [
        str(module.relative_to(package))
        for module in package.rglob("*.py")
        if call.search(module.read_text())
    ]
    assert opened == ["store/locked_duckdb.py"]


def test_it_reads_and_writes_its_own_folder_and_spills(reached, tmp_path):
    path = tmp_path / "tables" / "a.parquet"
    reached.execute(f"COPY (SELECT range AS a FROM range(10)) TO {literal(path)} (FORMAT parquet)")
    assert reached.execute(f"SELECT sum(a) FROM {parquet(path)}").fetchall() == [(45,)]
    many = "SELECT hash(range) AS h, repeat('x', 40) AS t FROM range(1000000) ORDER BY h, t"
    rows = reached.sql(many).to_arrow_reader(1000)
    assert next(rows).num_rows == 1000
    (spill,) = (tmp_path / "scratch").iterdir()
    assert sum(file.stat().st_size for file in spill.iterdir()) > 0


def test_its_temporary_files_are_gone_afterwards(tmp_path):
    with open_duckdb([], tmp_path, "1GB"):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "limit", ["1GB'; COPY (SELECT 1) TO '/tmp/evil' --", "", "all of it", "1 GB\n", "-1GB", "1e9"]
)
def test_an_amount_of_memory_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="memory_limit"):
        resources.Engine(memory_limit=limit)
    assert resources.Engine(memory_limit="1.5 GiB").memory_limit == "1.5 GiB"


def test_spark_reads_a_file_by_its_name_too():
    assert one_file(Path("/a/{b,c}*[d]?\\"), "pyspark") == r"/a/\{b,c\}\*\[d\]\?\\"
