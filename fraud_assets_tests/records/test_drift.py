import json

import pytest

from fraud_assets.records.drift import DriftReport, verdicts_of_batch
from fraud_assets_tests import factories

NEW_KEYS = {"record_version", "decision_threshold", "plausibility", "to_held"}
REPORTS = [
    factories.drift_report(features=[factories.feature_drift(finding="vanished", psi=None)]),
    factories.drift_report(
        pairs=[factories.correlation_change()], segments=[factories.segment_drift()]
    ),
    factories.drift_report(to_held=factories.held_comparison()),
    factories.unjudged_drift(),
    factories.unmeasured_drift(),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_is_read_back_as_the_class_that_it_was_written_as(report):
    again = DriftReport.from_json(report.to_json(), "drift_report.json")
    assert type(again) is type(report)
    assert again == report


def test_a_report_from_before_records_had_a_version_can_be_read():
    report = factories.drift_report(
        scores=None, expected=None, decision_threshold=None, plausibility=None
    )
    older = {k: v for k, v in json.loads(report.to_json()).items() if k not in NEW_KEYS}
    assert DriftReport.from_json(json.dumps(older), "drift_report.json") == report


def test_an_unknown_key_is_refused_by_name_and_without_its_value():
    content = json.loads(factories.drift_report().to_json()) | {"card": "4111"}
    with pytest.raises(ValueError, match="drift_report.json is not .*'card'") as error:
        DriftReport.from_json(json.dumps(content), "drift_report.json")
    assert "4111" not in str(error.value)


def test_only_a_verdict_has_figures():
    assert factories.drift_report(drift_score=0.2).figures["drift_score"] == 0.2
    assert factories.unjudged_drift().figures == {}


def test_findings_without_a_column_are_left_out():
    findings = factories.drift_verdict().columns
    assert findings.by_finding() == {}
    assert findings.model_copy(update={"vanished": ["a"]}).by_finding() == {"vanished": ["a"]}


def test_the_verdicts_on_a_batch_are_those_of_its_checks():
    assert verdicts_of_batch(factories.unmeasured_drift()) == {}
    unjudged = {"drift_score": "watch", "drifted_features": "watch"}
    assert verdicts_of_batch(factories.unjudged_drift()) == unjudged
    drifted = factories.drift_report(
        verdict="critical",
        features=[factories.feature_drift()] * 4,
        n_drifted_features=1,
        plausibility=factories.plausibility("watch"),
    )
    assert verdicts_of_batch(drifted) == {
        "drift_score": "critical",
        "drifted_features": "watch",
        "batch_plausible": "watch",
    }


@pytest.mark.parametrize("verdict", ["good", "watch", "critical"])
def test_a_batch_is_like_the_held_one_unless_a_verdict_is_critical_or_there_is_none(verdict):
    verdicts = {"drift_score": "good", "batch_plausible": verdict}
    similar = factories.held_comparison(verdicts=verdicts).is_similar
    assert similar == (verdict != "critical")
    assert not factories.held_comparison(drift_score=None).is_similar
