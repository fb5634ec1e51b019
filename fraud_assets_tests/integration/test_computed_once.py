"""A run scores, loads and looks up nothing a second time, however many batches there are."""

from collections import Counter

import dagster as dg
import pandas as pd
import pytest

from fraud_assets import tracking
from fraud_assets.catalog import ACCEPTED_BATCHES
from fraud_assets.store import model_file, tables
from fraud_assets.training.calibration import CalibratedModel
from fraud_assets_tests.integration.conftest import cards, failure_of

SETTINGS = {
    "splits": {"window_batches": 2},
    "trained_model": {"parameters": {"n_estimators": 20}},
    "evaluation_report": {"bootstrap_resamples": 50},
}
DAYS = ["2026-06-01", "2026-10-01"]
"""So far apart that no batch looks back on another."""


def is_more_than_an_example(rows):
    return len(rows) > 3 if isinstance(rows, pd.DataFrame) else False


@pytest.fixture
def counted(monkeypatch):
    """How often what takes time was done."""
    counts = Counter()

    def count(name, owner, method, about=None):
        before = getattr(owner, method)

        def counting(*arguments, **settings):
            counts[name] += about is None or any(map(about, arguments))
            return before(*arguments, **settings)

        monkeypatch.setattr(owner, method, counting)

    count("scoring passes", CalibratedModel, "predict_proba", is_more_than_an_example)
    count("model loads", tracking, "open_model")
    count(
        "history scans",
        dg.DagsterInstance,
        "fetch_materializations",
        lambda key: key == ACCEPTED_BATCHES,
    )
    count("table facts", tables, "load_table")
    assert tracking.open_model is not model_file.open_model
    return counts


def test_a_run_scores_three_times_and_reads_no_more_after_more_batches(after_second, counted):
    found = []
    for number, day in enumerate(DAYS):
        counted.clear()
        frame = cards(number, transactions=1500, fraud_rate=0.1, first_day=day)
        result = after_second.take(f"batch {number}", frame, **SETTINGS)
        assert result.success, failure_of(result)
        found.append(dict(counted))
    third, fourth = found
    assert third["scoring passes"] == 3  # the champion once, the challenger on two splits
    assert third["model loads"] <= 2  # each of the two once
    assert third["history scans"] == 1
    assert fourth["table facts"] == third["table facts"]
