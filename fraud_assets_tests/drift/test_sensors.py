import dagster as dg
import pytest

from fraud_assets.catalog import AcceptedBatch, acceptance
from fraud_assets.config.names import REASON_TAG, RETRAINING_TAG
from fraud_assets.drift.sensors import RETRAINED, drift_retraining
from fraud_assets.store.reports import save_report
from fraud_assets_tests import factories


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.ephemeral() as instance:
        for batch in ("april", "may"):
            accepted = AcceptedBatch(batch, f"hash of {batch}", (None, None, None))
            instance.report_runless_asset_event(acceptance(accepted, 100))
        yield instance


@dg.job
def fraud_pipeline():
    """A job of the pipeline's name."""


def look(instance):
    return drift_retraining(dg.build_sensor_context(instance=instance))


def report(batch, verdict="critical"):
    save_report(
        batch,
        factories.drift_report(batch=batch, champion="3", drift_score=0.42, verdict=verdict),
    )


def test_it_is_off_until_somebody_turns_it_on():
    assert drift_retraining.default_status is dg.DefaultSensorStatus.STOPPED


def test_critical_drift_of_the_newest_batch_asks_for_training_from_recent_batches(instance):
    report("may")
    asked = look(instance)
    assert asked.partition_key == "may"
    assert asked.run_config == {"ops": {"splits": {"config": {"window_batches": 2}}}}
    assert {key.to_user_string() for key in asked.asset_selection} == {*RETRAINED}
    assert asked.tags[RETRAINING_TAG] == "drift"
    assert "drift score 0.42" in asked.tags[REASON_TAG]
    assert asked.run_key == "drift/may/hash of may/3"


def test_drift_of_an_older_batch_is_history(instance):
    report("april")
    assert look(instance).skip_message == "no batch has been measured yet"
    report("may", verdict="good")
    assert "is not critical: good" in look(instance).skip_message


def test_it_waits_for_the_pipeline_and_does_not_ask_twice_in_a_week(instance, monkeypatch):
    report("may")
    run = instance.create_run_for_job(fraud_pipeline, tags={RETRAINING_TAG: "drift"})
    assert "a pipeline run is still going" in look(instance).skip_message
    instance.report_run_canceled(run)
    assert "at most one in 7 days" in look(instance).skip_message
    monkeypatch.setenv("FRAUD_RETRAIN_DAYS", "0.00000001")
    assert look(instance).partition_key == "may"


def test_a_setting_that_is_no_number_is_refused_by_name(instance, monkeypatch):
    report("may")
    monkeypatch.setenv("FRAUD_RETRAIN_BATCHES", "many")
    with pytest.raises(Exception, match="FRAUD_RETRAIN_BATCHES is 'many'"):
        look(instance)
