import pytest

from fraud_assets.drift.messages import moved_most, verdict_sentence, what_changed

REFERENCE = {"version": "3", "batch": "march", "before": None}


def test_a_quiet_batch_is_stable(quiet_report):
    said = verdict_sentence({**quiet_report, "reference": REFERENCE})
    assert "against champion version 3, trained for batch 'march': stable" in said
    assert "moved" not in said


def test_what_changed_is_said_in_words(moved_report):
    said = verdict_sentence({**moved_report, "reference": REFERENCE})
    assert ": retrain; moved most: f5 0." in said
    assert "given away by: f5" in said
    assert "frauds: 2." in said


def test_a_new_reference_is_named(quiet_report):
    said = verdict_sentence({**quiet_report, "reference": REFERENCE | {"before": "2"}})
    assert "the reference was version 2 before" in said


def test_few_rows_are_said_with_the_remedy():
    report = {"verdict": "not_enough_rows", "rows": 120, "min_rows": 500, "reference": REFERENCE}
    assert "not enough rows: 120 of the 500" in verdict_sentence(report)


def test_a_small_change_is_said_to_be_small(quiet_report):
    said = verdict_sentence({**quiet_report, "changed": True, "reference": REFERENCE})
    assert "changed beyond chance, but too little to act on" in said


def test_an_effect_that_could_not_have_been_seen_is_said(quiet_report):
    blind = quiet_report | {"smallest_visible": {"drift_score": 0.18}, "reference": REFERENCE}
    assert "a score under 0.18 could not have been seen" in verdict_sentence(blind)


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        ("appeared", "new columns: x"),
        ("vanished", "columns gone: x"),
        ("changed_type", "columns of another type: x"),
    ],
)
def test_columns_are_named_also_in_a_quiet_batch(quiet_report, finding, said):
    columns = {"appeared": [], "vanished": [], "changed_type": [], finding: ["x"]}
    assert what_changed(quiet_report | {"columns": columns}) == said


def test_missing_and_never_seen_values_are_told_with_the_feature():
    feature = {
        "feature": "amount", "distance": 0.4, "drifted": True, "finding": "",
        "missing_change": 0.2, "outside": 0.05,
    }  # fmt: skip
    said = moved_most({"features": [feature]})
    assert said == "moved most: amount 0.40 (missing +20%) (5% never seen before)"
