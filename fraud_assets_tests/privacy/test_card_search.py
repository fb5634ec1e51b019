import duckdb
import pytest

from fraud_assets.privacy.card_search import CardSearch
from fraud_assets_tests.conftest import MASKING

CARD = "4111111111111111"
SPELLINGS = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111.1111.1111.1111",
    " 4111111111111111 ",
    "4.111111111111111E+15",
    "4111111111111111.0",
    "\uff14111111111111111",
    "paid with 4111 1111-1111 1111, thanks",
    "4111111111111111 12 EUR",
]
OTHERS = ["", "4012888888881881", "41111111111111115", "4711", "1111", "a"]


@pytest.fixture
def matches():
    """Whether SQL and Python find something in a text, which has to be the same."""
    with duckdb.connect() as connection:
        MASKING.install(connection)

        def found(search, text, is_card=False):
            condition = search.condition("value", is_card)
            sql = condition and connection.execute(
                f"SELECT {condition} FROM (SELECT CAST(? AS VARCHAR) AS value)", [text]
            ).fetchone() == (True,)
            if is_card or search.is_distinct:
                assert sql == search.is_named_by(text), text
            return bool(sql)

        yield found


@pytest.mark.parametrize("typed", [CARD, "4111-1111 1111 1111", MASKING.card(CARD)])
def test_a_card_is_found_in_every_spelling_and_within_texts_of_any_column(matches, typed):
    search = CardSearch(typed, MASKING)
    assert [text for text in SPELLINGS if not matches(search, text)] == []
    assert [text for text in OTHERS if matches(search, text)] == []
    assert search.mark == MASKING.card(CARD)[-9:]
    for delimiter in ",;\t|":
        assert all(search.is_in_line(delimiter.join(["7", text, "x"])) for text in SPELLINGS)
        assert not search.is_in_line(delimiter.join(["7", *OTHERS]))


def test_a_long_customer_number_is_found_next_to_other_digits_where_it_was_typed(matches):
    text = "customer 123456789012 30"
    assert matches(CardSearch("1234 5678 9012", MASKING), text)
    assert not matches(CardSearch(MASKING.card("123456789012"), MASKING), text)
    assert "since a token was given" in CardSearch(MASKING.card(CARD), MASKING).not_searched()


def test_a_name_and_an_address_are_found_in_other_columns_and_within_texts(matches):
    for typed in ("Anna Muster", "anna@example.org"):
        search = CardSearch(f" {typed} ", MASKING)
        for text in (typed, f"refund to {typed.upper()}, late", f"x,{typed}"):
            assert matches(search, text)
        assert not matches(search, f"Jo{typed}")
        assert matches(CardSearch(MASKING.card(typed), MASKING), typed)


def test_a_short_number_counts_where_cards_stand_and_is_only_mentioned_elsewhere(matches):
    search = CardSearch("4711-0815", MASKING)
    assert all(matches(search, text, True) for text in ("47110815", "4711 0815", " 4711-0815"))
    assert not any(matches(search, text, True) for text in ("471108155", "x47110815", "4711,0815"))
    assert search.condition("value", False) is None
    assert search.is_in_line("1;4711 0815;x")
    assert not search.is_in_line("1;for 4711 0815;x")
    assert search.is_mentioned_in("for 4711 0815, again")
    assert not CardSearch("7", MASKING).is_mentioned_in("1.7 and 7.5 and 77 and a-7 and 7,5")
    assert CardSearch("7", MASKING).is_mentioned_in("of 7.")
    assert "another's" in search.not_searched()


@pytest.mark.parametrize("typed", ["4711", "C-17", "Anna Muster", CARD, "card 4711 (old)", "'; --"])
def test_nothing_of_what_was_typed_stands_in_its_mark(typed):
    mark = CardSearch(typed, MASKING).mark
    assert mark.startswith("#")
    assert len(mark) == 9
    assert mark == CardSearch(f" {typed} ", MASKING).mark
    assert mark != CardSearch(f"{typed}1", MASKING).mark


def test_what_was_typed_is_text_in_sql_and_in_patterns(matches):
    for typed in ("a.c", "x'y", "(", "[", "a|b", "\\"):
        assert matches(CardSearch(typed, MASKING), typed, True)
        assert not matches(CardSearch(typed, MASKING), "abc", True)


def test_a_field_of_a_megabyte_is_looked_through_like_any_other(matches):
    long = "some words of it " * 60_000
    for typed in (CARD, MASKING.card(CARD), "Anna Muster"):
        named = CARD if "M" not in typed else typed
        assert matches(CardSearch(typed, MASKING), f"{long}{named}, 1 {long}")
        assert not matches(CardSearch(typed, MASKING), f"{long}4012888888881881, 1 {long}")
