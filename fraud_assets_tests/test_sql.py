from hypothesis import given
from hypothesis import strategies as st

from fraud_assets import sql

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


@given(TEXT, TEXT)
def test_any_name_and_text_comes_back_from_the_engine_as_it_was(name, text):
    import duckdb

    with duckdb.connect() as engine:
        cursor = engine.execute(f"SELECT {sql.literal(text)} AS {sql.identifier(name)}")
        assert cursor.description[0][0] == name
        assert cursor.fetchall() == [(text,)]
