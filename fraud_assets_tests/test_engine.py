from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets import storage
from fraud_assets.engine import open_duckdb
from fraud_assets.sql import literal, one_file, parquet


@pytest.fixture
def reached(tmp_path):
    """A connection that may reach one folder."""
    (tmp_path / "tables").mkdir()
    with open_duckdb([tmp_path / "tables"], tmp_path / "scratch", "200MB") as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{outside}/evil.csv'",
        "COPY (SELECT 1) TO '{outside}/tables/../evil.csv'",
        "COPY (SELECT 1) TO '{outside}/tables_of_others.csv'",
        "ATTACH '{outside}/evil.db'",
        "EXPORT DATABASE '{outside}/evil'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/a.parquet')",
        "SET memory_limit = '10GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
    ],
)
def test_whatever_a_statement_says_it_reaches_and_changes_nothing_else(
    reached, tmp_path, statement
):
    before = set(tmp_path.rglob("*"))
    with pytest.raises(duckdb.Error, match=r"(?i)disabled|locked|cannot|permission"):
        reached.execute(statement.format(outside=tmp_path))
    assert set(tmp_path.rglob("*")) == before


def test_it_reads_and_writes_its_own_folder_and_spills(reached, tmp_path):
    path = tmp_path / "tables" / "a.parquet"
    reached.execute(f"COPY (SELECT range AS a FROM range(10)) TO {literal(path)} (FORMAT parquet)")
    assert reached.execute(f"SELECT sum(a) FROM {parquet(path)}").fetchall() == [(45,)]
    many = "SELECT hash(range) AS h, repeat('x', 40) AS t FROM range(4000000) ORDER BY h, t"
    assert reached.execute(f"SELECT count(*) FROM ({many} LIMIT 3999999)").fetchall()


def test_its_temporary_files_are_gone_afterwards(tmp_path):
    with open_duckdb([], tmp_path, "1GB"):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "limit", ["1GB'; COPY (SELECT 1) TO '/tmp/evil' --", "", "all of it", "1 GB\n", "-1GB", "1e9"]
)
def test_an_amount_of_memory_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="memory_limit"):
        storage.Engine(memory_limit=limit)
    assert storage.Engine(memory_limit="1.5 GiB").memory_limit == "1.5 GiB"


NAMES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/"),
    min_size=1,
    max_size=20,
)


@given(name=NAMES, pieces=st.lists(st.sampled_from(["*", "?", "[a]", "[!b]", "{a,b}", "'"])))
def test_a_file_is_read_by_its_name_and_no_other_whatever_the_name(tmp_path_factory, name, pieces):
    folder = tmp_path_factory.getbasetemp() / "named"
    for called in ("ab", "aa", "x'y"):
        (folder / called).mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for called in ("ab", "aa", "x'y", (name + "".join(pieces)).strip(". ") or "a"):
            (folder / called).mkdir(exist_ok=True)
            path = folder / called / "rows.parquet"
            text = literal(called)
            connection.execute(f"COPY (SELECT {text} AS a) TO {literal(path)} (FORMAT parquet)")
            assert connection.execute(f"FROM {parquet(path)}").fetchall() == [(called,)]


def test_spark_reads_a_file_by_its_name_too():
    assert one_file(Path("/a/{b,c}*[d]?\\"), "pyspark") == r"/a/\{b,c\}\*\[d\]\?\\"
