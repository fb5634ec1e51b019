import pytest

from fraud_assets.drift.messages import largest_drift, verdict_sentence, what_changed
from fraud_assets.records.drift import ColumnFindings, DriftReference, SmallestVisible
from fraud_assets_tests import factories
from fraud_assets_tests.drift.conftest import report_of


def test_a_batch_like_the_reference_is_stable():
    sentence = verdict_sentence(factories.drift_report())
    assert sentence == (
        "drift score 0.03 against champion version 1, trained for batch 'march': stable"
    )


def test_what_changed_is_described(moved_report):
    sentence = verdict_sentence(report_of(moved_report))
    assert ": retrain; features with the largest drift: f5 0." in sentence
    assert "the classifier relied most on: f5" in sentence
    assert "share of frauds: 2." in sentence


def test_the_pair_and_the_segment_that_changed_most_are_described():
    pair = factories.correlation_change(first="amount", second="hour", before=0.8, after=-0.8)
    segment = factories.segment_drift(segment="hour", part="03")
    described = what_changed(
        factories.drift_verdict(verdict="watch", pairs=[pair, pair], segments=[segment])
    )
    assert described == (
        "correlation of amount and hour: +0.80 before, -0.80 now; segment with the largest drift: "
        "hour 03, 1.0% of the transactions before, 4.0% now"
    )


def test_a_new_reference_is_named():
    reference = DriftReference(version="1", batch="march", before="2")
    sentence = verdict_sentence(factories.drift_report(reference=reference))
    assert sentence.endswith("; the previous reference was version 2")


def test_too_few_rows_come_with_a_remedy():
    sentence = verdict_sentence(factories.unjudged_drift())
    assert "not enough rows: 120 of the 500 needed for a verdict" in sentence
    assert "deliver larger files" in sentence


def test_a_small_change_is_called_small():
    sentence = verdict_sentence(factories.drift_report(changed=True))
    assert "stable: changed beyond chance, but too little to act on" in sentence


def test_an_effect_that_is_not_detectable_is_reported():
    visible = SmallestVisible(drift_score=0.18, distance=0.2)
    sentence = verdict_sentence(factories.drift_report(smallest_visible=visible))
    assert sentence.endswith("a score under 0.18 is not detectable with 1,000 rows")


@pytest.mark.parametrize(
    ("finding", "described"),
    [
        ("appeared", "new columns: x"),
        ("vanished", "columns missing: x"),
        ("changed_type", "columns with another type: x"),
    ],
)
def test_columns_are_named_also_in_a_stable_batch(finding, described):
    verdict = factories.drift_verdict(columns=ColumnFindings(**{finding: ["x"]}))
    assert what_changed(verdict) == described


def test_missing_and_unseen_values_are_reported_with_the_feature():
    feature = factories.feature_drift(distance=0.4, drifted=True, missing_change=0.2, outside=0.05)
    assert largest_drift([feature]) == (
        "features with the largest drift: amount 0.40 (missing +20%) (5% never seen before)"
    )


def test_columns_that_could_not_be_compared_are_no_drifted_features():
    missing = factories.feature_drift(finding="vanished", drifted=True, distance=1.0)
    assert largest_drift([missing]) == ""
