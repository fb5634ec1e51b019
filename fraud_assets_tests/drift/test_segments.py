import numpy as np
import pytest

from fraud_assets.drift.encoding import encode_rows
from fraud_assets.drift.profile import sample_of
from fraud_assets.drift.segments import drifted_segments, label_segments
from fraud_assets_tests.drift.conftest import frame


@pytest.fixture(scope="module")
def sample(profile):
    rows = frame(1, n=2000)
    return sample_of(rows, encode_rows(rows, profile.columns, {}), True)


def test_rows_are_labelled_by_amount_hour_and_category(profile, sample):
    labels = label_segments(sample, profile.columns, "f2", ["amount_band", "hour"])
    assert set(labels) == {"amount_band", "hour", "channel"}
    assert set(labels["channel"]) == {"chip", "online", "phone"}
    assert len(set(labels["hour"])) == 24
    bands = np.unique(labels["amount_band"], return_counts=True)[1]
    assert len(bands) == 4
    assert min(bands) > 400


def test_a_band_holds_the_amounts_that_its_name_says(profile):
    rows = frame(1, n=2000)
    band = label_segments(
        sample_of(rows, encode_rows(rows, profile.columns, {}), True),
        profile.columns,
        "f2",
        ["amount_band"],
    )["amount_band"]
    low = rows["f2"][band == min(set(band), key=lambda name: not name.startswith("under"))]
    assert low.max() < rows["f2"].quantile(0.3)


def test_what_the_data_does_not_have_is_no_segment(profile):
    rows = frame(1, n=50)
    sample = sample_of(rows, encode_rows(rows, profile.columns, {}), False)
    assert set(label_segments(sample, profile.columns, None, ["amount_band", "hour"])) == {
        "channel"
    }


def test_an_unknown_segment_is_refused_by_name(profile, sample):
    with pytest.raises(ValueError, match="unknown: nonsense; choose from amount_band, hour"):
        label_segments(sample, profile.columns, "f2", ["nonsense"])


def test_the_part_that_drifted_is_ranked_first():
    generator = np.random.default_rng(0)
    n = 2000
    is_batch = np.repeat([0, 1], n)
    part = np.where(generator.random(2 * n) < 0.5, "a", "b").astype(object)
    moved = (part == "a") & (is_batch == 1)
    probabilities = np.clip(generator.normal(0.5 + 0.2 * moved, 0.1), 0, 1)
    found = drifted_segments({"s": part}, is_batch, probabilities, 0.01)
    assert [(p.segment, p.part) for p in found] == [("s", "a")]
    assert found[0].drift_score > 0.5


def test_a_part_that_became_more_frequent_is_listed():
    is_batch = np.repeat([0, 1], 1000)
    part = np.where(np.arange(2000) % 10 < 2 + 3 * is_batch, "night", "day").astype(object)
    found = drifted_segments({"hour": part}, is_batch, np.full(2000, 0.5), 0.01)
    shares = {p.part: (p.share_reference, p.share_batch) for p in found}
    assert shares == {"night": (0.2, 0.5), "day": (0.8, 0.5)}


def test_chance_lists_no_part_and_few_rows_have_no_score_of_their_own():
    generator = np.random.default_rng(1)
    is_batch, part = np.repeat([0, 1], 60), np.array(["a", "b", "c"] * 40, dtype=object)
    assert drifted_segments({"s": part}, is_batch, generator.random(120), 0.01) == []
    assert drifted_segments({}, is_batch, generator.random(120), 0.01) == []
