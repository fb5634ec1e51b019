"""Files from other people: what becomes of each kind. `docs/intake.md` lists these cases."""

import codecs
import gzip
import re
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.ingest import LandedCsv, ingest_file

PLAIN = "a,b,Class\n1,0.5,0\n2,1.5,1\n3,2.5,0\n"
CARD, NAME = "4111111111111111", "Zoe Quixote"
"""What no message may repeat."""
CARDS = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,TX_FRAUD\n"
ROWS = [(1.0, 0.5, 0), (2.0, 1.5, 1), (3.0, 2.5, 0)]


def zstd(text: str) -> bytes:
    return pa.compress(text.encode(), codec="zstd", asbytes=True)


@dataclass
class Case:
    """A file, and what is to become of it: an error, or rows and rejected rows."""

    content: bytes | str
    error: str = ""
    rows: list[tuple[Any, ...]] | int = field(default_factory=lambda: ROWS)
    rejected: list[str] = field(default_factory=list)
    name: str = "batch.csv"
    settings: dict[str, Any] = field(default_factory=dict)


CASES = {
    # --- encodings ---
    "utf_8": Case("café,Class\n1,0\n2,1\n", rows=[(1.0, 0), (2.0, 1)]),
    "utf_8_with_bom": Case(codecs.BOM_UTF8 + PLAIN.encode()),
    "utf_16": Case(PLAIN.encode("utf-16")),
    "utf_16_without_bom": Case(PLAIN.encode("utf-16-le")),
    "latin_1": Case(
        "CUSTOMER_ID,a,Class\nJosé,1,0\nAnn,2,1\n".encode("latin-1"),
        rows=[("José", 1.0, 0), ("Ann", 2.0, 1)],
    ),
    "latin_1_that_is_said": Case(
        b"CUSTOMER_ID,Class\nJos\x81,0\n", rows=[("Jos\x81", 0)], settings={"encoding": "latin-1"}
    ),
    "unknown_encoding": Case(
        PLAIN, "the encoding 'klingon' does not exist", settings={"encoding": "klingon"}
    ),
    "utf_8_with_a_damaged_byte": Case(
        ("CUSTOMER_ID,Class\n" + "x,0\n" * 300_000).encode() + b"Jos\xe9,1\n",
        rows=300_000,
        rejected=[
            "line 300002: byte 0xE9 is not UTF-8; set `encoding` if the file has another encoding"
        ],
    ),
    # --- delimiters and decimals ---
    "comma": Case(PLAIN),
    "semicolon": Case(PLAIN.replace(",", ";")),
    "tab": Case(PLAIN.replace(",", "\t")),
    "pipe": Case(PLAIN.replace(",", "|")),
    "decimal_comma": Case(PLAIN.replace(",", ";").replace(".", ",")),
    "decimal_comma_between_quotes": Case(
        'a,b,Class\n1,"0,5",0\n2,"1,5",1\n3,"2,5",0\n', settings={"decimal": ","}
    ),
    "comma_that_may_be_thousands": Case(
        "a;Class\n1,234;0\n2,345;1\n",
        "line 2, column 'a': the comma may be a thousands separator.*set `decimal`",
    ),
    "thousand_separators": Case(
        'a;b;Class\n1.5;"1,234.5";0\n2.5;1.5;1\n',
        rows=[(2.5, 1.5, 1)],
        rejected=["line 2, column 'b': not a number; write it without thousand"],
    ),
    # --- lines and quotes ---
    "crlf": Case(PLAIN.replace("\n", "\r\n")),
    "carriage_returns_alone": Case(PLAIN.replace("\n", "\r"), "line 1: lines end with a carriage"),
    "carriage_return_within_a_line": Case(
        "a,b,Class\n1,0.5,0\n2,1\r.5,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: there is a carriage return within the line"],
    ),
    "carriage_return_within_the_header": Case(
        "a\rb,Class\n1,0\n", "line 1: there is a carriage return within the header"
    ),
    "quoted_newlines_and_quotes": Case(
        'CUSTOMER_ID,a,Class\n"two\nlines",1,0\n"say ""hi""",2,1\nx,oops,0\n',
        rows=[("two\nlines", 1.0, 0), ('say "hi"', 2.0, 1)],
        rejected=["line 5, column 'a': not a number"],
    ),
    "quoted_numbers": Case('"a","b","Class"\n"1","0.5","0"\n2,1.5,"1"\n"3",2.5,0\n'),
    "quote_within_a_field": Case(
        'CUSTOMER_ID,a,Class\n5" pipe,1,0\nx,2,1\n', rows=[('5" pipe', 1.0, 0), ("x", 2.0, 1)]
    ),
    "text_after_a_closing_quote": Case(
        'a,b,Class\n1,0.5,0\n"2"x,1.5,1\n3,2.5,0\n',
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: there is text after a closing quote"],
    ),
    "quote_that_is_never_closed": Case(
        'a,b,Class\n1,0.5,0\n"2,1.5,1\n3,2.5,0\n',
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: a quote is opened and never closed"],
    ),
    "blank_lines": Case(
        "a,b,Class\n\n1,0.5,0\n\n2,x,1\n3,2.5,0\n\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 5, column 'b': not a number"],
    ),
    # --- compression ---
    "gzip": Case(gzip.compress(PLAIN.encode()), name="batch.csv.gz"),
    "zstandard": Case(zstd(PLAIN), name="batch.csv.zst"),
    "gzip_that_ends_too_early": Case(
        gzip.compress(PLAIN.encode() * 999)[:-9],
        "compressed data is damaged or ends too early.*compress the file again",
        name="batch.csv.gz",
    ),
    "zstandard_that_ends_too_early": Case(
        zstd(PLAIN * 999)[:-9], "compressed data is damaged or ends", name="batch.csv.zst"
    ),
    "gzip_without_the_suffix": Case(
        gzip.compress(PLAIN.encode()), "compressed with gzip; give it a name that ends with .csv.gz"
    ),
    # --- no table at all ---
    "empty_file": Case("", "line 1: the file is empty"),
    "blank_file": Case("\n\n", "line 1: the file is empty"),
    "header_only": Case("a,Class\n", "line 2: there is a header but no row"),
    "no_header": Case("1,0.5,0\n2,1.5,1\n", "line 1, column 1: a value, not a name"),
    "no_header_with_a_date": Case(
        "1,2018-04-01 00:00:31,x,0\n", "line 1, column 1: a value, not a name"
    ),
    "duplicate_column_name": Case("a,a,Class\n1,2,0\n", "line 1, column 2: column 1 has the same"),
    "column_names_that_differ_in_capitals": Case(
        "Amount,amount,Class\n1,2,0\n", "line 1, column 2: column 1 has the same"
    ),
    "blank_column_name": Case("a,,Class\n1,2,0\n", "line 1, column 2: the column name is blank"),
    "reserved_column_name": Case(
        "a,source_line,Class\n1,2,0\n", "'source_line' is a name that the platform uses"
    ),
    "one_column": Case("Class\n0\n1\n", "line 1: there is only one column, with none of"),
    "quote_that_is_never_closed_in_the_header": Case(
        'a,"b,Class\n1,2,0\n', "line 1: the header cannot be read as column names"
    ),
    "binary_file": Case(bytes(range(256)) * 9, "line 1: this is not a CSV: it is binary"),
    "excel_workbook": Case(b"PK\x03\x04" + bytes(99), "an Excel workbook or a zip archive"),
    "picture": Case(b"\x89PNG\r\n\x1a\n" + bytes(99), "this is not a CSV: it is a picture"),
    # --- damaged rows ---
    "too_few_fields": Case(
        "a,b,Class\n1,0.5,0\n2,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: 2 fields where the header has 3"],
    ),
    "too_many_fields": Case(
        "a,b,Class\n1,0.5,0\n2,1.5,1,9\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: 4 fields where the header has 3"],
    ),
    "truncated_last_line": Case(
        PLAIN + "4,3.", rejected=["line 5: 2 fields where the header has 3"]
    ),
    "last_line_without_newline": Case(PLAIN[:-1]),
    "nul_bytes": Case(
        "a,b,Class\n1,0.5,0\n2,1.\0005,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: there is a NUL byte in the line"],
    ),
    "no_row_fits": Case("a,Class\n1\n2\n", "none of its rows fits.*line 2: 1 fields"),
    "a_field_of_1_mb": Case(
        f"CUSTOMER_ID,a,Class\n{'x' * 1_000_000},1,0\ny,2,1\n",
        rows=[("x" * 1_000_000, 1.0, 0), ("y", 2.0, 1)],
    ),
    "a_number_of_1_mb": Case(
        f"a,b,Class\n1,0.5,0\n{'x' * 1_000_000},1.5,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3, column 'a': not a number"],
    ),
    "a_line_of_100_mb": Case(
        b"a,b,Class\n1,0.5,0\n" + b"7" * 100_000_000 + b",1.5,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3: the line has 100,000,007 bytes, more than 33,554,432"],
    ),
    # --- numbers ---
    "nan_is_missing": Case(
        "a,b,Class\nnan,0.5,0\nNaN,,1\n-nan,NULL,0\nNA,NaN,0\n",
        rows=[(None, 0.5, 0), (None, None, 1), (None, None, 0), (None, None, 0)],
    ),
    "infinity": Case(
        "a,b,Class\n1,0.5,0\ninf,1.5,1\n-Infinity,1,0\n1e999,1,0\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=[f"line {line}, column 'a': infinity is not allowed" for line in (3, 4, 5)],
    ),
    "dates_in_a_numeric_column": Case(
        "a,b,Class\n1,0.5,0\n2026-01-31,1.5,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=["line 3, column 'a': not a number"],
    ),
    "spaces_around_numbers": Case("a,b,Class\n 1 ,\t0.5, 0\n2,1.5,1\n3,2.5 ,0\n"),
    "other_spellings_of_numbers": Case(
        "a,b,Class\n+1,5e-1,0\n2.,15E-1,1\n3,.25e1,0\nx,1_0,1\n",
        rejected=["line 5, column 'a': not a number"],
    ),
    "constant_column": Case("a,b,Class\n1,7,0\n2,7,1\n", rows=[(1.0, 7.0, 0), (2.0, 7.0, 1)]),
    # --- the target ---
    "target_0_1": Case(PLAIN),
    "target_0_0_and_1_0": Case("a,Class\n1,0.0\n2,1.0\n3,1\n", rows=[(1.0, 0), (2.0, 1), (3.0, 1)]),
    "target_true_false": Case("a,Class\n1,false\n2,True\n", rows=[(1.0, 0), (2.0, 1)]),
    "target_yes_no": Case("a,Class\n1,No\n2,YES\n", rows=[(1.0, 0), (2.0, 1)]),
    "target_fraud_genuine": Case("a,Class\n1,genuine\n2,fraud\n", rows=[(1.0, 0), (2.0, 1)]),
    "target_that_is_configured": Case(
        "a,Class\n1,ok\n2,chargeback\n",
        rows=[(1.0, 0), (2.0, 1)],
        settings={"fraud_labels": ["chargeback"], "genuine_labels": ["ok"]},
    ),
    "target_with_a_third_value": Case(
        "a,b,Class\n1,0.5,0\n2,1.5,1\n2,2,2\n3,2.5,0\n",
        rejected=["line 4, column 'Class': not 0 or 1"],
    ),
    "target_missing_in_a_row": Case(
        "a,b,Class\n1,0.5,0\n2,1.5,1\n2,2,\n3,2.5,0\n",
        rejected=["line 4, column 'Class': the label is missing"],
    ),
    "no_target": Case("Class2,amount\n0,1.5\n1,2.5\n", "line 2, column 2, the last: not a target"),
    "one_class_only": Case("a,Class\n1,0\n2,0\n", rows=[(1.0, 0), (2.0, 0)]),
    # --- card numbers ---
    "a_card_number_where_a_number_is_expected": Case(
        f"a,b,Class\n1,0.5,0\n2,{CARD},1\n2,{CARD}.0,1\n3,2.5,0\n",
        rows=[ROWS[0], ROWS[2]],
        rejected=[f"line {line}, column 'b': a payment card number where" for line in (3, 4)],
    ),
    "a_card_number_spelled_as_a_number": Case(
        "a,b,Class\n1,0.5,0\n"
        + "".join(f"2,{card},1\n" for card in (f"-{CARD}", f"{int(CARD):.15E}"))
        + "3,2.5,0\n4,2.5,0\n",
        rows=3,
        rejected=[f"line {line}, column 'b': a payment card number where" for line in (3, 4)],
    ),
    "one_long_number_that_is_no_card": Case(
        f"a,b,Class\n1,9999999999999,0\n2,1.5,1\n2,{CARD},1\n3,2.5,0\n",
        rows=3,
        rejected=["line 4, column 'b': a payment card number where"],
    ),
    "a_card_number_in_a_column_name": Case(
        f"a,limit of {CARD[:4]}.{CARD[4:8]}.{CARD[8:12]}.{CARD[12:]},Class\n1,2,0\n",
        "line 1, column 2: the column name contains a payment card number; rename",
    ),
    "times_in_milliseconds": Case(
        "a,b,Class\n1767225600006,0.5,0\n1767225600014,1.5,1\n",  # the second has a check digit
        rows=[(1767225600006.0, 0.5, 0), (1767225600014.0, 1.5, 1)],
    ),
    "times_in_milliseconds_that_come_late": Case(
        "a,b,Class\n" + "1,0.5,0\n" * 2000 + "1767225600014,0.5,0\n", rows=2001
    ),
    "card_numbers_without_a_role": Case(
        f"CUSTOMER_ID,b,Class\nc,{CARD},0\nd,4242-4242-4242-4242,1\ne,,0\n",
        rows=[("c", CARD, 0), ("d", "4242-4242-4242-4242", 1), ("e", None, 0)],
    ),
    "no_header_and_few_numbers": Case(
        f"{NAME},{CARD[:4]} {CARD[4:]},a,b,c,d,x,0\n", "line 1, column 2: a value, not a name"
    ),
    "no_header_and_a_label": Case(
        f"{NAME},a,b,c,0\nx,a,b,c,1\n", "line 1, column 5: a value, not a name"
    ),
    # --- rows and timestamps ---
    "duplicate_rows": Case("a,Class\n1,0\n1,0\n", rows=[(1.0, 0), (1.0, 0)]),
    "timestamps_out_of_order": Case(
        CARDS + "2026-01-02 00:00:00,c,1,0\n2026-01-01 00:00:00,c,2,1\n", rows=2
    ),
    "timestamps_with_zones": Case(
        CARDS + "2026-01-01T00:30:00+02:00,c,1,0\n2026-01-01 00:00:00Z,c,2,1\n"
        "2026-01-01 00:00:00,c,3,0\n",
        rows=2,
        rejected=["line 4, column 'TX_DATETIME': not a date and time with"],
    ),
    "timestamps_without_zones": Case(
        CARDS + "2026-01-01 00:00:00,c,1,0\n2026-01-02,c,2,1\n2026-01-01 00:00:00Z,c,3,0\n",
        rows=2,
        rejected=["line 4, column 'TX_DATETIME': not a date and time in"],
    ),
    "timestamps_that_do_not_exist": Case(
        CARDS + "2026-01-01 00:00:00,c,1,0\n2026-02-30 00:00:00,c,2,1\n,c,2,1\n",
        rows=1,
        rejected=[
            "line 3, column 'TX_DATETIME': not a date and time",
            "line 4, column 'TX_DATETIME': the timestamp is missing",
        ],
    ),
    "timestamps_in_another_format": Case(
        CARDS + "31/01/2026 23:59,c,1,0\n",
        "line 2, column 'TX_DATETIME': not a date.*`timestamp_format`",
    ),
    "timestamp_format_that_is_said": Case(
        CARDS + "31/01/2026 23:59,c,1,0\n32/01/2026 23:59,c,1,0\n",
        rows=1,
        rejected=["line 3, column 'TX_DATETIME': not a date and time"],
        settings={"timestamp_format": "%d/%m/%Y %H:%M"},
    ),
}


@pytest.fixture
def take(tmp_path, engine):
    def take_case(case: Case):
        path = tmp_path / case.name
        content = case.content.encode() if isinstance(case.content, str) else case.content
        path.write_bytes(content)
        taken = LandedCsv(path, "batch", tmp_path / "rows.parquet", tmp_path / "rejected.csv")
        settings = IntakeSettings(**case.settings)
        return taken, ingest_file(engine, taken, settings, lambda _: None, lambda _: None)

    return take_case


@pytest.mark.parametrize("name", CASES)
def test_file(take, name):
    case = CASES[name]
    if case.error:
        with pytest.raises(IntakeError, match=rf"(?s)^{case.name}: .*{case.error}"):
            take(case)
        return
    taken, facts = take(case)
    table = pq.read_table(taken.rows).drop(["source_line"])
    if isinstance(case.rows, int):
        assert table.num_rows == case.rows
    else:
        assert [tuple(row.values()) for row in table.to_pylist()] == case.rows
    assert (facts.rows, facts.rejected) == (table.num_rows, len(case.rejected))
    for found, wanted in zip(facts.faults, case.rejected, strict=True):
        assert found.startswith(wanted)


HEADER = "TX_DATETIME,CUSTOMER_ID,TX_AMOUNT,V1,TX_FRAUD"
GOOD = "2026-01-01 00:00:00,596,5.5,1,0"
CELLS = [CARD, "4111 1111 1111 1111", f"{CARD}.0", NAME, f'"{NAME}', f'{NAME}"', f'"{NAME}"', "1,5"]
LINES = st.lists(st.sampled_from([*CELLS, *GOOD.split(","), "", "inf", "\0", "\r"]), max_size=7)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(LINES.map(",".join), min_size=1, max_size=8),
    header=st.sampled_from([f"{HEADER}\n", f"{HEADER.replace('TX_FRAUD', 'flag')}\n", ""]),
    good=st.integers(0, 3),
    delimiter=st.sampled_from(",;|"),
)
@example(rows=[f"{CARD},\r,{CARD}"], header="", good=0, delimiter=",")
@example(rows=[f"{NAME},{CARD},{NAME},{NAME},0"], header="", good=0, delimiter=",")
@example(rows=[f"{CARD},x,y,{NAME},{NAME}"], header="", good=0, delimiter=";")
@example(rows=[f"2026-01-01,{CARD},5,{NAME},0"] * 3, header=f"{HEADER}\n", good=0, delimiter=",")
def test_no_message_log_or_fact_carries_a_value_of_a_row(
    tmp_path_factory, engine, rows, header, good, delimiter
):
    folder, said = tmp_path_factory.mktemp("t"), []
    path = folder / "batch.csv"
    if not header and not any(character.isdigit() for character in rows[0]):
        header = f"{HEADER}\n"  # words alone may be names
    text = header + "\n".join([*[GOOD] * good, *rows]) + "\n"
    path.write_text(text.replace(",", delimiter), newline="")
    taken = LandedCsv(path, "batch", folder / "rows.parquet", folder / "rejected.csv")
    try:
        facts = ingest_file(engine, taken, IntakeSettings(), lambda _: None, said.append)
        said.append(facts.to_json())
    except IntakeError as error:
        said.append(str(error))
    for secret in (CARD, CARD[:8], "4111 1111", NAME, "Quixote"):
        assert secret not in " ".join(said)


def test_every_case_stands_in_the_docs_with_its_test_and_no_other(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "intake.md").read_text()
    files = re.findall(r"\| `(\w+)` \|$", page, re.MULTILINE)
    assert sorted(name for name in files if not name.startswith("test_")) == sorted(CASES)
    tests = "".join(
        path.read_text()
        for path in (pytestconfig.rootpath / "fraud_assets_tests").rglob("test_*.py")
    )
    for name in files:
        assert name in CASES or f"def {name}(" in tests, name


def test_moments_with_a_zone_are_turned_to_utc(take):
    taken, _ = take(CASES["timestamps_with_zones"])
    moments = pq.read_table(taken.rows)["TX_DATETIME"].to_pylist()
    assert [moment.isoformat() for moment in moments] == [
        "2025-12-31T22:30:00",
        "2026-01-01T00:00:00",
    ]


def test_every_accepted_row_keeps_its_line(take):
    taken, _ = take(CASES["blank_lines"])
    assert pq.read_table(taken.rows)["source_line"].to_pylist() == [3, 6]
    taken, _ = take(CASES["quoted_newlines_and_quotes"])
    assert pq.read_table(taken.rows)["source_line"].to_pylist() == [2, 4]


def test_facts_say_where_the_rows_come_from_and_what_became_of_them(take):
    taken, facts = take(CASES["too_few_fields"])
    assert facts.source_file == "batch.csv"
    assert facts.source_bytes == taken.path.stat().st_size
    assert len(facts.content_hash) == 64
    assert (facts.rows, facts.frauds, facts.rejected) == (2, 0, 1)
    assert facts.schema_fingerprint == take(CASES["comma"])[1].schema_fingerprint
    assert facts.schema_fingerprint != take(CASES["utf_8"])[1].schema_fingerprint


def test_rejected_rows_lie_beside_until_a_clean_file_takes_their_place(take):
    taken, _ = take(CASES["too_few_fields"])
    assert taken.rejected.read_text().splitlines()[-1] == '3,2 fields where the header has 3,"2,1"'
    take(CASES["comma"])
    assert not taken.rejected.exists()


def test_rejected_rows_can_be_looked_at_also_when_no_row_was_accepted(take, tmp_path):
    with pytest.raises(IntakeError, match="none of its rows"):
        take(CASES["no_row_fits"])
    assert len((tmp_path / "rejected.csv").read_text().splitlines()) == 4


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, engine):
    path = tmp_path / "june.csv"
    path.write_text(PLAIN)
    taken = LandedCsv(path, "june", tmp_path / "rows.parquet", tmp_path / "rejected.csv")

    def grow(_):
        path.write_text(PLAIN + "4,4,0\n")

    with pytest.raises(IntakeError, match="changed while it was read"):
        ingest_file(engine, taken, IntakeSettings(), lambda _: None, grow)


def test_a_file_that_is_gone_is_named_with_the_remedy(tmp_path, engine):
    taken = LandedCsv(tmp_path / "june.csv", "june", tmp_path / "r.parquet", tmp_path / "r.csv")
    with pytest.raises(IntakeError, match=r"june\.csv was deleted before it was read; drop"):
        ingest_file(engine, taken, IntakeSettings(), lambda _: None, lambda _: None)


# --- repairs ----------------------------------------------------------------------------


@dataclass
class Kept:
    path: Any
    facts: dict[str, Any]


@pytest.fixture
def stopped(tmp_path, engine):
    """A batch with two rejected rows, as it was taken in, and what it was kept as."""
    path = tmp_path / "june.csv"
    path.write_text("a,b,Class\n1,0.5,0\n2,x,1\n3,2.5,0\n4\n")
    taken = LandedCsv(path, "june", tmp_path / "rows.parquet", tmp_path / "rejected.csv")
    facts = ingest_file(engine, taken, IntakeSettings(), lambda _: None, lambda _: None)
    kept = taken.rows.rename(tmp_path / "kept.parquet")
    return taken, Kept(kept, facts)


def drop_again(engine, taken, text, kept=None, batch="june"):
    path = taken.path.with_name(f"{batch}.csv")
    path.write_text(text)
    again = LandedCsv(path, batch, taken.rows, taken.rejected)
    known = {kept.facts.content_hash: kept} if kept else {}
    return ingest_file(engine, again, IntakeSettings(), known.get, lambda _: None)


def repaired(taken):
    return taken.rejected.read_text().replace("2,x,1", "2,1.5,1").replace(",4\n", ',"4,3.5,0"\n')


def test_repaired_rows_join_the_accepted_ones_in_their_old_places(stopped, engine):
    taken, kept = stopped
    facts = drop_again(engine, taken, repaired(taken), kept)
    rows = pq.read_table(taken.rows).to_pylist()
    assert [(row["source_line"], row["b"]) for row in rows] == [
        (2, 0.5),
        (3, 1.5),
        (4, 2.5),
        (5, 3.5),
    ]
    assert (facts.rows, facts.frauds, facts.rejected) == (4, 1, 0)
    assert facts.repairs == kept.facts.content_hash != facts.content_hash
    assert not taken.rejected.exists()


def test_rows_that_are_still_wrong_can_be_repaired_once_more(stopped, engine, tmp_path):
    taken, kept = stopped
    half = taken.rejected.read_text().replace("2,x,1", "2,1.5,1")
    facts = drop_again(engine, taken, half, kept)
    assert facts.faults == ["line 5: 1 fields where the header has 3"]
    again = Kept(taken.rows.rename(tmp_path / "second.parquet"), facts)
    rest = taken.rejected.read_text().replace(",4\n", ',"4,3.5,0"\n')
    assert drop_again(engine, taken, rest, again).rows == 4


def test_under_another_name_repaired_rows_are_a_batch_of_their_own(stopped, engine):
    taken, kept = stopped
    facts = drop_again(engine, taken, repaired(taken), kept, batch="june_rest")
    assert facts.rows == 2
    assert pq.read_table(taken.rows)["source_line"].to_pylist() == [3, 5]


def test_a_repair_whose_accepted_rows_are_gone_asks_for_the_whole_file(stopped, engine):
    taken, _ = stopped
    with pytest.raises(IntakeError, match="are no longer kept; drop the whole file again"):
        drop_again(engine, taken, repaired(taken))


def test_a_repair_of_a_file_of_which_nothing_was_accepted_stands_alone(tmp_path, engine, take):
    with pytest.raises(IntakeError):
        take(CASES["no_row_fits"])
    text = (tmp_path / "rejected.csv").read_text()
    path = tmp_path / "batch.csv"
    path.write_text(text.replace(",1\n", ',"1,0"\n').replace(",2\n", ',"2,1"\n'))
    taken = LandedCsv(path, "batch", tmp_path / "rows.parquet", tmp_path / "rejected.csv")
    facts = ingest_file(engine, taken, IntakeSettings(), lambda _: None, lambda _: None)
    assert (facts.rows, facts.frauds) == (2, 1)


def test_a_repair_that_was_saved_by_a_spreadsheet_works(stopped, engine):
    taken, kept = stopped
    text = repaired(taken)
    rows = text.splitlines()
    semicolons = "\r\n".join(
        [rows[0].replace(",", ";")]
        + [";".join(f'"{part}"' for part in fields_of(row)) for row in rows[1:]]
    )
    assert drop_again(engine, taken, semicolons, kept).rows == 4


def fields_of(row):
    import csv

    return [field.replace('"', '""') for field in next(csv.reader([row]))]


def test_a_repair_without_the_row_of_the_header_is_refused(stopped, engine):
    taken, kept = stopped
    lines = repaired(taken).splitlines(keepends=True)
    with pytest.raises(IntakeError, match="line 2: the row that says which file.*keep its first"):
        drop_again(engine, taken, "".join([lines[0], *lines[2:]]), kept)


def test_a_repair_with_a_broken_line_number_is_refused(stopped, engine):
    taken, kept = stopped
    with pytest.raises(IntakeError, match="row 3, column 'line_number': not a number"):
        drop_again(engine, taken, repaired(taken).replace("\n3,", "\nthree,"), kept)
