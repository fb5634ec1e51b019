import dagster as dg
import pytest

from fraud_assets.monitoring import evaluations
from fraud_assets.monitoring.evaluations import new_evaluations

KEYS = [dg.AssetCheckKey(dg.AssetKey("drift_report"), name) for name in ("a", "b")]


@pytest.fixture(params=["instance_in_memory", "instance_on_disk"])
def instance(home, request):
    return request.getfixturevalue(request.param)


def evaluate(instance, name, passed=True, severity=dg.AssetCheckSeverity.ERROR):
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("drift_report"),
            check_name=name,
            passed=passed,
            severity=severity,
        )
    )


def names(recorded):
    return [one.evaluation.check_name for one in recorded]


def test_evaluations_of_all_checks_come_in_order_of_time_and_none_twice(instance):
    after = {}
    for name in ("a", "b", "a"):
        evaluate(instance, name)
    assert names(new_evaluations(instance, KEYS, after)) == ["a", "b", "a"]
    assert new_evaluations(instance, KEYS, after) == []
    evaluate(instance, "b")
    assert names(new_evaluations(instance, KEYS, after)) == ["b"]


def test_more_evaluations_than_a_page_are_all_read(instance, monkeypatch):
    monkeypatch.setattr(evaluations, "FIRST_PAGE", 1)
    monkeypatch.setattr(evaluations, "PAGE", 2)
    for _ in range(4):
        evaluate(instance, "a")
    assert len(new_evaluations(instance, KEYS, {})) == 4


def test_a_check_that_is_planned_has_no_evaluation_yet(instance):
    @dg.asset_check(asset="drift_report", name="a")
    def crashes():
        raise ValueError

    job = dg.Definitions(
        asset_checks=[crashes],
        jobs=[dg.define_asset_job("all_checks", dg.AssetSelection.checks(crashes))],
    )
    job.resolve_job_def("all_checks").execute_in_process(instance=instance, raise_on_error=False)
    after = {}
    assert new_evaluations(instance, KEYS, after) == []
    evaluate(instance, "a")
    assert names(new_evaluations(instance, KEYS, after)) == ["a"]


def test_the_result_is_passed_or_the_severity(instance):
    for passed, severity in ((True, "ERROR"), (False, "WARN"), (False, "ERROR")):
        evaluate(instance, "a", passed, dg.AssetCheckSeverity[severity])
    results = [recorded.result for recorded in new_evaluations(instance, KEYS, {})]
    assert results == ["passed", "warned", "failed"]
