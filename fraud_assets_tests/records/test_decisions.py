import json

import pytest
from pydantic import ValidationError

from fraud_assets.records.decisions import DecisionEntry, RegisteredModel, now
from fraud_assets_tests import factories


def test_the_report_of_a_decision_has_the_keys_of_its_entry():
    entry = factories.decision_entry()
    report = json.loads(RegisteredModel.of(entry).to_json())
    assert report == entry.model_dump() | {"record_version": 1}


def test_a_decision_comes_back_as_it_was_written():
    decision = factories.decision(figures={"a": 1, "b": 0.5, "c": [1.0, None]})
    assert RegisteredModel.from_json(decision.to_json(), "file") == decision


def test_a_report_has_no_unknown_keys_and_an_entry_ignores_them():
    values = factories.decision_entry().model_dump()
    assert DecisionEntry(**values, added=1) == DecisionEntry(**values)
    with pytest.raises(ValidationError):
        RegisteredModel(**values, added=1)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"version": 3}, {"version": "0"}, {"time": "2026-01-01T00:00:00"}, {"outcome": "maybe"}),
        *({"model_hash": "A" * 64}, {"artifacts": {"a": "b"}}, {"figures": []}, {"previous": ""}),
    ],
)
def test_a_value_of_another_form_is_refused(wrong):
    with pytest.raises(ValidationError):
        factories.decision_entry(**wrong)


def test_the_time_of_an_entry_is_in_utc_to_the_second():
    assert now().endswith("+00:00")
    assert factories.decision_entry(time=now()).time
    assert "." not in now()


def test_a_decision_of_an_earlier_release_confirms_nothing():
    older = {k: v for k, v in factories.decision_entry().model_dump().items() if k != "confirms"}
    assert DecisionEntry(**older).confirms is None
