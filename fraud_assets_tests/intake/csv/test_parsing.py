import numpy as np
import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.contract import infer_contract
from fraud_assets.intake.csv.chunks import Chunk
from fraud_assets.intake.csv.decoding import open_csv
from fraud_assets.intake.csv.parsing import parse_chunk, schema


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "batch.csv"
    path.write_text("TX_DATETIME,CUSTOMER_ID,a,Class\n2026-01-01 00:00:00,c,1,0\n")
    with open_csv(path) as source:
        return infer_contract(source, IntakeSettings())


def test_types_are_those_of_the_contract(contract):
    assert [str(kind) for kind in schema(contract).types] == [
        "int64",
        "timestamp[us]",
        "string",
        "double",
        "int8",
    ]


def test_lines_count_from_the_beginning_of_the_chunk(contract):
    chunk = Chunk(b"2026-01-01,c,1,0\n\n2026-01-01,c,x,0\n2026-01-02,c,2,1\n")
    parsed = parse_chunk(chunk, contract)
    assert parsed.table["source_line"].to_pylist() == [0, 3]
    assert [(row.line, row.text) for row in parsed.rejected] == [(2, "2026-01-01,c,x,0")]
    assert parsed.breaks == 4


def test_the_first_fault_of_a_row_is_its_reason(contract):
    (row,) = parse_chunk(Chunk(b"soon,c,x,7\n"), contract).rejected
    assert (
        row.reason
        == "column 'TX_DATETIME': not a date and time in the format of the others in the column"
    )


def test_a_damaged_line_is_rejected_with_the_damage(contract):
    chunk = Chunk(b'"open\n2026-01-01,c,1,0\n', np.array([0, 6]), {0: "a quote is opened"})
    parsed = parse_chunk(chunk, contract)
    assert [row.reason for row in parsed.rejected] == ["a quote is opened"]
    assert parsed.table.num_rows == 1


def test_a_chunk_without_a_row_has_none(contract):
    parsed = parse_chunk(Chunk(b"\n\n"), contract)
    assert (parsed.table.num_rows, parsed.rejected, parsed.breaks) == (0, [], 2)


def test_nothing_that_fits_leaves_an_empty_table_of_the_right_types(contract):
    parsed = parse_chunk(Chunk(b"1\n2\n"), contract)
    assert parsed.table.schema == schema(contract)
    assert [row.reason for row in parsed.rejected] == ["1 fields where the header has 4"] * 2
