import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import Imbalance, TrainingSettings
from fraud_assets.training.imbalance import odds, rebalance
from fraud_assets_tests.training.conftest import COLUMNS, train_rows

RESAMPLING = [Imbalance.undersample, Imbalance.smote]


def resampled(rows, imbalance, **more):
    chosen = TrainingSettings(imbalance=imbalance, **more)
    return rebalance(rows[COLUMNS], rows["fraud_"], chosen)


@pytest.mark.parametrize("imbalance", [Imbalance.none, Imbalance.class_weight])
def test_without_resampling_the_rows_stay_and_the_odds_with_them(rows, imbalance):
    features, labels, factor = resampled(rows, imbalance)
    assert features.equals(rows[COLUMNS])
    assert labels.equals(rows["fraud_"])
    assert factor == 1


@settings(deadline=None, max_examples=15)
@given(
    imbalance=st.sampled_from(RESAMPLING),
    share=st.floats(0.02, 0.4),
    wanted=st.floats(1, 40),
    seed=st.integers(0, 5),
)
@example(imbalance=Imbalance.smote, share=0.0234375, wanted=37.0, seed=0)
def test_resampling_gives_the_wanted_odds_and_says_by_what_factor(imbalance, share, wanted, seed):
    rows = train_rows(seed, n=300, share=share)
    before = odds(rows["fraud_"])
    _, labels, factor = resampled(rows, imbalance, genuine_per_fraud=wanted)
    assert odds(labels) == pytest.approx(max(before, 1 / wanted), rel=0.2)
    assert factor == pytest.approx(odds(labels) / before)


def test_undersampling_keeps_every_fraud_and_the_order_of_the_rows(rows):
    features, labels, _ = resampled(rows, Imbalance.undersample, genuine_per_fraud=2)
    assert labels.sum() == rows["fraud_"].sum()
    assert features.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(features, rows.loc[features.index, COLUMNS])


def test_smote_adds_frauds_between_frauds_and_changes_no_genuine_row(rows):
    features, labels, _ = resampled(rows, Imbalance.smote, genuine_per_fraud=1)
    n = len(rows)
    assert labels[n:].eq(1).all()
    frauds = rows.loc[rows["fraud_"] == 1, COLUMNS]
    for column in ("b", "c", "d"):
        assert features[column][n:].between(frauds[column].min(), frauds[column].max()).all()
        assert np.array_equal(features[column][:n], rows[column])
    assert features.notna().all().all()


def test_smote_of_one_fraud_says_what_to_do(rows):
    one = rows[(rows["fraud_"] == 0) | (rows.index == rows.index[rows["fraud_"] == 1][0])]
    with pytest.raises(ValueError, match="the train rows have only one; choose another imbalance"):
        resampled(one, Imbalance.smote)


def test_the_seed_decides_which_rows_are_left(rows):
    first, again, other = (
        list(resampled(rows, Imbalance.undersample, genuine_per_fraud=2, seed=seed)[0].index)
        for seed in (0, 0, 1)
    )
    assert first == again != other
