import json

import pytest
from pydantic import ValidationError

from fraud_assets.records.evaluation import Comparison, EvaluationReport, NotComparable
from fraud_assets_tests import factories

COMPARED = factories.comparison()
REFUSED = NotComparable(reason="too few frauds")


@pytest.mark.parametrize("comparison", [None, COMPARED, REFUSED])
def test_a_report_comes_back_as_it_was_written(comparison):
    report = factories.evaluation_report(comparison=comparison, champion="1")
    assert EvaluationReport.from_json(report.to_json(), "file") == report


def test_counts_stay_integers_and_shares_floats():
    written = json.loads(factories.evaluation_report().to_json())
    assert type(written["metrics"]["frauds_missed_count"]) is int
    assert type(written["metrics"]["test_fraud_recall"]) is float
    again = EvaluationReport.from_json(json.dumps(written), "file")
    assert type(again.metrics["frauds_missed_count"]) is int


def test_reports_without_a_version_of_their_format_still_load():
    values = json.loads(factories.evaluation_report().to_json())
    del values["record_version"]
    assert EvaluationReport.from_json(json.dumps(values), "file").batch == "june"


def test_a_comparison_is_one_or_none():
    values = factories.evaluation_report(comparison=COMPARED).model_dump(mode="json")
    assert isinstance(EvaluationReport(**values).comparison, Comparison)
    values["comparison"]["comparable"] = False
    with pytest.raises(ValidationError, match="reason"):
        EvaluationReport(**values)


@pytest.mark.parametrize("wrong", [{"accuracy": 0.99}, {"metrics": {"net_savings": float("nan")}}])
def test_unknown_keys_and_figures_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ValidationError):
        factories.evaluation_report(**wrong)
