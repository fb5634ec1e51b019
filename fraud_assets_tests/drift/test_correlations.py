import numpy as np
import pytest

from fraud_assets.drift.correlations import (
    changed_pairs,
    correlation_changes,
    extremes,
    ranks,
    strongest_pairs,
)
from fraud_assets.drift.encoding import encode_rows
from fraud_assets_tests.drift.conftest import NAMES, frame


def ranked(profile, rows):
    columns = [c for c in profile.columns if c.name in NAMES]
    return ranks(encode_rows(rows, columns, {}), columns)


def test_ranks_run_from_minus_one_to_one_and_missing_values_have_rank_0(profile):
    rows = frame(1)
    rows.loc[0, "f0"] = np.nan
    found = ranked(profile, rows)
    assert (np.abs(found) <= 1).all()
    assert found[0, 0] == 0
    assert np.corrcoef(found[1:, 0], rows["f0"][1:].rank())[0, 1] == pytest.approx(1, abs=0.001)


def test_a_flipped_correlation_is_listed_though_no_column_drifted(profile):
    before, after = ranked(profile, frame(2, n=6000)), ranked(profile, frame(3, flip=1.0))
    pairs, p_value = changed_pairs(NAMES, before, after, 0.01)
    assert [(p.first, p.second) for p in pairs] == [("f0", "f1")]
    assert pairs[0].before > 0.7
    assert pairs[0].after < -0.7
    assert p_value < 1e-10


def test_a_drifted_column_changes_no_correlation(profile):
    before, after = ranked(profile, frame(2, n=6000)), ranked(profile, frame(3, f4=0.5))
    assert changed_pairs(NAMES, before, after, 0.01)[0] == []


def test_chance_rarely_passes_for_a_changed_pair_also_among_rare_values():
    generator = np.random.default_rng(0)

    def rare(n):
        return (generator.random((n, 6)) < 0.02).astype(float)

    found = [correlation_changes(rare(5000), rare(500))[2].min() for _ in range(200)]
    assert np.mean(np.array(found) <= 0.01) <= 0.02


def test_a_constant_column_has_no_correlation_to_change():
    values = np.random.default_rng(0).normal(size=(500, 2))
    values[:, 1] = 1.0
    assert changed_pairs(["a", "b"], values, values[::-1], 0.01) == ([], 1.0)
    assert changed_pairs(["a"], values[:, :1], values[:, :1], 0.01) == ([], 1.0)


def test_only_pairs_clearly_correlated_in_the_reference_are_given_to_the_classifier(profile):
    assert strongest_pairs(ranked(profile, frame(4, n=5000)), 20) == [(0, 1)]
    assert strongest_pairs(np.random.default_rng(0).normal(size=(1000, 30)), 20) == []


def test_more_extreme_rows_are_detected_though_no_column_drifted_much(profile):
    before = ranked(profile, frame(2, n=6000))
    wider = frame(3, n=600)
    wider[NAMES] *= 1.12
    found = extremes(before, ranked(profile, wider))
    assert found.after > found.before
    assert found.p_value < 1e-3
    assert extremes(before, ranked(profile, frame(4, n=600))).p_value > 0.01


def test_constant_columns_are_not_more_extreme():
    assert extremes(np.zeros((50, 2)), np.zeros((40, 2))).p_value == 1.0
