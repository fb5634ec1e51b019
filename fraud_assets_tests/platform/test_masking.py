"""Card numbers and names become tokens; other names stay; nobody undoes it without the key."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud_assets.platform.masking import (
    KEY_FILE,
    KEY_ID_FILE,
    Masking,
    card_numbers,
    holds_card_number,
    is_card_number,
    masking,
)
from fraud_assets_tests.conftest import MASKING, connected

VISA, AMEX, MAESTRO = "4111111111111111", "378282246310005", "6759649826438453"


def with_check_digit(digits: str) -> str:
    return next(digits + c for c in "0123456789" if is_card_number(digits + c))


@pytest.fixture(scope="module")
def in_sql():
    """Masks values in DuckDB: each as a card, and as a text."""
    with connected() as engine:
        query = "SELECT mask_card(v), mask_text(v) FROM (SELECT unnest($1::VARCHAR[]) AS v)"
        yield lambda values: engine.execute(query, [values]).fetchall()


NUMBERS = st.from_regex(r"[0-9]{12,18}", fullmatch=True).map(with_check_digit)


@pytest.mark.parametrize("number", [VISA, AMEX, MAESTRO, f" {VISA} ", f"{VISA}.0"])
def test_a_card_number_is_known_by_its_length_and_its_check_digit(number):
    assert is_card_number(number)


@pytest.mark.parametrize(
    "other", ["", "596", "411111111111111", VISA[:-1] + "2", "4" * 20, "a" + VISA]
)
def test_other_numbers_are_none(other):
    assert not is_card_number(other)


@given(NUMBERS, st.sampled_from(["", " ", "-", "  ", "\u00a0", "\u2013"]), st.integers(2, 6))
@example(VISA, " ", 4)
def test_however_it_is_written_a_card_has_one_token_with_its_last_four(number, between, step):
    written = between.join(number[i : i + step] for i in range(0, len(number), step))
    token = MASKING.card(written)
    assert token == MASKING.card(number) == MASKING.text(written)
    assert token.startswith(f"…{number[-4:]} #")
    assert number not in token
    assert MASKING.card(token) == MASKING.text(token) == token


WRITTEN = {
    **{sign: sign.join(["4111"] * 1 + ["1111"] * 3) for sign in "./_,:*\t"},
    "wide digits": "".join(chr(0xFF10 + int(digit)) for digit in VISA),
    "Arabic digits": "".join(chr(0x660 + int(digit)) for digit in VISA),
    "thin spaces": "4111\u2009111111111111",
    "zero width": "\u200b".join(VISA),
    "soft hyphens and a joiner": "4111\u00ad1111\u20601111\ufeff1111",
    "a power of ten": "4.111111111111111E+15",
    "a comma in a power of ten": "4,111111111111111e15",
    "thousands": "4,111,111,111,111,111",
    "parentheses": "(4111) (1111) (1111) (1111)",
    "some of each": "4111-1111.1111/1111",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_however_a_card_number_is_written_it_is_found(written, in_sql):
    assert is_card_number(written)
    assert MASKING.card(written) == MASKING.card(VISA)
    assert MASKING.card(VISA) in MASKING.text(f"paid with {written} twice")
    (alone, within) = in_sql([written, f"paid with {written}"])
    assert (alone[0], within[1]) == (MASKING.card(VISA), MASKING.text(f"paid with {written}"))


SIGNS = st.text(alphabet="059Ee+-. ,/@aZé\u00a0\u0665\uff19\u200b\n²Ж", max_size=8)


@settings(max_examples=30)  # each compiles the engine's expressions anew
@example(["Zoe\u00a0Quixote", "Zoe\u3000Quixote", "Zoe\x1fQuixote"])
@given(st.lists(st.one_of(SIGNS, st.tuples(SIGNS, NUMBERS, SIGNS).map("".join)), min_size=1))
def test_sql_replaces_all_that_is_replaced_in_python(in_sql, values):
    assert in_sql(values) == [(MASKING.card(value), MASKING.text(value)) for value in values]


@pytest.mark.parametrize(
    "text",
    ["27.11.2026 18:17:47.123", "2026-11-27_18-17-47", "100.00, 200.00; 300.00", "1,234,567.89",
     "192.168.100.100 10.0.0.1", "0.5 0.25 0.125 0.0625 0.03125", "1767225600014 is no card",
     "+49 (30) 1234567-89", "4.1E+05"],
)  # fmt: skip
def test_times_amounts_and_addresses_are_no_card_numbers(text):
    assert not any(holds_card_number(word) for word in (text, *text.split()))
    assert not is_card_number(text)


def test_amounts_beside_each_other_are_seldom_one():
    amounts = np.random.default_rng(0).uniform(0, 1000, (2000, 6)).round(2)
    texts = [", ".join(f"{value:.2f}" for value in row) for row in amounts]
    assert [text for text in texts if MASKING.text(text) != text] == []


@pytest.mark.parametrize("card", [f"{VISA}0926", f"000{VISA}", f"-{VISA}", "411111111111"])
def test_where_cards_stand_a_longer_or_shorter_number_is_a_token(card):
    assert MASKING.card(card).startswith(f"…{card[-4:]} #")


def test_letters_around_a_number_stay_where_cards_stand_and_tokens_are_left_alone():
    token = "…1111 #12345678"
    assert MASKING.card(f"PAN {VISA[:-1]}2x").startswith("PAN …1112 #")
    assert MASKING.card(token) == MASKING.text(token) == token
    assert MASKING.card(f"a {token} b {token}") == f"a {token} b {token}"


@given(NUMBERS, st.text(alphabet="ab /:#.,", max_size=6), st.text(alphabet="ab /:#,", max_size=6))
def test_within_a_text_the_number_alone_is_replaced(number, before, after):
    assert MASKING.text(f"{before}{number}{after}") == f"{before}{MASKING.card(number)}{after}"


def test_a_number_beside_others_is_found():
    for text in (f"12 {VISA[:4]} {VISA[4:]} 2026", f"{VISA} {AMEX}", f"01 {VISA}-2026"):
        shown = MASKING.text(text)
        assert VISA not in shown.replace(" ", "")
        assert AMEX not in shown
        assert len(list(card_numbers(text))) >= 1


def test_two_cards_with_the_same_last_four_are_told_apart():
    tokens = {MASKING.card(with_check_digit(f"4{n:011d}111")) for n in range(2000)}
    same = [token for token in tokens if token.startswith("…1111")]
    assert len(tokens) == 2000
    assert len(same) > 50


@pytest.mark.parametrize("name", ["596", "0", "C 12", "c-17", "José", "", "T0-4711", "1.5", "{}"])
def test_customer_ids_that_are_no_card_numbers_stay_as_they_are(name):
    assert MASKING.card(name) == MASKING.text(name) == name


@pytest.mark.parametrize(
    "name", ["Zoe Quixote", "O'Brien, Pat", "zoe@example.org", "Anna  Maria B"]
)
def test_a_person_s_name_in_place_of_a_card_is_a_token(name):
    token = MASKING.card(name)
    assert token.startswith("#")
    assert len(token) == 9
    assert MASKING.text(name) == name


def test_a_number_as_long_as_a_card_s_is_one_where_cards_stand():
    wrong = VISA[:-1] + "2"
    assert MASKING.card(wrong).startswith("…1112 #")
    assert MASKING.text(wrong) == wrong


def test_an_entry_of_a_list_names_a_card_by_its_number_or_by_what_was_shown():
    token = MASKING.card(VISA)
    digits = token.removeprefix("…")
    for written in (VISA, "4111 1111 1111 1111", token, digits, f"...{digits}", f"â€¦{digits} "):
        assert MASKING.entry(written) == token
    assert MASKING.entry(MASKING.card("Zoe Quixote")) == MASKING.card("Zoe Quixote")
    assert MASKING.entry("596") == "596"


def test_another_key_gives_other_tokens_and_other_hashes():
    other = Masking(b"another key".ljust(32))
    contents = np.array([1, 2**63], np.uint64)
    assert other.card(VISA) != MASKING.card(VISA)
    assert not set(other.keys(contents)) & set(MASKING.keys(contents))
    assert MASKING.keys(contents).tolist() == MASKING.keys(contents).tolist()
    assert len(MASKING.keys(contents[:0])) == 0


def test_sql_gives_the_same_tokens_and_leaves_what_is_missing():
    values = [VISA, None, "596", "Zoe Quixote", "POS 4111-1111-1111-1111"]
    with connected() as engine:
        rows = engine.execute(
            "SELECT mask_card(v), mask_text(v), keyed_content(hash(v)) FROM "
            "(SELECT unnest($1) AS v)", [values]
        ).fetchall()  # fmt: skip
    assert [row[0] for row in rows] == [v and MASKING.card(v) for v in values]
    assert [row[1] for row in rows] == [v and MASKING.text(v) for v in values]
    assert all(isinstance(row[2], int) for row in rows)


def test_the_key_stands_in_no_error_and_no_setting_of_the_engine(home, monkeypatch):
    monkeypatch.setenv("FRAUD_HASH_KEY", "planted-" * 4)
    with duckdb.connect() as engine:
        masking().install(engine)
        with pytest.raises(Exception, match="(?i)conversion") as error:
            engine.execute("SELECT CAST(mask_text('x') AS INTEGER)").fetchall()
        settings = engine.execute("FROM duckdb_settings()").fetchall()
        functions = engine.execute("FROM duckdb_functions()").fetchall()
    assert "planted" not in f"{error.value} {settings} {functions}"


# --- the key ---


def test_a_home_makes_its_key_once_for_its_owner_alone(home):
    folder = home / "var"
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: masking().card(VISA), range(8)))
    assert len(set(tokens)) == 1
    for name in (KEY_FILE, KEY_ID_FILE):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert sorted(os.listdir(folder)) == [KEY_FILE, KEY_ID_FILE]


def test_the_key_may_be_given_as_a_variable_or_as_a_file(home, monkeypatch):
    key = "k" * 32
    monkeypatch.setenv("FRAUD_HASH_KEY", key)
    by_variable = masking().card(VISA)
    assert not (home / "var" / KEY_FILE).exists()
    (home / "key").write_text(f"{key}\n")
    monkeypatch.delenv("FRAUD_HASH_KEY")
    monkeypatch.setenv("FRAUD_HASH_KEY_FILE", str(home / "key"))
    assert masking().card(VISA) == by_variable


def test_another_key_than_before_is_refused_with_the_remedy(home, monkeypatch):
    masking()
    monkeypatch.setenv("FRAUD_HASH_KEY", "k" * 32)
    with pytest.raises(ValueError, match=f"put the previous key into.*remove {KEY_ID_FILE}"):
        masking()
    (home / "var" / KEY_ID_FILE).unlink()
    assert masking().card(VISA).startswith("…1111")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("FRAUD_HASH_KEY", "short", "FRAUD_HASH_KEY holds fewer than 16 characters"),
        ("FRAUD_HASH_KEY_FILE", "/nowhere/key", "/nowhere/key.* cannot be read: No such file"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_not_repeated(
    home, monkeypatch, variable, value, told
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=told) as error:
        masking()
    assert "short" not in str(error.value)
