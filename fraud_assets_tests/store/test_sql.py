from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.store import sql
from fraud_assets.store.locked_duckdb import open_duckdb

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
    with TemporaryDirectory() as place, open_duckdb([], Path(place), "1GB") as connection:
        yield connection


@given(TEXT | SPICED, TEXT | SPICED)
def test_any_name_and_text_comes_back_from_the_engine_as_it_was(closed, name, text):
    cursor = closed.execute(f"SELECT {sql.literal(text)} AS {sql.identifier(name)}")
    assert cursor.description[0][0] == name
    assert cursor.fetchall() == [(text,)]


@settings(max_examples=50)
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


@settings(max_examples=25)
@given(st.sets(NAMES, min_size=2, max_size=4))
def test_a_file_is_read_alone_whatever_the_folders_are_called(names):
    with TemporaryDirectory() as place, open_duckdb([Path(place)], Path(place), "1GB") as engine:
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
        both = engine.execute(f"FROM {sql.parquets(list(files.values()), 'f')} ORDER BY n")
        assert both.fetchall() == [(name, str(file)) for name, file in files.items()]
