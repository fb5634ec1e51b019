import pandas as pd
import pytest

from fraud_assets.features.lookback import Span, look_back, span_of
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.features.conftest import BY_LABEL_TIME, in_process, sources
from fraud_assets_tests.features.test_build import rows

DAY = 86_400_000_000
MARCH = Span(160 * DAY, 190 * DAY, 197 * DAY)


@pytest.mark.parametrize(
    ("earlier", "seen"),
    [
        (Span(120 * DAY, 140 * DAY, 147 * DAY), True),
        (Span(0, 70 * DAY, 70 * DAY), False),
        (Span(0, 63 * DAY, 70 * DAY + 1), True),
        (Span(0, 10 * DAY, 90 * DAY), True),
        (Span(170 * DAY, 200 * DAY, 207 * DAY), True),
        (Span(191 * DAY, 200 * DAY, 207 * DAY), False),
        (Span(None, None, None), False),
    ],
    ids=["near", "too_old", "its_last_label", "late_labels", "overlap", "later", "no_times"],
)
def test_a_batch_sees_what_its_longest_window_reaches(earlier, seen):
    assert MARCH.may_see(earlier) is seen


def test_a_batch_without_times_sees_nothing():
    assert not Span(None, None, None).may_see(MARCH)


def test_of_an_earlier_batch_only_the_rows_within_reach_are_read(tmp_path):
    own, past = rows(day=[110, 111]), rows(day=[1, 12, 14, 109, 111.5])
    with in_process() as (_, backend):
        first, second = sources([own, past], tmp_path, CARD_ROLES)
        span = span_of(backend, first, 7)
        table = look_back(backend, first, [second], span, 7).to_pandas()
    read = table[table["source_line"].isna()]["known_us"] / DAY - 20_454
    assert sorted(read.round(6)) == [14, 109]


def test_an_old_row_whose_label_came_late_is_read(tmp_path):
    told = pd.Series(pd.to_datetime(["2026-02-10"])).astype("datetime64[us]")
    own, past = (
        rows(day=[50]).assign(LABEL_KNOWN_AT=told),
        rows(day=[1]).assign(LABEL_KNOWN_AT=told),
    )
    with in_process() as (_, backend):
        first, second = sources([own, past], tmp_path, BY_LABEL_TIME)
        span = span_of(backend, first, 7)
        assert look_back(backend, first, [second], span, 7).count().execute() == 2


def test_many_batches_within_reach_are_read(tmp_path):
    # One after the other, a union of that many is too deep for what writes its SQL.
    own, past = rows(day=[110, 111]), rows(day=[109])
    with in_process() as (_, backend):
        first, second = sources([own, past], tmp_path, CARD_ROLES)
        span = span_of(backend, first, 7)
        assert look_back(backend, first, [second] * 80, span, 7).count().execute() == 2 + 80
