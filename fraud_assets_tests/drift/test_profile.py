import numpy as np
import pandas as pd
import pytest

from fraud_assets.drift.encoding import encode_rows
from fraud_assets.drift.profile import (
    SAMPLE_ROWS,
    Profile,
    chosen_rows,
    make_profile,
    sample_of,
    shared_history_days,
    summarize,
    watched_columns,
)
from fraud_assets.records.batches import Roles
from fraud_assets.records.drift import ProfileFacts
from fraud_assets_tests.drift.conftest import frame, watched

CARDS = Roles(
    target="TX_FRAUD",
    timestamp="TX_DATETIME",
    amount="TX_AMOUNT",
    card="CUSTOMER_ID",
    transaction_id="TRANSACTION_ID",
    real_time=True,
)


def test_timestamps_identifiers_the_label_and_what_leaks_it_are_not_watched():
    kinds = {
        "TRANSACTION_ID": "VARCHAR",
        "TX_DATETIME": "TIMESTAMP",
        "CUSTOMER_ID": "VARCHAR",
        "TX_AMOUNT": "DOUBLE",
        "channel": "VARCHAR",
        "TX_FRAUD": "LABEL",
        "TX_FRAUD_SCENARIO": "VARCHAR",
    }
    found = watched_columns(["TX_AMOUNT", "hour", "TX_DATETIME"], kinds, CARDS)
    assert (found.numbers, found.texts) == (["TX_AMOUNT", "hour"], ["channel"])
    assert set(found.kinds) == {"TX_AMOUNT", "channel"}


def test_a_profile_survives_its_json(profile):
    facts = ProfileFacts.from_json(profile.facts().to_json(), "profile")
    again = Profile.from_facts(facts, profile.sample)
    assert again.columns == profile.columns
    assert again.scores == profile.scores
    assert (again.rows, again.frauds, again.kinds) == (12_000, profile.frauds, profile.kinds)


def test_a_profile_costs_the_same_whatever_the_training_data_was():
    small, large = (make_profile(frame(0, n=n), watched(), {}) for n in (30_000, 60_000))
    assert len(small.sample) == len(large.sample) == SAMPLE_ROWS
    assert abs(len(small.facts().to_json()) - len(large.facts().to_json())) < 2_000
    assert small.sample.drop(columns=["hour_", "days_known_"]).dtypes.eq(np.uint8).all()


def test_rows_without_enough_history_do_not_count_for_a_window():
    days = np.linspace(0, 20, 2000)
    rows = frame(0, n=2000).assign(f0=np.where(days < 10, 0.0, 1.0), days_known_=days)
    of = watched(["f0"], [])
    assert sum(make_profile(rows, of, {"f0": 10}).columns[0].counts) == 1000
    assert sum(make_profile(rows, of, {"f0": 19}).columns[0].counts) == 0


def test_a_batch_in_chunks_is_summarized_as_a_whole(profile):
    rows = frame(1)
    chunks = [rows[:1000], rows[1000:1001], rows[1001:]]
    whole, parts = (
        summarize(given, len(rows), profile.columns, {}, True, 0) for given in ([rows], chunks)
    )
    assert whole.frauds == parts.frauds == rows["fraud_"].sum()
    assert all((whole.counts[name] == parts.counts[name]).all() for name in whole.counts)
    pd.testing.assert_frame_equal(whole.sample, parts.sample)


def test_a_sample_is_seeded_and_of_bounded_size():
    assert (chosen_rows(100_000, 50, 1) == chosen_rows(100_000, 50, 1)).all()
    assert len(set(chosen_rows(100_000, 50, 1))) == 50
    assert chosen_rows(10, 50, 1).tolist() == list(range(10))


def test_hours_are_known_only_where_timestamps_are_dates(profile):
    rows = frame(1, n=3).assign(known_us_=[0, 3_600_000_000 * 25, np.nan])
    assert sample_of(rows, encode_rows(rows, profile.columns, {}), True)["hour_"].tolist() == [
        0,
        1,
        -1,
    ]
    assert sample_of(rows, encode_rows(rows, profile.columns, {}), False)["hour_"].tolist() == [
        -1,
        -1,
        -1,
    ]


@pytest.mark.parametrize(("days", "longest"), [(40.0, 30.0), (20.0, 7.0), (1.0, 0.0)])
def test_columns_that_most_rows_have_no_history_for_are_left_out(profile, days, longest):
    sample = profile.sample.assign(days_known_=np.linspace(0, 2 * days, len(profile.sample)))
    warm_up = {"f0": 7.0, "f1": 30.0}
    assert shared_history_days(profile.columns, warm_up, profile.sample, sample) == longest
