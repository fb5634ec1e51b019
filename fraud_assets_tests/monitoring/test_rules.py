import shutil
import subprocess

import pytest
import yaml

from fraud_assets.config import environment, limits
from fraud_assets.monitoring.rules import all_alerts, rules_text, verdict_alerts

BATCH = 'fraud_batch_published_timestamp_seconds{{model="m",part="{part}",batch="june"}}'
MODEL = '{{model="m",part="{part}",job="fraud_assets"}}'


def pushed(part, **figures):
    series = {BATCH.format(part=part): "1000x400"}
    series |= {f"{name}{MODEL.format(part=part)}": f"{v}x400" for name, v in figures.items()}
    return series


def check(severity, value, detail="0.5 of 1"):
    return {
        f'fraud_asset_check_passed{{asset="a",check="c",severity="{severity}"}}': value,
        f'fraud_asset_check_detail_info{{asset="a",check="c",detail="{detail}"}}': "1x400",
    }


RUN = '{job_name="fraud_pipeline",location="l",status="failure"}'
TICK = 'dagster_sensor_last_tick_timestamp_seconds{sensor_name="csv_landing",location="l"}'
STILL = "0x400"
CASES = {
    "FraudRecallWatch": pushed("evaluation", test_fraud_recall=0.7),
    "FraudRecallCritical": pushed("evaluation", test_fraud_recall=0.5),
    "FalseAlarmRateWatch": pushed("evaluation", false_alarm_rate=0.01),
    "FalseAlarmRateCritical": pushed("evaluation", false_alarm_rate=0.03),
    "DriftWatch": pushed("drift", drift_score=0.1),
    "DriftCritical": pushed("drift", drift_score=0.31),
    "TooFewRowsToJudge": pushed("drift", drift_judged=0),
    "AssetCheckFailed": check("ERROR", STILL),
    "AssetCheckWarns": check("WARN", STILL),
    "AssetCheckFailedBriefly": check("ERROR", "1x400") | {
        'fraud_asset_check_evaluations_total{asset="a",check="c",result="failed"}': "0x390 1x9",
    },
    "PipelineRunFailed": {f"dagster_last_run_info{RUN}": "1x400"},
    "NoSuccessfulRun": {"fraud_pipeline_last_success_timestamp_seconds": "-90000x400"},
    "NoNewFile": {"fraud_last_file_timestamp_seconds": "-90000x400"},
    "FilesWaiting": {"fraud_files_waiting": "9x400"},
    "ChampionTooOld": {'fraud_champion_since_timestamp_seconds{model="m"}': "-2600000x400"},
    "IntakeSensorFailing": {TICK: STILL},
    "DaemonSilent": {'dagster_daemon_last_heartbeat_timestamp_seconds{daemon_type="D"}': STILL},
    "TargetDown": {'up{job="exporter",instance="e"}': STILL},
    "PushFailing": {
        'push_failure_time_seconds{part="drift"}': "200x400",
        'push_time_seconds{part="drift"}': "100x400",
    },
    "ExporterPartUnread": {'fraud_exporter_part_up{part="checks"}': STILL},
    "MetricsMissing": {"up": "1x400"},
    "FiguresNotPublished": {
        "fraud_pipeline_last_success_timestamp_seconds": "3000x400",
        'push_time_seconds{part="evaluation"}': "100x400",
    },
    "Watchdog": {"up": "1x400"},
}  # fmt: skip
"""For each alert the series in which it fires."""
GOOD = (
    pushed("evaluation", test_fraud_recall=0.8, false_alarm_rate=0.001)
    | pushed("drift", drift_score=0.05, drift_judged=1)
    | check("ERROR", "1x400")
    | {"fraud_files_waiting": "1x400", 'up{job="exporter"}': "1x400",
       'fraud_asset_check_evaluations_total{asset="a",check="c",result="failed"}': "7x400",
       f"dagster_completed_runs_total{RUN}": "2x400"}
)  # fmt: skip


def test_the_committed_rules_are_those_of_the_limits(pytestconfig):
    committed = (pytestconfig.rootpath / "prometheus" / "rules.yml").read_text()
    assert committed == rules_text(), "run `fraud-assets rules > prometheus/rules.yml`"


def test_every_alert_says_what_is_wrong_how_bad_and_what_to_do(pytestconfig):
    for alert in all_alerts():
        rule = alert.to_rule()
        assert rule["labels"]["severity"] in ("critical", "watch", "none")
        assert rule["annotations"]["summary"].endswith(".")
        address, _, runbook = rule["annotations"]["runbook_url"].rpartition("/")
        assert address == environment.runbooks_url()
        assert (pytestconfig.rootpath / "docs" / "runbooks" / runbook).is_file()
        assert rule["annotations"]["dashboard_url"].startswith(environment.grafana_url())


def test_the_limits_are_those_of_the_verdicts():
    watch, critical = verdict_alerts("X", "x", limits.DRIFT_SCORE, "is {value}")
    assert "(x) >= 0.1 and (x) <= 0.3" in watch.expr
    assert "(x) > 0.3" in critical.expr
    watch, critical = verdict_alerts("X", "x", limits.FRAUD_RECALL, "is {value}")
    assert "(x) < 0.8 and (x) >= 0.6" in watch.expr
    assert "(x) < 0.6" in critical.expr


@pytest.fixture
def promtool():
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed; `make servers` installs it where it may")
    return path


def judge(promtool, folder, tests):
    """Run promtool's rule tests."""
    (folder / "rules.yml").write_text(rules_text())
    text = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(text, width=1000))
    command = [promtool, "test", "rules", str(folder / "tests.yml")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode, found.stdout + found.stderr


def firing(series, at, name, alerts):
    listed = [{"series": s, "values": v} for s, v in series.items()]
    return {
        "interval": "15s",
        "input_series": listed,
        "alert_rule_test": [{"eval_time": at, "alertname": name, "exp_alerts": alerts}],
    }


@pytest.mark.integration
@pytest.mark.parametrize("name", [alert.name for alert in all_alerts()])
def test_each_alert_fires_in_its_case(promtool, tmp_path, name):
    code, said = judge(promtool, tmp_path, [firing(CASES[name], "99m", name, [])])
    assert code == 1, f"{name} did not fire"
    assert f'alertname="{name}"' in said


@pytest.mark.integration
def test_a_sensor_whose_last_tick_lies_in_the_future_is_told_of(promtool, tmp_path):
    series = {TICK: "90000x400"}
    code, said = judge(promtool, tmp_path, [firing(series, "20m", "IntakeSensorFailing", [])])
    assert code == 1
    assert 'alertname="IntakeSensorFailing"' in said


@pytest.mark.integration
def test_the_alert_of_a_failing_check_has_its_figures(promtool, tmp_path):
    code, said = judge(
        promtool, tmp_path, [firing(CASES["AssetCheckFailed"], "99m", "AssetCheckFailed", [])]
    )
    assert code == 1
    assert "c of a fails: 0.5 of 1." in said


@pytest.mark.integration
def test_no_alert_but_the_watchdog_fires_when_all_is_well(promtool, tmp_path):
    names = [alert.name for alert in all_alerts() if alert.name != "Watchdog"]
    code, said = judge(promtool, tmp_path, [firing(GOOD, "20m", name, []) for name in names])
    assert code == 0, said


@pytest.mark.integration
def test_a_pushgateway_that_is_away_announces_no_recovery(promtool, tmp_path):
    away = {series: "0.5x40 stale _x40" if "recall" in series else "1000x40 stale _x40"
            for series in CASES["FraudRecallCritical"]}  # fmt: skip
    code, said = judge(promtool, tmp_path, [firing(away, "15m", "FraudRecallCritical", [])])
    assert code == 1
    assert "Batch june: fraud recall is 0.5" in said


@pytest.mark.integration
def test_a_second_bad_batch_in_a_row_is_an_alert_of_its_own(promtool, tmp_path):
    first = BATCH.format(part="evaluation")
    two = {
        first: "1000x40 stale",
        first.replace("june", "july"): "_x40 2000x40",
        f"test_fraud_recall{MODEL.format(part='evaluation')}".replace("{{", "{").replace("}}", "}"):
            "0.5x81",
    }  # fmt: skip
    _, said = judge(promtool, tmp_path, [firing(two, "15m", "FraudRecallCritical", [])])
    assert "july" in said
    assert "june" not in said


@pytest.mark.integration
def test_promtool_finds_nothing_to_complain_about(promtool, pytestconfig):
    rules = pytestconfig.rootpath / "prometheus" / "rules.yml"
    command = [promtool, "check", "rules", "--lint=all", "--lint-fatal", str(rules)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
