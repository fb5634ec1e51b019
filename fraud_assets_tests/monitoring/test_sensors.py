import json

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


def evaluate(instance, passed, asset="drift_report", check="drift_score"):
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=check,
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


def test_it_reports_each_verdict_once(instance, sent):
    cursor, said = tick(instance, None)
    assert (said, sent) == ("0 messages sent", [])
    evaluate(instance, False)
    cursor, said = tick(instance, cursor)
    assert sent == [FAILS]
    assert said == "1 messages sent"
    evaluate(instance, False)
    cursor, _ = tick(instance, cursor)
    evaluate(instance, True)
    tick(instance, cursor)
    assert sent == [FAILS, "drift_score of drift_report passes again"]


CHECKS = sorted(defs.resolve_asset_graph().asset_check_keys)
SILENT = {
    "no address": ("FRAUD_ALERT_URLS", None),
    "Alertmanager": ("PROMETHEUS_PUSHGATEWAY_URL", "http://127.0.0.1:9"),
}


def test_every_check_that_fails_when_alerts_begin_is_announced_once(instance, sent):
    names = [(key.asset_key.to_user_string(), key.name) for key in CHECKS]
    fails = sorted(f"{check} of {asset} fails" for asset, check in names)
    for passed in (True, False, False):
        for asset, check in names:
            evaluate(instance, passed, asset, check)
    cursor, _ = tick(instance, None)
    assert sorted(sent) == fails
    for asset, check in names:
        evaluate(instance, False, asset, check)
    cursor, _ = tick(instance, cursor)
    tick(instance, None)  # restarted without its cursor
    assert sorted(sent) == fails
    evaluate(instance, True, *names[0])
    tick(instance, cursor)
    asset, check = names[0]
    assert sent[len(names) :] == [f"{check} of {asset} passes again"]


@pytest.mark.parametrize("how", SILENT)
def test_what_went_bad_while_alerts_were_off_is_announced_when_they_begin(
    instance, sent, monkeypatch, how
):
    name, value = SILENT[how]
    with monkeypatch.context() as patch:
        patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
        cursor, _ = tick(instance, None)
        evaluate(instance, False)
        evaluate(instance, False, "evaluation_report", "fraud_recall")
        evaluate(instance, True, "evaluation_report", "fraud_recall")
        instance.report_run_failed(instance.create_run_for_job(fraud_pipeline))
        cursor, _ = tick(instance, cursor)
        assert sent == []
    cursor, _ = tick(instance, cursor)
    assert sorted(sent) == ["A run of fraud_pipeline failed", FAILS]
    tick(instance, cursor)
    assert len(sent) == 2


def test_a_cursor_of_an_earlier_release_begins_anew(instance, sent):
    evaluate(instance, False)
    older = {"after": {"drift_report:drift_score": 99}, "runs_after": 0.0, "open": {}, "runs": [],
             "blocked": []}  # fmt: skip
    cursor, _ = tick(instance, json.dumps(older))
    assert sent == [FAILS]
    tick(instance, cursor)
    assert sent == [FAILS]


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
