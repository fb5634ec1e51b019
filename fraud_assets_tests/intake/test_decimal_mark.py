import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.decimal_mark import find_decimal_mark
from fraud_assets.intake.sample import ColumnSample


def mark(*values, delimiter=";", **settings):
    sample = {"a": ColumnSample(list(values), list(range(2, 2 + len(values))))}
    return find_decimal_mark("a.csv", delimiter, sample, IntakeSettings(**settings))


def test_a_comma_is_the_mark_when_no_number_has_a_point():
    assert mark("1,5", "2") == ","
    assert mark("1,5", "2.5") == "."
    assert mark("1", "2") == "."


def test_where_commas_separate_fields_the_mark_is_a_point():
    assert mark("1,5", delimiter=",") == "."


def test_a_mark_that_is_set_is_not_detected():
    assert mark("1,500", decimal=",") == ","


def test_a_comma_that_may_separate_thousands_is_refused():
    with pytest.raises(IntakeError, match="line 3, column 'a': the comma may be a thousands"):
        mark("7", "1,500")
    assert mark("1,500", "1,5") == ","
