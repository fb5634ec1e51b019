from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import ANY

import duckdb
import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets import sql

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SPICED = st.text("'\";-\\/*\0\n\r\t %?$:@`[]{}()#aA=", min_size=1)
"""Texts made of what means something in SQL, in patterns, in a shell or in a format string."""
NAMES = st.text("*?[]!^-{}()ab=~'\"%$#:;,. \n", min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
"""Names of folders made of what means something in a pattern or a path."""


@pytest.fixture(scope="module")
def closed():
    """A connection that reaches no folder."""
    with sql.open_duckdb([]) as connection:
        yield connection


@given(TEXT | SPICED, TEXT | SPICED)
def test_any_name_and_text_comes_back_from_the_engine_as_it_was(closed, name, text):
    cursor = closed.execute(f"SELECT {sql.literal(text)} AS {sql.identifier(name)}")
    assert cursor.description[0][0] == name
    assert cursor.fetchall() == [(text,)]


@given(SPICED)
def test_any_name_is_a_column_for_ibis_too(closed, name):
    table = ibis.memtable(pd.DataFrame({name: [1]})).mutate(**{f"{name}+": ibis._[name] + 1})
    cursor = closed.execute(
        f"SELECT * FROM (SELECT 1 AS {sql.identifier(name)}, 2 AS {sql.identifier(f'{name}+')})"
    )
    assert tuple(column[0] for column in cursor.description) == table.columns
    query = str(ibis.to_sql(ibis.table({name: "int64"}, "t").select(name), dialect="duckdb"))
    closed.execute(f"CREATE OR REPLACE TEMP TABLE t AS SELECT 1 AS {sql.identifier(name)}")
    assert closed.execute(query).fetchall() == [(1,)]


@pytest.mark.parametrize("quoted", [sql.identifier, sql.literal])
def test_what_is_no_text_is_refused_before_it_reaches_the_engine(quoted):
    with pytest.raises(ValueError, match="is not valid Unicode"):
        quoted("a\udc80")


def test_an_empty_name_is_no_column():
    with pytest.raises(ValueError, match="name every column"):
        sql.identifier("")


@settings(max_examples=60)
@given(st.sets(NAMES, min_size=2, max_size=4))
def test_a_file_is_read_alone_whatever_the_folders_are_called(names):
    with TemporaryDirectory() as place, sql.open_duckdb([Path(place)]) as engine:
        files = {name: Path(place) / name / "rows.parquet" for name in sorted(names)}
        for name, file in files.items():
            file.parent.mkdir()
            engine.execute(
                f"COPY (SELECT {sql.literal(name)} AS n) TO {sql.literal(file)} (FORMAT parquet)"
            )
        for name, file in files.items():
            # Neither rows of another folder, nor a column `a` from a folder `a=b`.
            found = engine.execute(f"SELECT * FROM {sql.parquet(file)}")
            assert ([c[0] for c in found.description], found.fetchall()) == (["n"], [(name,)])
            found = engine.execute(f"SELECT * FROM {sql.parquet_folder(file.parent)}")
            assert ([c[0] for c in found.description], found.fetchall()) == (["n"], [(name,)])
        both = engine.execute(f"FROM {sql.parquets(list(files.values()), 'f')} ORDER BY n")
        assert both.fetchall() == [(name, str(file)) for name, file in files.items()]


# --- the connection ---------------------------------------------------------------------

TOO_MUCH = "SELECT i, hash(i) AS h FROM range(6_000_000) t(i) ORDER BY h"
"""More than 60 MB can hold."""
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
def confined(tmp_path):
    """A connection that reaches one folder, which has a link to another."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    pd.DataFrame({"a": [1]}).to_parquet(outside / "secret.parquet")
    with sql.open_duckdb([inside]) as connection:
        yield connection, {"inside": inside, "outside": outside}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_statement_leads_out_of_the_folders(confined, way, tmp_path):
    connection, places = confined
    frame = pd.DataFrame({"a": [1]})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(duckdb.Error) as refused:
        connection.execute(WAYS_OUT[way].format(**places)).fetchall()
    assert not isinstance(refused.value, duckdb.ParserException), "it was not even tried"
    assert sorted(tmp_path.rglob("*")) == before
    assert len(frame) == 1


def test_a_confined_connection_still_works_in_its_folder_and_with_ibis(confined):
    connection, places = confined
    connection.register("given", pd.DataFrame({"a": [1, 2]}))
    file = places["inside"] / "rows.parquet"
    connection.execute(f"COPY (FROM given) TO {sql.literal(file)} (FORMAT parquet)")
    rows = ibis.duckdb.from_connection(connection).read_parquet(file)
    assert rows["a"].sum().to_pyarrow().as_py() == 3
    # Ibis may set what it always sets: nothing more is seen by that.
    connection.execute("SET python_enable_replacements = true")
    hidden = pd.DataFrame({"a": [1]})
    with pytest.raises(duckdb.Error):
        connection.execute("FROM hidden").fetchall()
    assert len(hidden) == 1


def test_what_does_not_fit_in_memory_is_spilled_although_all_is_locked(tmp_path):
    with sql.open_duckdb([], tmp_path, "60MB") as connection:
        rows = connection.sql(TOO_MUCH).to_arrow_reader(1000)
        assert next(rows).num_rows == 1000
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 0


def test_without_a_folder_to_spill_to_nothing_is_written():
    with (
        pytest.raises(duckdb.OutOfMemoryException),
        sql.open_duckdb([], None, "60MB") as connection,
    ):
        connection.execute(TOO_MUCH)
    assert not Path(".tmp").exists()


@pytest.mark.parametrize(
    "amount",
    [
        *("1GB'; COPY (SELECT 1) TO '/tmp/x", "1GB';--", "", "80%", "GB", "1", "-1GB", "1GB\n"),
        *("0GB", "1e9GB", "1GB 2GB", "１GB"),  # noqa: RUF001
    ],
)
def test_what_is_no_amount_of_memory_is_refused(amount):
    with (
        pytest.raises(ValueError, match="write an amount such as"),
        sql.open_duckdb([], None, amount),
    ):
        pass


@pytest.mark.parametrize("amount", ["512MB", "1GB", "1.5GiB", "2 TB", "100000KB"])
def test_an_amount_of_memory_is_what_the_engine_has(amount):
    with sql.open_duckdb([], None, amount) as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [(ANY,)]


def test_duckdb_is_opened_in_one_place(pytestconfig):
    package = pytestconfig.rootpath / "fraud_assets"
    opened = [
        str(module.relative_to(package))
        for module in package.rglob("*.py")
        if any(
            word in module.read_text()
            for word in ("duckdb.connect(", "duckdb.sql(", "ibis.connect(")
        )
    ]
    assert opened == ["sql.py"]
