import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud_assets.store.spreadsheet import csv_text, with_apostrophes, without_apostrophes


def test_what_a_spreadsheet_would_compute_stays_text_and_numbers_stay_numbers():
    frame = pd.DataFrame(
        {"id": ["=cmd|' /C calc'!A0", "+1", "@x", "T-7", None], "amount": [-1.5, 2, 3, 4, 5],
         "=1+1": ["a", "-b", "c", "d", "e"]}
    )  # fmt: skip
    back = pd.read_csv(io.StringIO(csv_text(frame)))
    assert back.columns.tolist() == ["id", "amount", "'=1+1"]
    assert back["id"].tolist()[:4] == ["'=cmd|' /C calc'!A0", "'+1", "'@x", "T-7"]
    assert back["id"].isna().tolist() == [False, False, False, False, True]
    assert back["amount"].tolist() == [-1.5, 2, 3, 4, 5]
    assert back["'=1+1"].tolist() == ["a", "'-b", "c", "d", "e"]


HIDDEN = ["", "\n", "\r", " ", "\t ", '"', "'", "\u200b", "\ufeff", "\x00"]
WIDE = "\uff1d"
SIGNS = [*"=+-@", WIDE, "\uff0b", "\uff0d", "\uff20", "\ufe66"]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|", "\n", "\r"])
@settings(max_examples=30)
@given(
    parts=st.lists(
        st.sampled_from([*HIDDEN, *SIGNS, "1+1", "a", "cmd|' /C calc'!A0", ";", ",", "\t", "|"]),
        max_size=8,
    )
)
@example(parts=["a;", "=1+1"])
@example(parts=["\n", "=1+1"])
@example(parts=[WIDE, "1+1"])
def test_no_cell_begins_with_a_formula_whatever_a_locale_separates_cells_by(separator, parts):
    written = csv_text(pd.DataFrame({"first": ["".join(parts)], "name": ["-".join(parts)]}))
    for quotes in ('"', None):
        # A spreadsheet that cuts at another character may see no quotes at all.
        cells = written.split(separator)
        if quotes and separator in ";,\t|":
            rows = csv.reader(
                io.StringIO(written.replace("\0", ""), newline=""), delimiter=separator
            )
            cells = [cell for row in rows for cell in row]
        for cell in cells:
            shown = re.sub('[\\s"\x00-\x1f\u200b\ufeff]', "", cell)
            assert not shown.startswith(tuple(SIGNS)), written


@settings(max_examples=40)
@given(st.text(alphabet="abc 0.5(); €é\"'=", max_size=20).map(lambda text: "x" + text))
def test_text_without_a_formula_at_the_start_of_a_cell_is_left_as_it_is(text):
    if not re.search(r";[\s\"']*=", text):
        back = pd.read_csv(
            io.StringIO(csv_text(pd.DataFrame({"a": [text]}))), keep_default_na=False
        )
        assert back["a"][0] == text


@given(st.lists(st.sampled_from([*HIDDEN, *SIGNS, "-1", "-.5e3", "1", "a", *";,|\t"]), max_size=9))
@example(["'", "-1", ",", "'", "=1"])
@example(["-1", '"', "=", "a"])
def test_a_row_comes_back_as_it_was_and_begins_no_cell_with_a_formula(parts):
    row = "".join(parts)
    shown = with_apostrophes(row)
    assert without_apostrophes(shown) == row
    for cell in re.split(r"[;,|\t\r\n]", shown):
        plain = re.sub('[\\s"\x00-\x1f\u200b\ufeff]', "", cell)
        is_number = re.fullmatch(r"[+-][0-9.e+-]*[0-9]", plain)
        assert is_number or not plain.startswith(tuple(SIGNS)), shown


def test_a_long_row_takes_no_longer_for_what_it_holds():
    row = "\t" * 2_000_000 + "=1" + " '" * 500_000
    assert without_apostrophes(with_apostrophes(row)) == row
