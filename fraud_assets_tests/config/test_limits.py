import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config import limits
from fraud_assets.config.limits import Limits
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES
from fraud_assets_tests import factories

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


def shown(value, unit):
    return {
        "": f"{value:g}",
        "two": f"{value:.2f}",
        "%": f"{value * 100:g}%",
        "of 100": f"{value * 100:g}",
    }[unit]


TABLE = {
    "fraud_recall": (limits.FRAUD_RECALL, "two"),
    "frauds_missed": (limits.FRAUD_RECALL.complement, "of 100"),
    "false_alarm_rate": (limits.FALSE_ALARM_RATE, "%"),
    "drift_score": (limits.DRIFT_SCORE, ""),
    "drifted_features": (limits.DRIFTED_FEATURES_SHARE, "%"),
    "median amount": (limits.AMOUNT_FACTOR, ""),
    "share of frauds": (limits.PREVALENCE_FACTOR, ""),
    "rows per day": (limits.VOLUME_FACTOR, ""),
    "missing values": (limits.MISSING_INCREASE, "%"),
}
"""Rows of the table in the docs, by a text of each."""


def test_the_table_in_the_docs_has_every_verdict_with_its_limits(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "evaluation.md").read_text()
    section = page.split("## The verdict")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(TABLE)
    for row, (text, (of, unit)) in zip(rows, TABLE.items(), strict=True):
        assert text in row
        watch, critical = shown(of.watch, unit), shown(of.critical, unit)
        signs = "≥<" if of.higher_is_better else "<>"
        good = "≤" if text == "frauds_missed" else signs[0]  # as with recall, the limit is good
        low, high = (critical, watch) if of.higher_is_better else (watch, critical)
        assert f"| {good} {watch} | {low} to {high} | {signs[1]} {critical} |" in row


def test_every_check_with_a_verdict_is_in_the_table(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "evaluation.md").read_text()
    judged = [figure.check for figure in JUDGED_FIGURES]
    verdicts = factories.drift_report().verdicts
    assert len(verdicts) == 3
    for check in (*judged, *verdicts):
        assert f"| `{check}` |" in page
