import pytest

from fraud_assets.intake.csv.decoding import HEAD_BYTES
from fraud_assets.intake.header import Header
from fraud_assets.intake.sample import SAMPLE_ROWS, ColumnSample, sample_rows

HEADER = Header(",", b"a,b\n", ["a", "b"])


def test_rows_keep_their_lines_and_blank_or_short_ones_are_skipped():
    assert sample_rows(b'a,b\n1,2\n\n3\n"4\n",5\n6,7', HEADER) == [
        (2, ["1", "2"]),
        (5, ["4\n", "5"]),
        (7, ["6", "7"]),
    ]


def test_a_sample_has_a_limit():
    assert len(sample_rows(b"a,b\n" + b"1,2\n" * (SAMPLE_ROWS + 1), HEADER)) == SAMPLE_ROWS


def test_the_last_record_of_a_text_that_was_cut_off_is_not_used():
    long = b"x" * (HEAD_BYTES // 2)
    head = b"a,b\n1," + long + b"\n2," + long
    assert [row[0] for _, row in sample_rows(head, HEADER)] == ["1"]


def test_a_column_has_the_values_that_are_not_missing_and_their_lines():
    column = ColumnSample.of([(2, ["1 ", "x"]), (3, ["NA", "y"]), (5, ["2", "z"])], 0)
    assert column == ColumnSample(["1", "2"], [2, 5])
    assert column.first_line("2".__eq__) == 5
    assert column.replaced("1", "one").values == ["one", "2"]
    with pytest.raises(StopIteration):
        column.first_line("3".__eq__)
