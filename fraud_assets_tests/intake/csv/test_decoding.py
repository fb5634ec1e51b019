import gzip
import hashlib

import pytest

from fraud_assets.intake.csv.decoding import HEAD_BYTES, IntakeError, open_csv, sha256


def read_all(path, size=1000, **settings):
    with open_csv(path, **settings) as source:
        pieces = []
        while piece := source.read(size):
            pieces.append(piece)
        return b"".join(pieces), source


@pytest.fixture
def write(tmp_path):
    def file(content: bytes, name: str = "a.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return file


def test_plain_text_comes_as_it_is_in_pieces_of_the_asked_size(write):
    path = write(b"a,b\n" * 1000)
    text, source = read_all(path, 7)
    assert text == path.read_bytes()
    with open_csv(path) as again:
        assert len(again.read(7)) == 7
    assert source.encoding == "utf-8"


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_other_encodings_are_found_and_come_as_utf_8(write, encoding, found):
    text = "name,é,Class\n" * 200_000
    whole, source = read_all(write(text.encode(encoding)), 5001)
    assert whole == text.encode()
    assert source.encoding == found


def test_the_hash_and_the_position_are_those_of_the_file_also_when_it_is_compressed(write):
    path = write(gzip.compress(b"a,b\n" * 10_000), "a.csv.gz")
    text, source = read_all(path)
    assert text == b"a,b\n" * 10_000
    assert source.content_hash == sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.position == source.size == path.stat().st_size


def test_the_head_is_what_comes_first_and_is_not_lost(write):
    path = write(b"x" * (HEAD_BYTES + 10))
    with open_csv(path) as source:
        assert source.head == b"x" * HEAD_BYTES
        assert source.read(2 * HEAD_BYTES) + source.read(100) == path.read_bytes()


def test_text_that_stops_being_in_its_encoding_is_refused_with_the_place(write):
    path = write("a\n".encode("utf-16") * 10 + b"\xd8")
    with pytest.raises(IntakeError, match=r"a\.csv: before byte .*not utf-16 text.*`encoding`"):
        read_all(path)


def test_a_text_with_few_control_characters_is_still_a_text(write):
    assert read_all(write(b"a,b\n" * 100 + b"\x00\x01"))[1].encoding == "utf-8"


def test_what_is_no_text_is_refused_with_what_it_is(write):
    with pytest.raises(IntakeError, match="it is binary"):
        read_all(write(bytes(range(1, 9)) * 100))
    with pytest.raises(IntakeError, match="it is Parquet; export it as CSV"):
        read_all(write(b"PAR1"))
