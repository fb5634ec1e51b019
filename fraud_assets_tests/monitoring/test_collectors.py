import dagster as dg
import pytest

from fraud_assets.intake.landing.ledger import FileState, LedgerEntry, open_ledger
from fraud_assets.monitoring.collectors import (
    SENSOR,
    STOPPED,
    CheckEvaluations,
    champion,
    champion_decided,
    daemons,
    parts,
    pipeline,
    runs,
    sensors,
    step_seconds,
)
from fraud_assets.monitoring.exporter import Exporter
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry
from fraud_assets.text import JOINER
from fraud_assets.tracking import Tracking
from fraud_assets_tests.registered import Context, decision

KEY = dg.AssetCheckKey(dg.AssetKey("drift_report"), "drift_score")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.fixture(params=["instance_in_memory", "instance_on_disk"])
def instance(home, request):
    """As the demo has it, and as the daemon has it: with a database of events per run."""
    return request.getfixturevalue(request.param)


@dg.job
def fraud_pipeline():
    """A job of the pipeline's name."""


def evaluate(instance, passed, severity=ERROR, said="0.4\n of 1"):
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("drift_report"),
            check_name="drift_score",
            passed=passed,
            severity=severity,
            description=said,
        )
    )


def samples(metrics):
    return {(s.name, *s.labels.values()): s.value for m in metrics for s in m.samples}


def test_every_check_is_counted_from_zero_and_its_last_state_is_exported(instance):
    checks = CheckEvaluations([KEY])
    name = ("fraud_asset_check_evaluations_total", "drift_report", "drift_score")
    before = samples(checks.collect(instance))
    assert [before[*name, result] for result in ("passed", "warned", "failed")] == [0, 0, 0]
    assert not any(key[0] == "fraud_asset_check_passed" for key in before)
    evaluate(instance, False)
    evaluate(instance, False, WARN)
    found = samples(checks.collect(instance))
    assert [found[*name, result] for result in ("passed", "warned", "failed")] == [0, 1, 1]
    state = ("fraud_asset_check_passed", "drift_report", "drift_score")
    assert (found[*state, "WARN"], found[*state, "ERROR"]) == (0, 1)
    assert found["fraud_asset_check_detail_info", "drift_report", "drift_score", "0.4 of 1"] == 1
    evaluate(instance, True)
    found = samples(checks.collect(instance))
    assert (found[*state, "WARN"], found[*state, "ERROR"]) == (1, 1)
    assert found[*name, "failed"] == 1


def test_what_a_check_says_pages_nobody_where_an_alert_repeats_it(instance):
    evaluate(instance, False, said="column '<!channel> @here [a](http://b)'")
    (detail,) = [
        sample.labels["detail"]
        for metric in CheckEvaluations([KEY]).collect(instance)
        for sample in metric.samples
        if "detail" in sample.labels
    ]
    assert detail.replace(JOINER, "") == "column '<!channel> @here [a](http://b)'"
    assert not any(acts in detail for acts in ("<!", "@here", "](", "://"))


def test_a_bad_verdict_that_was_replaced_before_the_look_is_still_counted(instance):
    checks = CheckEvaluations([KEY])
    evaluate(instance, False)
    evaluate(instance, True)
    found = samples(checks.collect(instance))
    assert (
        found["fraud_asset_check_evaluations_total", "drift_report", "drift_score", "failed"] == 1
    )


def test_runs_are_counted_by_status_with_zeros(instance):
    found = samples(runs(instance, ["fraud_pipeline"], "here"))
    assert found["dagster_active_runs", "fraud_pipeline", "here", "queued"] == 0
    run = instance.create_run_for_job(fraud_pipeline)
    instance.report_run_failed(run)
    found = samples(runs(instance, ["fraud_pipeline"], "here"))
    assert found["dagster_completed_runs_total", "fraud_pipeline", "here", "failure"] == 1
    assert found["dagster_last_run_info", "fraud_pipeline", "here", "failure"] == 1


def test_a_daemon_that_was_never_heard_of_has_no_heartbeat_and_is_not_healthy(
    instance, monkeypatch
):
    monkeypatch.setattr(type(instance), "get_required_daemon_types", lambda _: ["SENSOR"])
    assert samples(daemons(instance)) == {("dagster_daemon_healthy", "SENSOR", "true"): 0}


def test_without_sensors_there_is_no_sensor_metric(instance_on_disk):
    assert samples(sensors(instance_on_disk, "here")) == {}


def test_waiting_and_refused_files_are_counted(instance):
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put(
            LedgerEntry(f"{n}.csv", f"{n}", 1, 5_000_000_000 + n, n, "hash", outcome, "", "")
            for n, outcome in enumerate([FileState.waiting, FileState.waiting, FileState.refused])
        )
    found = samples(pipeline(instance))
    assert (found["fraud_files_waiting",], found["fraud_files_refused",]) == (2, 1)
    assert found["fraud_last_file_timestamp_seconds",] == pytest.approx(5)
    assert ("fraud_pipeline_last_success_timestamp_seconds",) not in found
    assert samples(step_seconds(instance)) == {}


def test_decisions_are_counted_by_outcome_with_zeros(tracking):
    append_entry(paths.decisions_path(), decision("1", "reject"))
    found = samples(champion(tracking))
    assert found["fraud_decisions_total", "reject"] == 1
    assert found["fraud_decisions_total", "promote"] == 0
    assert not any(key[0] == "fraud_champion_info" for key in found)


def test_a_champion_that_was_not_decided_about_is_a_part_unread_and_hides_no_figure(tracking):
    with tracking.training_run(Context("1"), "june", {}) as run_id:
        pass
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    client.create_model_version(tracking.model_name, "file:/nowhere", run_id)
    tracking.make_champion("1")
    append_entry(paths.decisions_path(), decision("1", mlflow_run_id="another"))
    reported = []
    read = {
        "champion": lambda: champion(tracking),
        "champion_decided": lambda: champion_decided(tracking),
    }
    found = samples(
        Exporter(read, lambda part, error: reported.append((part, str(error)))).collect()
    )
    assert found["fraud_champion_info", tracking.model_name, "1"] == 1
    assert found["fraud_decisions_total", "promote"] == 1
    assert found["fraud_exporter_part_up", "champion"] == 1
    assert found["fraud_exporter_part_up", "champion_decided"] == 0
    ((part, error),) = reported
    assert part == "champion_decided"
    assert "is not the one that was decided about" in error


def test_every_part_has_a_name(instance):
    checks = [dg.AssetCheckKey(dg.AssetKey("a"), "b")]
    found = parts(instance, Tracking(), checks, ["fraud_pipeline"], "here")
    assert set(found) == {
        *("checks", "runs", "daemons", "sensors", "pipeline", "steps", "champion"),
        "champion_decided",
    }
    assert ("fraud_asset_check_evaluations_total", "a", "b", "failed") in samples(found["checks"]())


def test_dagsters_enumerations_still_have_the_values_that_are_compared():
    message = "this release of Dagster renamed the states of sensors: adapt `sensors`"
    try:
        from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType
    except ImportError:
        pytest.fail(message)
    assert STOPPED in [status.value for status in InstigatorStatus], message
    assert SENSOR in [kind.value for kind in InstigatorType], message
