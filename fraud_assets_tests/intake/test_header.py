import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError, open_csv
from fraud_assets.intake.header import detect_delimiter, parse_rows, read_header


@pytest.fixture
def read(tmp_path):
    def header_of(text, **settings):
        path = tmp_path / "batch.csv"
        path.write_text(text, newline="")
        with open_csv(path) as source:
            return read_header(source, IntakeSettings(**settings))

    return header_of


def test_names_are_stripped_and_the_text_is_kept_as_it_stands(read):
    header = read('\r\n a ,"b ; c"\r\n1,2\r\n')
    assert header.names == ["a", "b ; c"]
    assert header.text == b'\r\n a ,"b ; c"\r\n'
    assert (header.delimiter, header.first_line) == (",", 3)


def test_a_delimiter_that_is_set_is_not_detected(read):
    assert read("a,b|c\n", delimiter="|").names == ["a,b", "c"]


def test_other_delimiters_between_quotes_do_not_count():
    assert detect_delimiter('"a,,,b";c') == ";"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("a,b\r1,2\r", "lines end with a carriage return only"),
        ('"a,b\n1,2\n', "a quote is not closed"),
        ("a,,b\n1,2,3\n", "line 1, column 2: the column name is blank"),
        ("a,b,A\n1,2,3\n", "line 1, column 3: column 1 has the same name"),
        ("source_line,b\n1,2\n", "column 1: 'source_line' is a name that the platform uses"),
        ("card 4111111111111111,b\n1,2\n", "column 1: the column name contains a payment card"),
        ("a,b\ufffd\n1,2\n", "column 2: the column name is damaged"),
        ("a\n1\n", "there is only one column, with none of the delimiters"),
        ("1,2,y\n3,4,0\n", "line 1, column 1: a value, not a name; add a header line"),
        ("a,2026-01-01,y\n3,4,0\n", "line 1, column 2: a value"),
        ("a,zoe@example.org,y\n3,4,0\n", "line 1, column 2: a value"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_with_its_place(read, text, message):
    with pytest.raises(IntakeError) as refused:
        read(text)
    assert str(refused.value).startswith("batch.csv: line 1")
    assert message in str(refused.value)
    assert "zoe" not in str(refused.value)


def test_invalid_bytes_are_written_as_escapes():
    assert parse_rows([b"a\xff,b\n", b"\n"], ",") == [["a\\xff", "b"], [""]]
