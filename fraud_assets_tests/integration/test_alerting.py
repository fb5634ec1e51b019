"""A bad CSV reaches a person, once, through the real servers; the recovery does, too."""

import json
import os
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import requests

from fraud_assets.config import environment
from fraud_assets_tests.integration.alerting import alerting
from fraud_assets_tests.integration.conftest import cards, require
from fraud_assets_tests.integration.preview import asking, draw
from fraud_assets_tests.integration.servers import ROOT, dagster, drop_csv, wait_for

CRITICAL = "FraudRecallCritical"
SILENCE = 300
"""Seconds in which the Watchdog says nothing, at most. Prometheus evaluates its rules before it has
found Alertmanager, so that what fires at its start is sent a resend-delay later; killed within
that minute, it waits for another, and an Alertmanager that was killed waits as long."""


def meaningless(seed, **settings):
    """Transactions whose labels are shuffled."""
    frame = cards(seed, **settings)
    frame["TX_FRAUD"] = np.random.default_rng(seed).permutation(frame["TX_FRAUD"])
    return frame


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The whole chain, with a champion in charge."""
    folder, home = tmp_path_factory.mktemp("alerting"), tmp_path_factory.mktemp("stack")
    with (
        alerting(folder, home) as (servers, inbox),
        dagster(home, PROMETHEUS_PUSHGATEWAY_URL=servers.url("pushgateway")) as stack,
    ):
        drop(stack, "first", cards(0))
        yield servers, inbox, stack


def drop(stack, batch, frame):
    """Drop a CSV whole, and wait until its run is over."""
    drop_csv(stack.folder, batch, frame)
    run = stack.wait_for_run(batch)
    assert run["status"] == "SUCCESS"


def said_in_slack(inbox, text):
    """Whether Slack was told something; one message may be about several alerts and batches."""
    return any(text in part["text"] for _, m in inbox.slack for part in m["attachments"])


def test_a_bad_csv_reaches_a_person_with_its_figures(watched):
    servers, inbox, stack = watched
    assert inbox.find("firing", CRITICAL) is None
    drop(stack, "bad", meaningless(1, first_day="2026-01-22"))
    pushed = servers.pushed_at("evaluation")
    when, alert = wait_for("the message", lambda: inbox.find("firing", CRITICAL, "bad"), 180)
    print(f"message {when - pushed:.1f} s after the push")
    assert alert["annotations"]["summary"].startswith("Batch bad: fraud recall is 0")
    assert alert["annotations"]["runbook_url"] == f"{environment.runbooks_url()}/{CRITICAL}.md"
    mail = wait_for("the mail", lambda: next((m for m in inbox.mails if CRITICAL in m), None), 180)
    assert "fraud recall is 0" in mail
    wait_for("Slack", lambda: said_in_slack(inbox, "fraud recall is 0"), 180)


@pytest.mark.parametrize("name", ["prometheus", "pushgateway", "alertmanager"])
def test_a_server_that_is_killed_announces_no_recovery_and_doubles_no_message(watched, name):
    servers, inbox, _ = watched
    time.sleep(5)  # Alertmanager notes what it sent every two seconds.
    before = inbox.contents()
    servers.kill(name)
    time.sleep(8)
    servers.start(name)
    time.sleep(14)
    after = inbox.contents()[len(before) :]
    assert not [c for m in after for c in m if c[0] == CRITICAL and c[3] == "resolved"]
    assert not [m for m in after if m in before]
    assert servers.query(f'ALERTS{{alertname="{CRITICAL}",alertstate="firing"}}')


def test_a_second_bad_batch_in_a_row_is_announced_too_and_its_name_does_nothing(watched):
    _, inbox, stack = watched
    drop(stack, "worse <!channel> & <b>", meaningless(2, first_day="2026-02-12"))
    wait_for("the second message", lambda: inbox.find("firing", CRITICAL, "worse"), 180)
    escaped = "Batch worse &lt;!channel&gt; &amp; &lt;b&gt;: fraud recall"
    wait_for("the name in Slack", lambda: said_in_slack(inbox, escaped), 180)
    assert "<!channel>" not in str(inbox.slack)


def test_a_good_csv_brings_the_recovery(watched):
    servers, inbox, stack = watched
    drop(stack, "good", cards(3, first_day="2026-03-05"))
    pushed = servers.pushed_at("evaluation")
    when, _ = wait_for("the recovery", lambda: inbox.find("resolved", CRITICAL, "worse"), 180)
    print(f"recovery {when - pushed:.1f} s after the push")


def test_every_panel_of_every_dashboard_has_data(watched):
    servers, _, _ = watched
    empty = []
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                expr = target["expr"].replace("$model", "fraud_detector")
                if not servers.query(expr):
                    empty.append(f"{path.stem}: {panel['title']}: {expr}")
    assert empty == []


@pytest.mark.parametrize("uid", ["fraud-model-monitoring", "fraud-pipeline-health"])
def test_grafana_s_own_components_draw_every_panel(watched, tmp_path, uid):
    servers, inbox, _ = watched
    dashboard = json.loads((ROOT / "grafana" / "dashboards" / f"{uid}.json").read_text())
    faults, picture = draw(dashboard, asking(servers, inbox.started), tmp_path)
    assert faults == []
    assert picture.stat().st_size > 30_000
    if os.environ.get("FRAUD_PICTURES"):
        shutil.copy(picture, Path(os.environ["FRAUD_PICTURES"]) / picture.name)


def test_the_watchdog_tells_that_alerts_get_through_and_nobody_else(watched):
    _, inbox, _ = watched
    told = [inbox.started, *(when for when, _ in inbox.alive), time.time()]
    silence = max(later - earlier for earlier, later in pairwise(told))
    print(f"the Watchdog told {len(inbox.alive)} times, with at most {silence:.0f} s between")
    assert silence < SILENCE
    assert {a["labels"]["alertname"] for _, m in inbox.alive for a in m["alerts"]} == {"Watchdog"}
    assert inbox.find("firing", "Watchdog") is None


def test_promtool_finds_no_fault_with_the_exporter(watched):
    servers, _, _ = watched
    text = requests.get(f"{servers.url('exporter')}/metrics", timeout=30).text
    command = [require("promtool"), "check", "metrics"]
    found = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert found.stdout + found.stderr == ""


def test_every_target_answers_and_every_part_of_the_exporter_is_read(watched):
    servers, _, _ = watched
    assert {r["metric"]["job"]: r["value"][1] for r in servers.query("up")} == dict.fromkeys(
        ["pushgateway", "exporter", "prometheus", "alertmanager"], "1"
    )
    assert {r["value"][1] for r in servers.query("fraud_exporter_part_up")} == {"1"}
    assert servers.query('dagster_sensor_last_tick_status{sensor_name="csv_landing"}')
    assert servers.query("dagster_daemon_last_heartbeat_timestamp_seconds")
    assert servers.query('fraud_champion_info{version="1"}')
