import csv

import pytest

from fraud_assets.intake.csv.decoding import open_csv
from fraud_assets.intake.quarantine import (
    Origin,
    RejectedRow,
    collect_rejected,
    is_repair,
    publish_rejected,
    read_repair,
)

ORIGIN = Origin(97, "ab" * 32, "june (final)")
ROWS = [RejectedRow(3, "column 'a': not a number", 'x,"q\nr",1'), RejectedRow(9, "why", "2")]


@pytest.fixture
def published(tmp_path):
    with collect_rejected(tmp_path / "rows") as rejected:
        for row in ROWS:
            rejected.add(row)
        assert (rejected.count, rejected.examples) == (2, ROWS)
    publish_rejected(tmp_path / "rows", tmp_path / "june.csv", "a,b,Class", ORIGIN)
    return tmp_path / "june.csv"


def test_the_file_holds_line_reason_and_raw_text_below_the_header_of_the_rows(published):
    assert published.read_text().splitlines()[:3] == [
        "line_number,reason,raw_text",
        '1,"header of the rows below; keep this line; an apostrophe before what a spreadsheet '
        "would compute goes when this is read (97 rows accepted of "
        + "ab" * 32
        + ', batch june (final))","a,b,Class"',
        '3,column \'a\': not a number,"x,""q',
    ]


def test_what_was_published_comes_back_with_its_lines_and_its_origin(published, tmp_path):
    with open_csv(published) as source:
        assert is_repair(source)
        repair = read_repair(source, tmp_path / "text.csv")
    assert repair.origin == ORIGIN
    assert repair.text.read_text() == 'a,b,Class\nx,"q\nr",1\n2\n'
    assert repair.lines.tolist() == [1, 3, 3, 9]


FORMULAS = ["=1+1,2", "@SUM(A1),-5.2", "\t=1,+1", "\r=1", "a;-1+cmd|' /C calc'!A0,'=x", "'-3,''=2"]


def test_a_spreadsheet_computes_nothing_of_rejected_rows_and_they_come_back_exactly(tmp_path):
    with collect_rejected(tmp_path / "rows") as rejected:
        for line, text in enumerate(FORMULAS, start=2):
            rejected.add(RejectedRow(line, "column 'a;=1': not a number", text))
    origin = Origin(97, "ab" * 32, "june ;=1")
    publish_rejected(tmp_path / "rows", tmp_path / "june.csv", "=a,b", origin)
    with (tmp_path / "june.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for text in row for cell in text.split(";")]
    # Numbers with a sign are what they are.
    formulas = [cell for cell in cells if cell.strip("\t\r ")[:1] in set("=+-@")]
    assert formulas == []
    assert any("@SUM(A1),-5.2" in cell for cell in cells)
    with open_csv(tmp_path / "june.csv") as source:
        repair = read_repair(source, tmp_path / "text.csv")
    with repair.text.open(newline="") as file:
        assert file.read() == "\n".join(["=a,b", *FORMULAS, ""])
    assert repair.origin == origin


def test_apostrophes_of_a_file_of_an_older_release_stay(tmp_path):
    about = f"header of the rows below; keep this line (97 rows accepted of {'ab' * 32}, batch a)"
    path = tmp_path / "june.csv"
    path.write_text(f'line_number,reason,raw_text\n1,"{about}",a\n2,why,\'=1\n')
    with open_csv(path) as source:
        assert read_repair(source, tmp_path / "text.csv").text.read_text() == "a\n'=1\n"


def test_no_rejected_row_leaves_no_file_and_removes_the_old_one(published, tmp_path):
    with collect_rejected(tmp_path / "rows"):
        pass
    publish_rejected(tmp_path / "rows", published, "a,b,Class", ORIGIN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["a,b,Class\n1,2,0\n", "line_number,reason\n", ""])
def test_other_files_are_no_repairs(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with open_csv(path) as source:
        assert not is_repair(source)


def test_only_the_first_rows_are_examples(tmp_path):
    with collect_rejected(tmp_path / "rows") as rejected:
        for line in range(10):
            rejected.add(RejectedRow(line, "why", ""))
    assert (rejected.count, [row.line for row in rejected.examples]) == (10, [0, 1, 2])
