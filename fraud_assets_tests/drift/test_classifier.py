from functools import cache

import numpy as np

from fraud_assets.drift.classifier import classifier_inputs, giveaways, two_sample_test
from fraud_assets.drift.encoding import encode_rows
from fraud_assets_tests.drift.conftest import NAMES, frame


def sides(n=600, shift=0.0):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(2 * n, 4)).round(1)  # of few values, as codes are
    is_batch = np.repeat([0, 1], n)
    inputs[n:, 2] += shift
    return inputs, is_batch


@cache
def separated(n=600, shift=0.0):
    return two_sample_test(*sides(n, shift), folds=2, seed=0)


def test_sides_that_are_alike_cannot_be_distinguished():
    test = separated()
    assert test.score < 0.1
    assert test.p_value > 0.01


def test_sides_with_nothing_in_common_are_always_distinguished():
    test = separated(shift=20)
    assert test.score > 0.99
    assert test.p_value < 1e-6


def test_every_row_is_scored_by_a_classifier_that_held_it_out():
    test, (_, is_batch) = separated(shift=1), sides(shift=1)
    assert (test.probabilities > 0).all()
    assert test.probabilities[is_batch == 1].mean() > test.probabilities[is_batch == 0].mean()


def test_the_same_rows_and_seed_give_the_same_score():
    scores = {two_sample_test(*sides(200, 0.3), folds=2, seed=1).score for _ in range(2)}
    assert len(scores) == 1


def test_fewer_rows_detect_less():
    large, small = separated(), separated(200)
    assert large.smallest_visible < small.smallest_visible < 1


def test_what_gives_the_batch_away_most_comes_first():
    test, (inputs, is_batch) = separated(shift=1), sides(shift=1)
    ranked = giveaways(test, inputs, is_batch, [("a",), ("b",), ("c",), ("d", "e")], 0)
    assert ranked[0].feature == "c"
    assert all(giveaway.importance > 0 for giveaway in ranked)


def test_the_inputs_are_columns_with_gaps_and_products_of_clearly_correlated_pairs(
    profile,
):
    rows = frame(1)
    rows.loc[:9, "f0"] = np.nan
    columns = [c for c in profile.columns if c.name in NAMES]
    inputs, names = classifier_inputs(
        encode_rows(rows, columns, {}), np.zeros(len(rows), dtype=int), columns
    )
    assert names == [*((name,) for name in NAMES), ("f0", "f1")]
    assert (inputs[:10, 0] == columns[0].missing).all()
    assert (inputs[10:, 0] < columns[0].missing).all()
