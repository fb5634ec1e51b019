import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.settings import ChallengerSettings
from fraud_assets.evaluation.comparison import challengers
from fraud_assets.evaluation.comparison.challengers import (
    choose_batches,
    choose_reference,
    train_challenger,
)
from fraud_assets_tests import factories

KNOWN = {"may": "a", "june": "b", "july": "c", "august": "d"}
FAST = {"estimator": "logistic_regression", "use_tuned": False}


def test_the_reference_is_the_first_challenger_unless_one_is_named():
    entrants = {"now": ChallengerSettings(), "new": ChallengerSettings()}
    assert choose_reference(entrants, None) == "now"
    assert choose_reference(entrants, "new") == "new"
    with pytest.raises(ValueError, match=r"reference 'old' is none of the challengers \['now'"):
        choose_reference(entrants, "old")


def test_the_last_batches_are_chosen_unless_some_are_named():
    assert [batch for batch, _ in choose_batches(KNOWN, [])] == ["june", "july", "august"]
    assert choose_batches(KNOWN, ["july", "may"]) == [("may", "a"), ("july", "c")]


@pytest.mark.parametrize(
    ("known", "requested", "message"),
    [
        (KNOWN, ["may", "nowhere"], "nowhere has splits; there are may, june"),
        ({}, [], "no batches yet: drop a CSV first"),
    ],
)
def test_batches_without_splits_are_named_with_those_there_are(known, requested, message):
    with pytest.raises(ValueError, match=message):
        choose_batches(known, requested)


@pytest.mark.parametrize(("window_batches", "used"), [(None, ["may", "june"]), (1, ["june"])])
def test_a_challenger_is_trained_from_its_window_on_what_was_known(
    home, monkeypatch, window_batches, used
):
    loaded = []

    def load_rows(_, members, split, columns, known_by):
        loaded.append((members, split, known_by))
        labels = np.arange(80) % 4 == 0
        noise = np.random.default_rng(len(loaded)).normal(size=80)
        rows = {"a": labels + noise, "fraud_": labels.astype(int), "amount_": 1.0}
        return pd.DataFrame(rows | {"known_us_": np.nan})

    monkeypatch.setattr(challengers, "load_rows", load_rows)
    challenger = ChallengerSettings(**FAST, window_batches=window_batches)
    splits = factories.splits(test_start="2026-06-20T00:00:00")
    fitted = train_challenger(challenger, splits, ["may", "june"], ["a"], None)
    assert loaded == [(used, split, splits.test_start) for split in ("train", "validation")]
    assert fitted.features == ["a"]
