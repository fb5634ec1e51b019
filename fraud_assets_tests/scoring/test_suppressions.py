from datetime import date

import pandas as pd
import pytest

from fraud_assets.scoring.suppressions import (
    Suppression,
    read_suppressions,
    suppressed,
    to_frame,
)
from fraud_assets_tests.conftest import MASKING

CARD = "4111111111111111"
HEAD = "kind,name,reason,expires\n"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "suppressions.csv"
        path.write_text(text)
        return path

    return write


def test_entries_are_read_and_no_file_is_no_entry(file, tmp_path):
    assert read_suppressions(tmp_path / "none.csv", MASKING) == []
    path = file(f"{HEAD}card,7,the owner called,2026-12-31\nterminal,x, a fair ,2026-01-02\n")
    assert read_suppressions(path, MASKING) == [
        Suppression("card", "7", "the owner called", date(2026, 12, 31)),
        Suppression("terminal", "x", "a fair", date(2026, 1, 2)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"card,{CARD},r\n", "line 1: not the header .*it must be kind,name,reason,expires"),
        (f"{HEAD}{CARD},7,r,2026-01-01\n", "line 2, column 'kind': write card or terminal"),
        (f"{HEAD}card,7,r,2026-01-01\ncard,,r,2026-01-01\n", "line 3, column 'name': write one"),
        (f"{HEAD}card,{CARD},,2026-01-01\n", "line 2, column 'reason': write one"),
        (f"{HEAD}card,7,r,{CARD}\n", "line 2, column 'expires': write the last day as"),
    ],
)
def test_a_wrong_line_is_named_with_column_and_remedy_and_without_its_value(file, text, message):
    with pytest.raises(ValueError, match=f"suppressions.csv: {message}") as error:
        read_suppressions(file(text), MASKING)
    assert CARD not in str(error.value)


def test_a_card_is_named_by_its_number_or_by_its_token_and_kept_as_the_token(file):
    token = MASKING.card(CARD)
    path = file(f"{HEAD}card,4111 1111 1111 1111,{CARD} called,2026-12-31\n"
                f"card,{token},r,2026-12-31\nterminal,POS {CARD},r,2026-12-31\n")  # fmt: skip
    entries = read_suppressions(path, MASKING)
    assert [entry.name for entry in entries] == [token, token, f"POS {token}"]
    assert entries[0].reason == f"{token} called"
    assert to_frame(entries).columns.tolist() == HEAD.strip().split(",")
    assert CARD not in to_frame(entries).to_csv()


def test_an_entry_is_in_force_until_its_last_day_and_the_first_gives_the_reason():
    rows = pd.DataFrame(
        {
            "card": ["a", "a", "b", None],
            "terminal": ["x", "y", "x", "y"],
            "day": pd.to_datetime(["2026-01-02", "2026-01-03", "2026-01-01", None]),
        }
    )
    entries = [
        Suppression("card", "a", "known", date(2026, 1, 2)),
        Suppression("terminal", "x", "fair", date(2026, 1, 9)),
    ]
    assert suppressed(rows, entries, date(2026, 1, 9)).tolist() == ["known", None, "fair", None]


def test_without_days_entries_expire_by_the_day_of_the_run():
    rows = pd.DataFrame({"card": ["a"], "terminal": [None], "day": pd.to_datetime([None])})
    entries = [Suppression("card", "a", "known", date(2026, 1, 2))]
    assert suppressed(rows, entries, date(2026, 1, 2)).tolist() == ["known"]
    assert suppressed(rows, entries, date(2026, 1, 3)).tolist() == [None]
