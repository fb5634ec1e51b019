"""Every line of a file is accepted or rejected, whatever is in it."""

import math

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.contract import infer_contract
from fraud_assets.intake.csv.conversion import (
    ConversionResult,
    convert,
    empty_column_problems,
    require_rows,
)
from fraud_assets.intake.csv.decoding import IntakeError, open_csv
from fraud_assets.intake.quarantine import RejectedRow, collect_rejected
from fraud_assets.platform.masking import is_card_number

HEADER = b"a,CUSTOMER_ID,b,Class\n"
SOUND = b"1,c,1,0\n" * 60
FIRST = 62
"""The line of what follows the header and the sound rows."""


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """Takes bytes in; returns the result, accepted rows by line, rejected rows by line."""
    folder = tmp_path_factory.mktemp("ingest")

    def intake_of(content: bytes, chunk_bytes: int = 1 << 20):
        path, out = folder / "batch.csv", folder / "rows.parquet"
        path.write_bytes(content)
        kept: list[RejectedRow] = []
        with open_csv(path, "utf-8") as source, collect_rejected(folder / "r") as rejected:
            contract = infer_contract(source, IntakeSettings())
            add = rejected.add
            rejected.add = lambda row: (kept.append(row), add(row))[1]  # type: ignore[method-assign]
            result = convert(source, contract, out, rejected, chunk_bytes=chunk_bytes)
        rows = {
            row.pop("source_line"): tuple(row.values()) for row in pq.read_table(out).to_pylist()
        }
        return result, rows, {row.line: row for row in kept}

    return intake_of


GOOD = {
    b"1,c,2,0": (1.0, "c", 2.0, 0),
    b"3.5,c,-1e3,1": (3.5, "c", -1000.0, 1),
    b",c,4,0": (None, "c", 4.0, 0),
    b"nan,,5,TRUE": (None, None, 5.0, 1),
    b" +.5 ,\xc3\xa9,NaN,no": (0.5, "é", None, 0),
}
BAD = [
    *(b"x,c,2,0", b"1,c,2", b"1,c,2,0,9", b"1,c,2,7", b"1,c,inf,0", b"1,c,2,"),
    *(b"1,c,2,maybe", b"1\x00,c,2,0", b"1,\xff,2,0", b"1,c\rd,2,0", b"1_0,c,2,0", b"0x1,c,2,0"),
    *(b",", b"hello", b"1;c;2;0", b"1,c,1e999,0"),
]
lines = st.lists(st.one_of(st.sampled_from(sorted(GOOD)), st.sampled_from(BAD), st.just(b"")))
endings = st.sampled_from([b"\n", b"\r\n"])


@settings(deadline=None, max_examples=25)
@given(lines, endings, st.booleans(), st.sampled_from([64, 1000, 1 << 20]))
@example([b"1,c,2"], b"\n", False, 1 << 20)
def test_every_line_is_accepted_or_rejected_and_good_lines_come_through(
    take, drawn, ending, last_break, chunk_bytes
):
    text = ending.join([*drawn, b""] if last_break else drawn)
    result, rows, rejected = take(HEADER + SOUND + text, chunk_bytes)
    data = {FIRST + place: line for place, line in enumerate(drawn) if line}
    assert result.rows + result.rejected == 60 + len(data)
    assert (len(rows), len(rejected)) == (result.rows, result.rejected)
    found = {line: row for line, row in rows.items() if line >= FIRST}
    assert found == {line: GOOD[text] for line, text in data.items() if text in GOOD}
    assert set(rejected) == {line for line, text in data.items() if text not in GOOD}
    for row in rejected.values():
        assert row.reason


damage = st.lists(
    st.one_of(
        st.sampled_from([*sorted(GOOD), *BAD, b'1,"two', b'lines",2,0', b'"', b'1,"c",2,0']),
        st.binary(max_size=12),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(damage)
@example([b'1,"two', b'lines",2,0', b'"', b"1,c,2,0"])
@example([b'1,"c"', b'"",2,0'])
def test_no_line_of_a_damaged_file_is_lost_or_counted_twice(take, drawn):
    text = b"\n".join(drawn)
    result, rows, rejected = take(HEADER + SOUND + text)
    assert result.rows + result.rejected == len(rows) + len(rejected)
    assert not set(rows) & set(rejected)
    starts = {*rows, *rejected}
    quoted = False
    for number, line in enumerate(text.split(b"\n"), start=FIRST):
        if number in starts:
            quoted = b'"' in line
        elif line.strip(b"\r"):
            # A line that begins no row is the rest of one with a quoted line break.
            assert quoted


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(damage, st.sampled_from([16, 40, 100, 300, 1 << 20]), st.sampled_from([1, 3, 50]))
def test_the_outcome_does_not_depend_on_how_the_file_is_cut(take, drawn, chunk_bytes, records):
    content = HEADER + SOUND + b"\n".join(drawn)
    _, rows, rejected = take(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fraud_assets.intake.csv.parsing.SPLIT_RECORDS", records)
        _, rows_of_pieces, rejected_of_pieces = take(content, chunk_bytes)
    assert rows_of_pieces == rows
    assert rejected_of_pieces == rejected


TOKENS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text("0123456789+-.eE_ xinfNaA\t", max_size=8),
)


@settings(deadline=None, max_examples=40)
@given(TOKENS)
@example(" 1")
@example("1e5")
@example("-inf")
def test_a_number_is_read_alike_at_once_and_row_by_row(take, token):
    line = f"{token},c,1,0\n".encode()
    at_once = take(HEADER + SOUND + line)
    one_by_one = take(HEADER + SOUND + line + b"broken\n")
    assert at_once[1] == one_by_one[1]
    assert at_once[2] == {n: row for n, row in one_by_one[2].items() if row.text != "broken"}


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        # A column of the numbers of cards is one of texts.
        st.floats(allow_nan=False, allow_infinity=False).filter(
            lambda v: not is_card_number(repr(v))
        ),
        min_size=1,
        max_size=20,
    )
)
def test_numbers_come_through_exactly(take, values):
    _, rows, _ = take(HEADER + b"".join(f"{value!r},c,1,0\n".encode() for value in values))
    assert [row[0] for row in rows.values()] == values


def test_long_files_are_written_in_whole_row_groups(take, tmp_path):
    result, rows, _ = take(HEADER + b"1,c,1,0\n" * 300_000, 100_000)
    assert result.rows == len(rows) == 300_000
    assert list(rows) == list(range(2, 300_002))


def test_progress_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("fraud_assets.intake.csv.conversion.LOG_SECONDS", 0.0)
    path, said = tmp_path / "batch.csv", []
    path.write_bytes(HEADER + SOUND * 100)
    with open_csv(path) as source, collect_rejected(tmp_path / "r") as rejected:
        contract = infer_contract(source, IntakeSettings())
        convert(
            source, contract, tmp_path / "rows.parquet", rejected, said.append, chunk_bytes=9000
        )
    assert said[-1] == f"100% of {path.stat().st_size:,} bytes read: 6,000 rows"
    assert len(said) > 1


def test_an_empty_column_is_a_problem_that_names_it():
    result = ConversionResult(rows=2, filled={"a": 0, "b": 1})
    (problem,) = empty_column_problems("batch.csv", result)
    assert problem.startswith("batch.csv: column 'a' is empty or NaN")


def test_a_file_without_a_usable_row_is_refused_with_the_first_reason():
    result = ConversionResult(rejected=1, examples=[RejectedRow(2, "1 fields", "1")])
    with pytest.raises(IntakeError, match="none of its rows.*line 2: 1 fields"):
        require_rows("batch.csv", result)


def test_the_smallest_normal_number_is_one(take):
    _, rows, _ = take(HEADER + b"-2.2250738585072014e-308,c,1e300,0\n")
    assert math.isfinite(rows[2][2])
    assert rows[2][0] == -2.2250738585072014e-308
