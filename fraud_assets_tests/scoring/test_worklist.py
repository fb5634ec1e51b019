import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import ScoringSettings
from fraud_assets.scoring.worklist import alert_outcomes, make_worklist


def scored(n=400, seed=0, cards=40, days=4):
    generator = np.random.default_rng(seed)
    scores = np.sort(generator.random(n))[::-1]
    decisions = np.where(scores >= 0.8, "alert", "pass")
    because = np.where((scores >= 0.8) & (np.arange(n) % 9 == 0), "known", None)
    return pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "score": scores,
            "decision": np.where(pd.notna(because), "suppressed", decisions),
            "reasons": "r",
            "suppressed_because": because,
            "source_line": generator.permutation(n) + 2,
            "card": [f"c{c}" for c in generator.integers(0, cards, n)],
            "amount": generator.random(n) * 100,
            "day": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(generator.integers(0, days, n), "D"),
            "label": (generator.random(n) < scores**3).astype(int),
        }
    )


def lines(entries):
    return [int(line) for text in entries["source_lines"] for line in text.split()]


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 30), st.integers(0, 8), st.integers(0, 5))
def test_a_day_has_no_more_alerted_cards_than_the_capacity_the_highest_first(
    capacity, sampled, seed
):
    rows = scored(seed=seed)
    chosen = ScoringSettings(alerts_per_day=capacity, sampled_per_day=sampled)
    worklist = make_worklist(rows, chosen)
    for day, entries in worklist.groupby("day"):
        alerts = entries[entries["kind"] == "alert"]
        of_day = rows[(rows["day"] == day) & (rows["decision"] == "alert")]
        assert len(alerts) == min(capacity, of_day["card"].nunique())
        assert alerts["score"].is_monotonic_decreasing
        assert alerts["card"].is_unique
        left_out = of_day[~of_day["card"].isin(alerts["card"])]["score"]
        assert left_out.empty or left_out.max() <= alerts["score"].min()
        assert entries["place"].tolist() == list(range(1, len(entries) + 1))
        assert (entries["kind"] == "sample").sum() == sampled
    assert len(set(lines(worklist))) == len(lines(worklist))


def test_a_card_is_listed_once_with_all_its_alerts_of_the_day():
    rows = scored(cards=2, days=1)
    alerts = make_worklist(rows, ScoringSettings(sampled_per_day=0))
    of_card = rows[(rows["card"] == "c0") & (rows["decision"] == "alert")]
    entry = alerts.set_index("card").loc["c0"]
    assert entry["transactions"] == len(of_card)
    assert entry["amount"] == pytest.approx(of_card["amount"].sum())
    assert entry["score"] == of_card["score"].max()


def test_suppressed_rows_are_not_alerts_but_may_be_drawn():
    rows = scored()
    worklist = make_worklist(rows, ScoringSettings(sampled_per_day=60))
    off = set(rows.loc[rows["decision"] == "suppressed", "source_line"])
    alerts = worklist[worklist["kind"] == "alert"]
    assert off.isdisjoint(lines(alerts))
    assert off & set(lines(worklist[worklist["kind"] == "sample"]))


def test_the_sample_estimates_the_frauds_that_nobody_reviewed_without_bias():
    rows = scored(n=800, days=2)
    estimates, truth = [], None
    for seed in range(25):
        chosen = ScoringSettings(alerts_per_day=20, sampled_per_day=20, seed=seed)
        worklist = make_worklist(rows, chosen)
        reviewed = set(lines(worklist[worklist["kind"] == "alert"]))
        truth = rows.loc[~rows["source_line"].isin(reviewed), "label"].sum()
        drawn = worklist[worklist["kind"] == "sample"]
        labels = rows.set_index("source_line")["label"].loc[lines(drawn)]
        estimates.append((labels.to_numpy() * drawn["stands_for"].to_numpy()).sum())
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 4 * error


def test_the_same_seed_draws_the_same_and_another_another():
    rows = scored()
    first, again, other = (make_worklist(rows, ScoringSettings(seed=s)) for s in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert lines(first) != lines(other)


def test_rows_without_card_or_day_have_entries_of_their_own_on_one_list():
    rows = scored().assign(card=None, day=pd.NaT)
    worklist = make_worklist(rows, ScoringSettings(alerts_per_day=1000, sampled_per_day=0))
    assert len(worklist) == (rows["decision"] == "alert").sum()
    assert (worklist["transactions"] == 1).all()


def test_suppressed_frauds_count_as_missed():
    rows = scored()
    outcomes = alert_outcomes(rows)
    frauds = rows["label"] == 1
    assert outcomes.frauds_detected_count + outcomes.frauds_missed_count == frauds.sum()
    assert outcomes.frauds_suppressed_count == (frauds & rows["suppressed_because"].notna()).sum()
    assert outcomes.frauds_suppressed_count > 0
    assert outcomes.frauds_missed_count >= outcomes.frauds_suppressed_count
