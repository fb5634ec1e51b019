import io

import pandas as pd
import pytest

from fraud_assets.files import csv_text, whole_file


def test_a_file_takes_the_place_of_the_old_one_when_the_block_ends_well(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.write("no bytes")
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
