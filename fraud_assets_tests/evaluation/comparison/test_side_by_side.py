import numpy as np
import pytest

from fraud_assets.evaluation.comparison.side_by_side import (
    BatchResult,
    side_by_side,
    to_markdown,
)
from fraud_assets_tests.evaluation.conftest import HOSTILE, SETTINGS, scored, shows_only


def result(batch, seed, spread, loss=100.0):
    labels = np.repeat([0, 1], [300, 40])
    scores = np.clip(0.4 * labels + np.random.default_rng(seed).normal(0.3, spread, 340), 0, 1)
    return BatchResult.of(batch, scored(scores, labels, loss))


@pytest.fixture(scope="module")
def table():
    results = {
        "now": [result("may", 1, 0.3), result("june", 2, 0.3)],
        "sharper": [result("may", 3, 0.05), result("june", 4, 0.05)],
        "blunter": [result("may", 5, 2.0), result("june", 6, 2.0)],
    }
    return side_by_side(results, "now", SETTINGS)


def test_the_table_has_all_batches_first_and_then_each(table):
    assert [row.batch for row in table] == ["all"] * 3 + ["may"] * 3 + ["june"] * 3
    assert [row.challenger for row in table[:3]] == ["now", "sharper", "blunter"]
    for name in ("rows", "frauds", "frauds_detected_count", "net_savings"):
        assert getattr(table[1], name) == getattr(table[4], name) + getattr(table[7], name)


def test_the_verdicts_go_by_the_interval_of_the_difference(table):
    assert [row.verdict for row in table[:3]] == ["reference", "better", "worse"]
    assert table[1].interval[0] > 0 > table[2].interval[1]


def test_a_challenger_that_ranks_alike_may_still_save_more():
    same = result("may", 1, 0.3)
    dearer = result("may", 1, 0.3, loss=1.0)
    for first, second, verdict in ((dearer, same, "saves more"), (same, dearer, "saves less")):
        row = side_by_side({"a": [first], "b": [second]}, "a", SETTINGS)[1]
        assert row.verdict == verdict
        assert row.difference == 0


def test_one_batch_is_named_and_stands_once():
    table = side_by_side({"a": [result("may", 1, 0.3)]}, "a", SETTINGS)
    assert [row.batch for row in table] == ["may"]


def test_the_table_is_readable(table):
    lines = to_markdown(table, 0.95).splitlines()
    assert len({line.count("|") for line in lines[: len(table) + 2]}) == 1
    assert "| better |" in lines[3]
    assert lines[-1].startswith("Differences to the reference on the same rows, with 95% intervals")


def test_no_name_from_a_csv_acts_in_the_table(table):
    evil = {"batch": HOSTILE, "challenger": HOSTILE}
    shows_only(to_markdown([row.model_copy(update=evil) for row in table], 0.95))
