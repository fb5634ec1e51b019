import dagster as dg
import pytest

from fraud_assets.definitions import defs
from fraud_assets.monitoring import sensors
from fraud_assets.monitoring.sensors import fraud_alerts
from fraud_assets.store import paths

FAILS = "drift_score of drift_report fails"


@dg.job
def fraud_pipeline():
    """A job of the pipeline's name."""


@pytest.fixture
def instance(home, instance_on_disk, monkeypatch):
    monkeypatch.setenv("FRAUD_ALERT_URLS", "json://127.0.0.1:9")
    return instance_on_disk


@pytest.fixture
def sent(monkeypatch):
    titles = []
    monkeypatch.setattr(sensors, "apprise_sender", lambda *_: lambda m: not titles.append(m.title))
    return titles


def evaluate(instance, passed):
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("drift_report"),
            check_name="drift_score",
            passed=passed,
            severity=dg.AssetCheckSeverity.ERROR,
        )
    )


def tick(instance, cursor):
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=defs.get_repository_def()
    )
    said = fraud_alerts(context)
    return context.cursor, said.skip_message


def test_it_reports_from_the_first_tick_on_and_each_verdict_once(instance, sent):
    evaluate(instance, False)
    cursor, said = tick(instance, None)
    assert (said, sent) == ("reports what happens from now on", [])
    evaluate(instance, False)
    cursor, said = tick(instance, cursor)
    assert sent == [FAILS]
    assert said == "1 messages sent"
    cursor, _ = tick(instance, cursor)
    evaluate(instance, True)
    tick(instance, cursor)
    assert sent == [FAILS, "drift_score of drift_report passes again"]


def test_a_tick_whose_cursor_was_lost_sends_nothing_again(instance, sent):
    cursor, _ = tick(instance, None)
    evaluate(instance, False)
    tick(instance, cursor)
    tick(instance, cursor)
    assert sent == [FAILS]
    assert len(paths.alerts_path().read_text().split()) == 1


def test_a_failed_run_is_reported_and_that_the_next_one_succeeds(instance, sent):
    cursor, _ = tick(instance, None)
    instance.report_run_failed(instance.create_run_for_job(fraud_pipeline))
    cursor, _ = tick(instance, cursor)
    assert sent == ["A run of fraud_pipeline failed"]
    fraud_pipeline.execute_in_process(instance=instance)
    tick(instance, cursor)
    assert sent[1:] == ["fraud_pipeline succeeds again"]


def test_where_alertmanager_sends_the_alerts_it_stays_silent(instance, sent, monkeypatch):
    cursor, _ = tick(instance, None)
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", "http://127.0.0.1:9")
    evaluate(instance, False)
    cursor, said = tick(instance, cursor)
    assert said == "PROMETHEUS_PUSHGATEWAY_URL is set: Alertmanager sends the alerts"
    assert sent == []


def test_it_is_off_until_an_address_is_set(instance, sent, monkeypatch):
    cursor, _ = tick(instance, None)
    monkeypatch.delenv("FRAUD_ALERT_URLS")
    evaluate(instance, False)
    assert tick(instance, cursor)[1] == "FRAUD_ALERT_URLS is not set: no alerts are sent"
    assert sent == []
