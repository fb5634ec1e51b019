import numpy as np
import pytest
from fraud_assets.evaluation.challengers import Outcome, side_by_side, to_markdown

from fraud_assets_tests.evaluation.conftest import HOSTILE, SETTINGS, scored, shows_only


def outcome(batch, seed, spread, savings=None):
    labels = np.repeat([0, 1], [300, 40])
    scores = np.clip(0.4 * labels + np.random.default_rng(seed).normal(0.3, spread, 340), 0, 1)
    return Outcome(batch, labels, scores >= 0.5, scored(scores, savings))


@pytest.fixture
def table():
    outcomes = {
        "now": [outcome("may", 1, 0.3), outcome("june", 2, 0.3)],
        "sharper": [outcome("may", 3, 0.05), outcome("june", 4, 0.05)],
        "blunter": [outcome("may", 5, 2.0), outcome("june", 6, 2.0)],
    }
    return side_by_side(outcomes, "now", SETTINGS)


def test_the_table_has_all_batches_first_and_then_each(table):
    assert [row["batch"] for row in table] == ["all"] * 3 + ["may"] * 3 + ["june"] * 3
    assert [row["challenger"] for row in table[:3]] == ["now", "sharper", "blunter"]
    for name in ("rows", "frauds", "frauds_detected_count", "net_savings"):
        assert table[1][name] == table[4][name] + table[7][name]


def test_the_verdicts_go_by_the_interval_of_the_difference(table):
    assert [row["verdict"] for row in table[:3]] == ["reference", "better", "worse"]
    assert table[1]["interval"][0] > 0 > table[2]["interval"][1]


def test_a_challenger_that_ranks_alike_may_still_save_more():
    same = outcome("may", 1, 0.3)
    dearer = outcome("may", 1, 0.3, savings=np.where(same.alerts, -1.0, 0.0))
    for first, second, verdict in ((dearer, same, "saves more"), (same, dearer, "saves less")):
        row = side_by_side({"a": [first], "b": [second]}, "a", SETTINGS)[1]
        assert row["verdict"] == verdict
        assert row["difference"] == 0


def test_one_batch_is_named_and_stands_once():
    table = side_by_side({"a": [outcome("may", 1, 0.3)]}, "a", SETTINGS)
    assert [row["batch"] for row in table] == ["may"]


def test_the_table_is_readable(table):
    lines = to_markdown(table, 0.95).splitlines()
    assert len({line.count("|") for line in lines[: len(table) + 2]}) == 1
    assert "| better |" in lines[3]
    assert lines[-1].startswith("Differences to the reference with 95% intervals")


def test_no_name_from_a_csv_acts_in_the_table(table):
    shows_only(
        to_markdown([row | {"batch": HOSTILE, "challenger": HOSTILE} for row in table], 0.95)
    )
