import io

import numpy as np
import pytest

from fraud_assets.intake.csv import chunks as chunking
from fraud_assets.intake.csv.chunks import damage_of, read_chunks


def cut(text: bytes, size: int = 1 << 20, delimiter: str = ","):
    """Line, text and damage of every record."""
    found, line = [], 1
    for chunk in read_chunks(io.BytesIO(text), delimiter, size):
        starts = chunk.record_starts().tolist()
        assert len(starts) == chunk.count == len(chunk.lines())
        ends = [*starts[1:], len(chunk.data)]
        for own, start, end in zip(chunk.lines().tolist(), starts, ends, strict=True):
            record = chunk.data[start:end].rstrip(b"\n")
            found.append((line + own, record, chunk.damaged.get(start)))
        line += chunk.breaks
    return found


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
def test_records_are_lines_when_there_are_no_quotes(size):
    assert cut(b"a,b\n1,2\n\n3,4", size) == [
        (1, b"a,b", None),
        (2, b"1,2", None),
        (3, b"", None),
        (4, b"3,4", None),
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 9, 1000])
def test_a_record_may_span_lines_between_quotes(size):
    assert cut(b'a,b\n"x\n""y""\nz",2\n3,""\n', size) == [
        (1, b"a,b", None),
        (2, b'"x\n""y""\nz",2', None),
        (5, b'3,""', None),
    ]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_quotes_that_make_no_sense_damage_their_own_line_only(size):
    assert cut(b'1,"x"y\n5" pipe,2\n"z",3\n"open,4\n5,6\n', size) == [
        (1, b'1,"x"y', "there is text after a closing quote"),
        (2, b'5" pipe,2', None),
        (3, b'"z",3', None),
        (4, b'"open,4', "a quote is opened and never closed"),
        (5, b"5,6", None),
    ]


def test_a_quote_that_is_not_closed_soon_does_not_swallow_the_file(monkeypatch):
    monkeypatch.setattr(chunking, "MAX_QUOTED_BYTES", 100)
    found = cut(b'"open,1\n' + b"2,3\n" * 1000, size=64)
    assert len(found) == 1001
    assert found[0][2] == "a quote is opened and never closed"
    assert {damage for _, _, damage in found[1:]} == {None}


@pytest.mark.parametrize("after", [b"\n1,2\n", b""])
def test_a_line_that_is_too_long_is_one_damaged_record(monkeypatch, after):
    monkeypatch.setattr(chunking, "MAX_RECORD_BYTES", 5000)
    found = cut(b"a,b\n" + b"x" * 20_000 + after, size=512)
    (line, text, damage) = found[1]
    assert (line, len(text)) == (2, 1000)
    assert damage.startswith("the line has 20,00")
    assert [record[:2] for record in found[2:]] == ([(3, b"1,2")] if after else [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_parts_quoted_fields(delimiter):
    text = b'"a\nb"' + delimiter.encode() + b'"c"\nd\n'
    assert [line for line, *_ in cut(text, delimiter=delimiter)] == [1, 3]


def test_proper_quotes_are_cut_at_once_and_alike():
    text = b'"a\nb",1\n2,"c"\n' * 50
    proper = chunking._ends_by_quote_parity(text, ",")
    careful, _ = chunking._complete_records_line_by_line(text, ",", at_end=True)
    assert np.array_equal(chunking._starts(proper, len(text)), careful.starts)


@pytest.mark.parametrize(
    ("record", "damage"),
    [
        (b"1,2\n", None),
        (b"1,2\r\n", None),
        (b"1\x00,2\n", "there is a NUL byte in the line"),
        (b"1\r,2\n", "there is a carriage return within the line"),
        ("é,2\n".encode("latin-1"), "byte 0xE9 is not UTF-8"),
    ],
)
def test_damage_is_named(record, damage):
    found = damage_of(record)
    assert found == damage or (found and found.startswith(damage))


def test_pieces_of_a_chunk_are_the_chunk():
    text = b'a\n"b\nc"\n\n"open,\nd\ne' * 3 + b"\n"
    for chunk in read_chunks(io.BytesIO(text), ","):
        pieces = list(chunk.split(2))
        assert b"".join(piece.data for piece in pieces) == chunk.data
        assert sum(piece.count for piece in pieces) == chunk.count
        assert max(piece.count for piece in pieces) <= 2
        assert sum(len(piece.damaged) for piece in pieces) == len(chunk.damaged)
        for piece in pieces:
            for start in piece.damaged:
                assert piece.data[start:].startswith(b'"open')
