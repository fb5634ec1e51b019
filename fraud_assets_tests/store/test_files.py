import csv
import io
import os
import re
import stat

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fraud_assets.store.files import SHARED, private_files, private_folder, whole_file
from fraud_assets.store.spreadsheet import csv_text, with_apostrophes, without_apostrophes


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_takes_the_place_of_the_old_one_when_the_block_ends_well(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode(path) == 0o600


def test_a_file_that_others_have_to_read_says_so(tmp_path):
    with private_files(), whole_file(tmp_path / "file", SHARED) as file:
        file.write(b"")
    assert mode(tmp_path / "file") == 0o644


def test_what_a_library_writes_meanwhile_is_for_its_owner_alone(tmp_path):
    before = os.umask(0o022)
    try:
        with private_files():
            pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "rows.parquet")
            (tmp_path / "folder").mkdir()
        (tmp_path / "later").touch()
    finally:
        os.umask(before)
    modes = [mode(tmp_path / name) for name in ("rows.parquet", "folder", "later")]
    assert modes == [0o600, 0o700, 0o644]


def test_a_folder_of_before_is_closed_to_others(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "old" / "tables").mkdir(mode=0o755, parents=True)
    for below in (home, tmp_path / "old"):
        assert mode(private_folder(below / "tables" / "june", below)) == 0o700
        assert mode(below / "tables") == 0o700
    with private_files():
        assert mode(private_folder(home / "metrics", home, 0o755)) == 0o755
    assert mode(home) == 0o711


def test_a_block_that_fails_leaves_the_old_file_and_nothing_of_the_new(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.write("no bytes")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


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
