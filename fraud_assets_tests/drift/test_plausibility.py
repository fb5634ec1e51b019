import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_assets.config.limits import worst
from fraud_assets.drift.measure import column_findings, common_columns
from fraud_assets.drift.performance import prevalence_change
from fraud_assets.drift.plausibility import (
    LARGEST_FACTOR,
    LIMITS,
    judge_plausibility,
    plausibility_sentence,
    rows_per_day,
)
from fraud_assets.drift.profile import Watched, make_profile, summarize
from fraud_assets.records.drift import Plausibility
from fraud_assets_tests import factories

DAY = 86_400_000_000
KINDS = {"amount": "DOUBLE", "age": "DOUBLE"}
WATCHED = Watched(["amount", "age", "derived"], [], KINDS, dates=True)


def rows(seed=0, n=2000, frauds=0.02, **columns):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": generator.lognormal(3, 1, n),
            "age": generator.normal(40, 10, n),
            "derived": np.nan,
            "fraud_": (np.arange(n) < frauds * n).astype(int),
            "days_known_": 100.0,
            "known_us_": np.arange(n),
        }
    )
    return frame.assign(**columns)


@pytest.fixture(scope="module")
def profile():
    return make_profile(rows(n=10_000), WATCHED, {}, rows_per_day=300.0)


def judged(profile, batch, volume=300.0, of=WATCHED, amount="amount"):
    columns, findings = common_columns(profile, of), column_findings(profile, of)
    summary = summarize([batch], len(batch), columns, {}, True, 0)
    prevalence = prevalence_change(summary.frauds, summary.rows, profile.frauds, profile.rows)
    return judge_plausibility(profile, summary, columns, findings, prevalence, amount, volume)


def verdicts(plausibility):
    return {figure.name: figure.verdict for figure in plausibility.figures}


@given(seed=st.integers(1, 10_000), n=st.integers(20, 4000))
def test_a_batch_like_the_reference_is_plausible_however_small(profile, seed, n):
    batch = rows(seed, n, frauds=max(1 / n, 0.02))
    assert judged(profile, batch).verdict == "good"


def scaled(factor):
    usual = rows(1)
    return usual.assign(amount=factor * usual["amount"])


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, "good"), (1.2, "good"), (1.8, "watch"), (3.0, "critical"), (1 / 3, "critical"),
     (100.0, "critical"), (0.01, "critical"), (-1.0, "critical")],
)  # fmt: skip
def test_amounts_in_another_scale_are_implausible_in_both_directions(profile, factor, verdict):
    assert verdicts(judged(profile, scaled(factor)))["amount_scale"] == verdict


@pytest.mark.parametrize(
    ("frauds", "verdict"),
    [(0.02, "good"), (0.06, "watch"), (0.2, "critical"), (0.0, "critical"), (0.98, "critical")],
)
def test_a_share_of_frauds_far_from_the_reference_is_implausible(profile, frauds, verdict):
    assert verdicts(judged(profile, rows(1, frauds=frauds)))["fraud_prevalence"] == verdict


@pytest.mark.parametrize(
    ("volume", "verdict"), [(300, "good"), (700, "watch"), (90, "watch"), (30, "critical")]
)
def test_rows_per_day_far_from_the_reference_are_implausible(profile, volume, verdict):
    assert verdicts(judged(profile, rows(1), volume))["volume"] == verdict


@pytest.mark.parametrize(("share", "verdict"), [(0.01, "good"), (0.1, "watch"), (0.5, "critical")])
def test_missing_values_of_a_column_of_the_file_are_implausible(profile, share, verdict):
    age = rows(1)["age"].mask(np.arange(2000) < share * 2000)
    plausibility = judged(profile, rows(1, age=age))
    assert verdicts(plausibility)["missing_share"] == verdict
    figure = plausibility.figures[-1]
    assert (figure.column, figure.batch) == ("age", pytest.approx(share))


def test_a_column_that_vanished_is_missing_in_every_row(profile):
    of = Watched(["amount", "derived"], [], {"amount": "DOUBLE"}, dates=True)
    plausibility = judged(profile, rows(1), of=of)
    assert verdicts(plausibility)["missing_share"] == "critical"
    assert "missing values of column 'age' 100.0%, 0.0% before" in plausibility_sentence(
        plausibility
    )


def test_what_the_reference_or_the_batch_does_not_have_is_not_judged(profile):
    names = verdicts(judged(profile, rows(1), volume=None, amount=None))
    assert set(names) == {"fraud_prevalence", "missing_share"}
    empty = make_profile(rows(n=1000, frauds=0), WATCHED, {})
    assert set(verdicts(judged(empty, rows(1)))) == {"amount_scale", "missing_share"}


def test_no_factor_is_larger_than_the_largest(profile):
    plausibility = judged(profile, scaled(1e9), volume=1e-9)
    assert all(1 <= f.judged <= LARGEST_FACTOR for f in plausibility.figures[:3])


def test_the_verdict_is_the_worst_and_the_sentence_begins_with_it(profile):
    plausibility = judged(profile, scaled(3.0), volume=700.0)
    assert plausibility.verdict == worst(verdicts(plausibility).values()) == "critical"
    first, second = plausibility_sentence(plausibility).split("; ")
    assert first.startswith("median amount ")
    assert second == "rows per day 700, 300 before"


def test_every_figure_has_limits_and_words():
    figure = factories.plausibility().figures[0]
    for name in LIMITS:
        named = figure.model_copy(update={"name": name, "verdict": "watch"})
        assert " before" in plausibility_sentence(Plausibility(figures=[named]))
    assert plausibility_sentence(Plausibility(figures=[])) == (
        "nothing could be compared with the reference"
    )
    assert "are as usual" in plausibility_sentence(factories.plausibility())


def test_rows_per_day_are_those_of_the_batches_with_dates():
    assert rows_per_day([(100, (None, None, None))]) is None
    assert rows_per_day([(100, (0, 1, None)), (100, (None, None, None))]) == 100
    assert rows_per_day([(100, (0, 4 * DAY, None)), (50, (5 * DAY, 6 * DAY, None))]) == 30


def test_a_median_outside_of_the_reference_s_range_is_implausible_however_near():
    narrow = make_profile(rows(amount=np.linspace(90, 110, 2000)), WATCHED, {})
    for near in (120.0, 80.0):
        assert verdicts(judged(narrow, rows(1, amount=near)))["amount_scale"] == "critical"
    assert verdicts(judged(narrow, rows(1, amount=105.0)))["amount_scale"] == "good"
