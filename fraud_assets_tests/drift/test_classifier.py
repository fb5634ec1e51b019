import numpy as np

from fraud_assets.drift.classifier import classifier_inputs, giveaways, tell_apart
from fraud_assets.drift.encoding import encode_rows
from fraud_assets_tests.drift.conftest import NAMES, frame


def sides(n=1500, shift=0.0):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(2 * n, 4))
    is_batch = np.repeat([0, 1], n)
    inputs[n:, 2] += shift
    return inputs, is_batch


def test_sides_that_are_alike_cannot_be_told_apart():
    apart = tell_apart(*sides(), folds=3, seed=0)
    assert apart.score < 0.1
    assert apart.p_value > 0.01


def test_sides_that_have_nothing_in_common_always_can():
    apart = tell_apart(*sides(shift=20), folds=3, seed=0)
    assert apart.score > 0.99
    assert apart.p_value < 1e-6


def test_every_row_is_judged_by_a_classifier_that_did_not_see_it():
    inputs, is_batch = sides(shift=1)
    apart = tell_apart(inputs, is_batch, folds=3, seed=0)
    assert (apart.probabilities > 0).all()
    assert apart.probabilities[is_batch == 1].mean() > apart.probabilities[is_batch == 0].mean()


def test_the_same_rows_and_seed_give_the_same_score():
    scores = {tell_apart(*sides(shift=0.3), folds=3, seed=1).score for _ in range(2)}
    assert len(scores) == 1


def test_fewer_rows_see_less():
    large, small = (tell_apart(*sides(n), folds=2, seed=0) for n in (1500, 200))
    assert large.smallest_visible < small.smallest_visible < 1


def test_what_gives_the_batch_away_is_named_first():
    inputs, is_batch = sides(shift=1)
    apart = tell_apart(inputs, is_batch, folds=3, seed=0)
    found = giveaways(apart, inputs, is_batch, [("a",), ("b",), ("c",), ("d", "e")], 0)
    assert found[0]["feature"] == "c"
    assert all(giveaway["importance"] > 0 for giveaway in found)


def test_the_classifier_sees_columns_with_gaps_and_the_products_of_plain_pairs(profile):
    rows = frame(1)
    rows.loc[:9, "f0"] = np.nan
    columns = [c for c in profile.columns if c.name in NAMES]
    inputs, names = classifier_inputs(
        encode_rows(rows, columns, {}), np.zeros(len(rows), dtype=int), columns
    )
    assert names == [*((name,) for name in NAMES), ("f0", "f1")]
    assert (inputs[:10, 0] == columns[0].missing).all()
    assert (inputs[10:, 0] < columns[0].missing).all()
