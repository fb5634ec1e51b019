import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud_assets.config import IntakeSettings
from fraud_assets.intake.contract import IntakeError, draw_contract
from fraud_assets.intake.ingest import (
    empty_column_problems,
    ingest,
    rejected_csv,
    require_rows,
    source_lines,
)


@pytest.fixture
def take(tmp_path, engine):
    def intake_of(text: str):
        source, destination = tmp_path / "batch.csv", tmp_path / "rows.parquet"
        source.write_text(text, newline="")
        contract = draw_contract(engine, source, IntakeSettings())
        intake = ingest(engine, source, contract, destination)
        rows = engine.execute(f"SELECT * FROM read_parquet('{destination}')").fetchall()
        return intake, rows

    return intake_of


def test_rows_are_typed_and_keep_the_order_of_the_file(take):
    intake, rows = take("a,Class\n2.5,0\n1,1\n7,0\n")
    assert rows == [(2.5, 0), (1.0, 1), (7.0, 0)]
    assert (intake.rows, intake.frauds, intake.rejected) == (3, 1, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("abc,0", "column 'a': 'abc' is not a number"),
        ("1,2", "column 'Class': '2' is not 0 or 1"),
        ("1", "1 fields where the header has 2"),
        ("1,0,5", "3 fields where the header has 2"),
        ("1,", "column 'Class': the label is missing"),
        ("inf,0", "column 'a': infinity is not usable"),
        ("-inf,1", "column 'a': infinity is not usable"),
    ],
)
def test_a_row_that_does_not_fit_is_rejected_with_its_line_and_reason(take, line, reason):
    intake, rows = take(f"a,Class\n1,0\n2,1\n{line}\n4,0\n5,0\n")
    (rejected,) = intake.rejected
    assert (rejected.line, rejected.reason, rejected.text) == (4, reason, line)
    assert [row[0] for row in rows] == [1, 2, 4, 5]


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_line_endings_do_not_change_the_reason(take, ending):
    intake, rows = take(ending.join(["a,Class", "1,0", "x,1", "2", "3,1", ""]))
    assert [(row.line, row.reason, row.text) for row in intake.rejected] == [
        (3, "column 'a': 'x' is not a number", "x,1"),
        (4, "1 fields where the header has 2", "2"),
    ]
    assert rows == [(1.0, 0), (3.0, 1)]


def test_two_rejected_rows_of_different_kinds_keep_their_own_lines(take):
    intake, _ = take("a,Class\nx,0\n1,0\ninf,0\n2,1\n3\n")
    assert [row.line for row in intake.rejected] == [2, 4, 6]


def test_nan_and_nothing_are_missing_values(take):
    intake, rows = take("a,b,Class\nnan,1,0\n,2,1\n")
    assert [row[0] for row in rows] == [None, None]
    assert intake.empty_columns == ["a"]


def test_an_empty_column_is_a_problem_that_names_it(take, tmp_path):
    intake, _ = take("a,b,Class\nnan,1,0\n,2,1\n")
    (problem,) = empty_column_problems(tmp_path / "batch.csv", intake)
    assert "batch.csv: column 'a' holds no value" in problem


def test_a_file_without_a_usable_row_is_refused_with_the_first_reason(take, tmp_path):
    intake, _ = take("a,Class\n1\n2\n")
    with pytest.raises(IntakeError, match="none of its rows.*line 2: 1 fields"):
        require_rows(tmp_path / "batch.csv", intake)


def test_rejected_rows_are_written_with_line_reason_and_raw_text(take):
    intake, _ = take('a,Class\n1,0\n"x, y",1\n')
    assert rejected_csv(intake.rejected) == (
        'line_number,reason,raw_text\n3,"column \'a\': \'x, y\' is not a number","""x, y"",1"\n'
    )


GOOD = st.sampled_from(["1,2,0", "3.5,-1e3,1", ",4,0", "nan,5,0"])
BAD = st.sampled_from(["x,2,0", "1,2", "1,2,0,9", "1,2,7", "1,inf,0", "1,2,", "1,y,z"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(GOOD, BAD), min_size=1, max_size=40))
def test_every_line_of_a_file_is_accepted_or_rejected(take, lines):
    good = [number for number, line in enumerate(lines, start=2) if line in GOOD_LINES]
    intake, rows = take("a,b,Class\n" + "1,1,0\n" * 50 + "\n".join(lines) + "\n")
    assert intake.rows + len(intake.rejected) == 50 + len(lines)
    assert intake.rows == len(rows) == 50 + len(good)
    rejected = [row.line for row in intake.rejected]
    assert rejected == [n + 50 for n in range(2, len(lines) + 2) if n not in good]
    accepted = source_lines(intake.rows, rejected).tolist()
    assert sorted(accepted + rejected) == list(range(2, len(lines) + 52))


GOOD_LINES = {"1,2,0", "3.5,-1e3,1", ",4,0", "nan,5,0"}


def test_numbers_come_through_exactly(take):
    _, rows = take("a,Class\n0.1,0\n1e300,1\n-2.2250738585072014e-308,0\n")
    assert [row[0] for row in rows] == [0.1, 1e300, -2.2250738585072014e-308]
    assert math.isfinite(rows[1][0])
