"""A real Pushgateway receives the figures, each part in a group of its own."""

import subprocess
import time

import pytest
import requests

from fraud_assets.monitoring.exposition import delete_stale_groups, push, to_registry
from fraud_assets_tests.integration.conftest import checks_of, require
from fraud_assets_tests.integration.servers import environment, free_port, running


@pytest.fixture
def gateway(tmp_path):
    program, port = require("prometheus-pushgateway"), free_port()
    # Debian's package would keep what was pushed, from one test to the next.
    command = [program, f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="]
    url = f"http://127.0.0.1:{port}"
    with running(command, environment(tmp_path), tmp_path / "gateway.log", f"{url}/-/ready"):
        yield url


PUBLISHED = ["published_drift", "published_metrics"]
"""What pushes. The rest of the graph has come before, in the home from which a test starts."""


def test_the_figures_arrive_under_their_names_in_two_groups(after_second, gateway, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", gateway)
    result = after_second.run("first", PUBLISHED)
    assert result.success
    assert checks_of(result)["push_succeeded"].passed
    groups = requests.get(f"{gateway}/api/v1/metrics", timeout=30).json()["data"]
    parts = {group["labels"]["part"]: group for group in groups}
    assert set(parts) == {"drift", "evaluation"}
    assert parts["evaluation"]["labels"]["job"] == "fraud_assets"
    assert "test_fraud_recall" in parts["evaluation"]
    assert "drift_score" not in parts["drift"]  # the first batch has no champion before it
    assert after_second.run("second", PUBLISHED).success
    groups = requests.get(f"{gateway}/api/v1/metrics", timeout=30).json()["data"]
    assert "drift_score" in next(g for g in groups if g["labels"]["part"] == "drift")


def test_promtool_finds_no_fault_but_the_names_that_the_user_chose(
    after_second, gateway, monkeypatch
):
    promtool = require("promtool")
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", gateway)
    assert after_second.run("second", PUBLISHED).success
    text = requests.get(f"{gateway}/metrics", timeout=30).text
    found = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    faults = [line for line in (found.stdout + found.stderr).splitlines() if line]
    chosen = ("frauds_detected_count", "frauds_missed_count", "false_alarms_count")
    theirs = ("push_", "pushgateway_", "go_", "process_")
    assert [line for line in faults if not line.startswith((*chosen, *theirs))] == []


def test_a_gateway_that_is_away_fails_the_check_and_not_the_run(after_second, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", f"http://127.0.0.1:{free_port()}")
    result = after_second.run("second", PUBLISHED)
    assert result.success
    push = checks_of(result)["push_succeeded"]
    assert not push.passed
    assert "check that the Pushgateway" in push.description


def test_groups_that_nobody_pushes_any_more_are_deleted_and_others_stay(gateway):
    registry = to_registry("m", {"drift_score": 0.1}, {"batch": "june"})
    for model in ("old", "current"):
        assert push(registry, gateway, model, "drift").pushed
        time.sleep(0.2)
    theirs = f"{gateway}/metrics/job/other"
    assert requests.post(theirs, data="their_metric 1\n", timeout=30).ok
    groups = requests.get(f"{gateway}/api/v1/metrics", timeout=30).json()["data"]
    newest = max(
        float(group["push_time_seconds"]["metrics"][0]["value"])
        for group in groups
        if group["labels"].get("model") == "current"
    )
    assert delete_stale_groups(gateway, newest) == 1
    left = requests.get(f"{gateway}/api/v1/metrics", timeout=30).json()["data"]
    assert {group["labels"].get("model", "theirs") for group in left} == {"current", "theirs"}
