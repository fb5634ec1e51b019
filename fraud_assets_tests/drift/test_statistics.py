import numpy as np
import pandas as pd
import pytest

from fraud_assets.config import DriftSettings
from fraud_assets.drift.profile import make_profile
from fraud_assets.drift.statistics import measure_drift

SETTINGS = DriftSettings()
NAMES = [f"f{i}" for i in range(10)]


def rows(seed, n=5000, **moved):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(n, 10)), columns=NAMES)
    return frame.assign(**{name: frame[name] + shift for name, shift in moved.items()})


@pytest.fixture(scope="module")
def profile():
    return make_profile(rows(0), NAMES, {})


def test_a_batch_like_the_reference_has_not_drifted(profile):
    found = measure_drift(rows(1), NAMES, profile, {}, SETTINGS)
    assert found["drift_score"] == 0
    assert found["verdict"] == "good"
    assert found["max_feature_drift"] < 0.05


def test_the_features_that_moved_are_named_first_and_make_the_score(profile):
    found = measure_drift(rows(1, f3=1.0, f7=2.0), NAMES, profile, {}, SETTINGS)
    assert [feature["feature"] for feature in found["features"][:2]] == ["f7", "f3"]
    assert (found["n_drifted_features"], found["drift_score"]) == (2, 0.2)
    assert found["verdict"] == "watch"


def test_a_batch_in_which_all_moved_says_retrain(profile):
    batch = rows(1, **dict.fromkeys(NAMES, 1.5))
    found = measure_drift(batch, NAMES, profile, {}, SETTINGS)
    assert (found["drift_score"], found["verdict"]) == (1.0, "critical")


def test_small_batches_without_drift_rarely_raise_an_alarm(profile):
    alarms = [
        measure_drift(rows(seed, n=200), NAMES, profile, {}, SETTINGS)["n_drifted_features"] > 0
        for seed in range(100, 200)
    ]
    assert sum(alarms) <= 4


def test_a_column_that_appeared_or_vanished_is_a_finding(profile):
    batch = rows(1).rename(columns={"f0": "new"})
    names = ["new", *NAMES[1:]]
    found = measure_drift(batch, names, profile, {}, SETTINGS)
    assert {f["feature"] for f in found["features"] if f["drifted"]} == {"new", "f0"}


def test_constant_and_empty_columns_have_not_drifted():
    frame = pd.DataFrame({"c": [1.0] * 100, "e": [np.nan] * 100})
    found = measure_drift(frame, ["c", "e"], make_profile(frame, ["c", "e"], {}), {}, SETTINGS)
    assert found["n_drifted_features"] == 0


def test_values_that_went_missing_are_drift(profile):
    batch = rows(1)
    batch.loc[::4, "f0"] = np.nan
    found = measure_drift(batch, NAMES, profile, {}, SETTINGS)
    assert found["features"][0]["feature"] == "f0"
    assert found["features"][0]["drifted"]


def test_a_window_that_is_not_full_yet_is_not_judged():
    reference = rows(0).assign(days_known_=100.0)
    profile = make_profile(reference, NAMES, {"f0": 30})
    batch = rows(1, f0=5.0).assign(days_known_=10.0)
    found = measure_drift(batch, NAMES, profile, {"f0": 30}, SETTINGS)
    assert found["not_judged"] == ["f0"]
    assert found["n_drifted_features"] == 0
    settled = measure_drift(batch.assign(days_known_=31.0), NAMES, profile, {"f0": 30}, SETTINGS)
    assert settled["features"][0]["feature"] == "f0"
