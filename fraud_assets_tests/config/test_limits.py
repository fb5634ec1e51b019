import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config import limits
from fraud_assets.config.limits import Limits

ORDER = ("good", "watch", "critical")
ALL = [value for value in vars(limits).values() if isinstance(value, Limits)]


@pytest.mark.parametrize("one", ALL)
def test_the_watch_limit_is_reached_before_the_critical_one(one):
    assert (one.watch > one.critical) == one.higher_is_better


@given(st.sampled_from(ALL), st.floats(-2, 2), st.floats(-2, 2))
def test_a_better_value_never_has_a_worse_verdict(one, first, second):
    worse, better = sorted((first, second), reverse=not one.higher_is_better)
    assert ORDER.index(one.verdict(better)) <= ORDER.index(one.verdict(worse))


def test_a_limit_itself_belongs_to_the_milder_side_of_critical():
    for one in ALL:
        assert one.verdict(one.critical) == "watch"
        assert one.verdict(one.watch) == ("good" if one.higher_is_better else "watch")


def test_any_rejected_row_is_a_warning():
    assert limits.REJECTED_SHARE.verdict(0) == "good"
    assert limits.REJECTED_SHARE.verdict(1 / 50_000_000) == "watch"


@given(st.floats(0, 1))
def test_the_complement_judges_one_minus_the_value(value):
    recall = limits.FRAUD_RECALL
    at_a_limit = min(abs(value - recall.watch), abs(value - recall.critical)) < 1e-9
    assert at_a_limit or recall.complement.verdict(1 - value) == recall.verdict(value)


@given(st.lists(st.sampled_from(ORDER), max_size=5))
def test_the_worst_verdict_is_one_of_them_and_none_is_worse(verdicts):
    found = limits.worst(verdicts)
    assert found in (verdicts or ["good"])
    assert all(ORDER.index(found) >= ORDER.index(verdict) for verdict in verdicts)
