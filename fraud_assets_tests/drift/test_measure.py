import numpy as np
import pytest

from fraud_assets.drift.measure import CALENDAR, column_findings, common_columns
from fraud_assets.drift.profile import make_profile
from fraud_assets.records.drift import ColumnFindings, TooFewRows
from fraud_assets_tests.drift.conftest import NAMES, frame, measure, watched


def test_a_batch_like_the_reference_is_stable(quiet_report):
    assert quiet_report.verdict == "good"
    assert not quiet_report.changed
    assert (quiet_report.n_drifted_features, quiet_report.giveaways) == (0, [])


def test_the_features_with_the_largest_drift_come_first_and_gives_the_batch_away(moved_report):
    assert [f.feature for f in moved_report.features[:2]] == ["f5", "f3"]
    assert moved_report.n_drifted_features == 2
    assert moved_report.max_feature_drift == moved_report.features[0].distance
    assert moved_report.giveaways[0].feature == "f5"
    assert moved_report.verdict == "critical"


def test_a_correlation_that_flipped_is_detected_though_no_feature_drifted(profile):
    report = measure(profile, frame(1, flip=1.0))
    assert report.n_drifted_features == 0
    assert report.drift_score > 0.3
    assert (report.pairs[0].first, report.pairs[0].second) == ("f0", "f1")
    assert "f0 with f1" in report.giveaways[0].feature


def test_a_change_too_small_to_act_on_is_reported_and_raises_no_alarm(profile):
    report = measure(profile, frame(1, n=12_000, f3=0.12))
    assert report.changed
    assert report.verdict == "good"


@pytest.mark.integration
def test_chance_alone_raises_an_alarm_in_at_most_one_batch_of_fifty(profile):
    reports = [measure(profile, frame(seed, n=600)) for seed in range(100, 200)]
    assert sum(report.changed or report.verdict != "good" for report in reports) <= 5


def test_too_few_rows_are_no_verdict(profile):
    report = measure(profile, frame(1, n=499, f3=3.0))
    assert report.verdict == "not_enough_rows"
    assert isinstance(report, TooFewRows)
    assert report.figures == {}
    assert measure(profile, frame(1, n=499, f3=3.0), min_rows=400).verdict == "critical"


def test_the_smallest_effect_that_is_detectable_is_reported(profile, quiet_report):
    small = measure(profile, frame(1, n=600)).smallest_visible
    assert quiet_report.smallest_visible.drift_score < small.drift_score < 0.3
    assert quiet_report.smallest_visible.distance < small.distance


def test_columns_that_appeared_vanished_or_changed_their_type_are_findings(profile):
    of = watched(
        ["new", "channel", *NAMES[1:]],
        [],
        dict.fromkeys(["new", "channel", *NAMES[1:]], "DOUBLE"),
    )
    assert column_findings(profile, of) == ColumnFindings(
        appeared=["new"], vanished=["f0"], changed_type=["channel"]
    )
    report = measure(profile, frame(1), of)
    moved = {f.feature: f.finding for f in report.features if f.drifted}
    assert moved == {"new": "appeared", "f0": "vanished", "channel": "changed type"}


def test_nothing_in_common_is_no_verdict_and_no_crash(profile):
    report = measure(profile, frame(1), watched([], [], {}), amount=None)
    assert report.verdict == "not_enough_rows"
    assert len(report.columns.vanished) == 9


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 0.0])
def test_a_column_that_became_constant_missing_or_infinite_is_drift(profile, value):
    report = measure(profile, frame(1).assign(f3=value))
    assert report.features[0].feature == "f3"
    assert report.verdict == "critical"


@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0])
def test_a_column_that_never_had_a_value_to_compare_is_no_drift(value):
    reference, batch = (frame(seed).assign(f3=value) for seed in (0, 1))
    report = measure(make_profile(reference, watched(), {}), batch)
    assert report.verdict == "good"


def test_columns_of_many_categories_are_compared_by_the_frequent_ones():
    texts = [f"id{i}" for i in range(6000)]
    reference = frame(0).assign(text_channel_=texts[:3000])
    report = measure(
        make_profile(reference, watched(), {}), frame(1).assign(text_channel_=texts[3000:])
    )
    channel = next(f for f in report.features if f.feature == "channel")
    assert channel.outside == 0
    assert report.verdict in ("good", "watch", "critical")


def test_an_unseen_category_is_drift(profile):
    batch = frame(1)
    batch.loc[::3, "text_channel_"] = "watch"
    report = measure(profile, batch)
    assert report.features[0].feature == "channel"
    assert report.features[0].outside == pytest.approx(1 / 3, abs=0.01)


def test_a_window_that_is_not_full_yet_is_not_judged(profile):
    batch = frame(1, f0=5.0).assign(days_known_=10.0)
    report = measure(profile, batch, warm_up={"f0": 30.0})
    assert report.not_judged == ["f0"]
    assert report.verdict == "good"
    settled = measure(profile, batch.assign(days_known_=31.0), warm_up={"f0": 30.0})
    assert settled.features[0].feature == "f0"


def test_the_days_that_a_batch_spans_are_no_drift(profile):
    named = watched([*NAMES, *CALENDAR])
    reference = make_profile(frame(0).assign(**dict.fromkeys(CALENDAR, 1.0)), named, {})
    assert not {c.name for c in common_columns(reference, named)} & {*CALENDAR}


def test_more_frauds_alone_are_a_change(profile):
    batch = frame(1)
    batch["fraud_"] = (np.arange(len(batch)) % 20 == 0).astype(int)
    report = measure(profile, batch)
    assert report.changed
    assert report.prevalence.interval[0] > 1
