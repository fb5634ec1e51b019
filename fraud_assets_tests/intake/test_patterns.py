import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.intake.patterns import (
    MOMENT_PATTERN,
    NUMBER_PATTERN,
    has_zone,
    is_moment,
    is_number,
)


@given(st.floats())
def test_every_number_that_python_writes_is_one(value):
    assert is_number(repr(value))


@pytest.mark.parametrize("value", ["", "1,5", "1 000", "0x1f", "1e", ".", "none", "1_000"])
def test_what_is_no_number(value):
    assert not is_number(value)


@given(st.datetimes())
def test_every_timestamp_in_iso_8601_is_one(moment):
    assert is_moment(moment.isoformat(" "))
    assert not has_zone(moment.isoformat(" "))
    assert has_zone(moment.isoformat() + "Z")


@given(st.text(st.sampled_from("0123456789+-.eE:TZ nafi"), max_size=12))
def test_arrow_reads_the_patterns_as_python_does(value):
    for pattern in (NUMBER_PATTERN, MOMENT_PATTERN):
        matched = pc.match_substring_regex(pa.array([value]), pattern)[0].as_py()
        assert matched == bool(re.match(pattern, value))
