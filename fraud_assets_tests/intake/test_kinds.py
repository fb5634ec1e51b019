import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.kinds import (
    CARD,
    LABEL,
    MOMENT,
    NAME,
    NUMBER,
    are_long_numbers,
    describe_text,
    find_kind,
    require_moments,
)
from fraud_assets.intake.sample import ColumnSample
from fraud_assets.records.batches import Roles

ROLES = Roles(target="y", timestamp="t", card="c")
A_CARD = "4111111111111111"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("y", ["0"], LABEL),
        ("c", ["1", "2"], NAME),
        ("t", ["1", "2"], NUMBER),
        ("t", ["2026-01-01"], MOMENT),
        ("t", [], MOMENT),
        ("a", ["1", "x"], NUMBER),
        ("a", ["1", "x", "y"], NAME),
        ("a", [A_CARD, "1"], NUMBER),
        ("a", [A_CARD], CARD),
    ],
)
def test_the_kind_is_by_role_first_and_else_that_of_most_values(name, values, kind):
    assert find_kind(name, ROLES, values) == kind


def test_times_in_milliseconds_are_long_numbers_and_cards_are_not():
    assert are_long_numbers(["1767225600000000", "1767225600000001", "1"])
    assert not are_long_numbers([A_CARD, A_CARD])
    assert not are_long_numbers(["12.5", "inf"])


def test_timestamps_in_another_format_need_a_setting():
    column = ColumnSample(["2026-01-01", "31.01.2026", "01.02.2026"], [2, 3, 4])
    with pytest.raises(IntakeError, match="a.csv: line 3, column 't': not a date and time"):
        require_moments("a.csv", "t", column, IntakeSettings())
    require_moments("a.csv", "t", column, IntakeSettings(timestamp_format="%d.%m.%Y"))


def test_a_text_column_names_the_line_of_its_first_text():
    column = ColumnSample(["1", "butcher"], [2, 5])
    assert describe_text("a.csv", "shop", column).startswith("a.csv: line 5, column 'shop': text")
