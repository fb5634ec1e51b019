"""The full stack as a user meets it: up, a CSV, the verdict everywhere, behind one login."""

import csv
import io
import json
import re
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import psycopg2
import pytest
import requests

from fraud_assets import storage
from fraud_assets.registry.log import read_entries
from fraud_assets_tests.integration.compose import ask, browsing, composed, drop
from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.contained import why_not
from fraud_assets_tests.integration.servers import wait_for

PRIVATE = ("4539578763621486", "Zoe Quixote", "Sancho Panza")
"""A card number and two names, in a good row and in two that are rejected."""
PLANTED = "planted-" + secrets.token_hex(8)
"""Stands in for the secrets of a receiver, and is looked for afterwards."""
EVIL = (
    "<img src=x onerror=document.title='pwned'>",
    "=cmd|'/C calc'!A0",
    "<script>alert(1)</script>",
)


@pytest.fixture(scope="module")
def stack():
    with composed(contained=True) as running:
        (running.folder / "secrets" / "token").write_text(PLANTED)
        (running.folder / "alerts.env").write_text(
            "FRAUD_ALERT_WEBHOOK_URL=http://127.0.0.1:9/\n"
            f"FRAUD_ALERT_WEBHOOK_TOKEN_FILE={running.folder / 'secrets' / 'token'}\n"
        )
        running.up()
        drop(running, "first", cards(0))
        assert running.dagster().wait_for_run("first")["status"] == "SUCCESS"
        yield running


def visit(stack, port, path, look):
    """Open a page behind the login in a real browser; return what `look` makes of it."""
    with browsing(stack) as page:
        page.goto(f"{stack.url('proxy', port)}{path}", wait_until="domcontentloaded")
        return look(page)


def test_a_dropped_csv_ends_as_champion_in_mlflow_and_figure_in_prometheus(stack):
    answer = requests.get(
        f"{stack.url('proxy', 5001)}/api/2.0/mlflow/registered-models/alias",
        params={"name": "fraud_detector", "alias": "champion"}, auth=stack.login, timeout=30,
    )  # fmt: skip
    assert answer.json()["model_version"]["version"] == "1"
    figures = wait_for("the figure", lambda: stack.ask_prometheus("test_fraud_recall"), 30)
    report = json.loads((stack.folder / "var/reports/first/evaluation_report.json").read_text())
    assert float(figures[0]["value"][1]) == pytest.approx(report["metrics"]["test_fraud_recall"])


def test_a_person_sees_the_run_behind_the_login_and_the_page_is_drawn(stack):
    run_id = stack.dagster().runs("first")[0]["runId"]

    def look(page):
        page.get_by_text("fraud_pipeline").first.wait_for(timeout=60_000)
        page.get_by_text("Success").first.wait_for(timeout=60_000)
        return page.title()

    assert run_id[:8] in visit(stack, 8080, f"/runs/{run_id}", look)


def test_mlflow_is_used_behind_the_login_without_another(stack):
    def look(page):
        page.get_by_text("fraud_detector").first.wait_for(timeout=60_000)
        return True

    assert visit(stack, 5001, "/#/models", look)


def test_a_bad_csv_is_an_alert_in_alertmanager(stack):
    frame = cards(1, first_day="2026-01-22")
    frame["TX_FRAUD"] = np.random.default_rng(1).permutation(frame["TX_FRAUD"])
    drop(stack, "bad", frame)
    assert stack.dagster().wait_for_run("bad")["status"] == "SUCCESS"
    url = f"{stack.url('alertmanager', 9093)}/api/v2/alerts"

    def critical():
        alerts = requests.get(url, timeout=10).json()
        return [a for a in alerts if a["labels"]["alertname"] == "FraudRecallCritical"]

    (alert,) = wait_for("the alert", critical, 60)
    assert alert["labels"]["batch"] == "bad"
    runbook = alert["annotations"]["runbook_url"].rpartition("/")[2]
    page = requests.get(
        f"{stack.url('proxy', 8080)}/runbooks/{runbook}", auth=stack.login, timeout=10
    )
    assert page.text.startswith("# FraudRecallCritical")


@pytest.mark.parametrize(
    ("port", "path"),
    [
        (8080, "/graphql"), (8080, "/server_info"), (8080, "/runbooks/Watchdog.md"),
        (5001, "/api/2.0/mlflow/experiments/search"), (5001, "/"),
        (9090, "/api/v1/query?query=up"), (3000, "/api/health"), (3000, "/"),
    ],
)  # fmt: skip
def test_without_the_login_nothing_is_answered(stack, port, path):
    for auth in (None, ("fraud", "wrong")):
        answer = requests.get(f"{stack.url('proxy', port)}{path}", auth=auth, timeout=10)
        assert answer.status_code == 401
        assert answer.text == ""
    asked = requests.post(
        f"{stack.url('proxy', port)}{path}", json={"query": "{ version }"}, timeout=10
    )
    assert asked.status_code == 401


def test_mlflow_lets_nobody_in_even_from_within_the_network(stack):
    url = f"{stack.url('mlflow', 5000)}/api/2.0/mlflow/experiments/search?max_results=1"
    assert requests.get(url, timeout=10).status_code == 401
    mine = ("fraud", stack.secrets["MLFLOW_PASSWORD"])
    assert requests.get(url, auth=mine, timeout=10).status_code == 200
    strange = requests.get(url, auth=mine, headers={"Host": "evil.example"}, timeout=10)
    assert strange.status_code == 403


def test_the_two_roles_of_the_database_see_nothing_of_each_other(stack):
    for role, other in (("dagster", "mlflow"), ("mlflow", "dagster")):
        place = {"host": "127.0.0.1", "port": stack.port("postgres", 5432), "user": role}
        password = stack.secrets[f"{role.upper()}_DB_PASSWORD"]
        with psycopg2.connect(**place, password=password, dbname=role) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = %s",
                [role],
            )
            assert cursor.fetchone() == (False, False, False)
        for database in (other, "postgres"):
            with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                psycopg2.connect(**place, password=password, dbname=database)
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**place, password="wrong", dbname=role)


def test_making_the_databases_and_migrating_again_changes_nothing(stack):
    for name in ("databases", "migrate-dagster", "migrate-mlflow", "mlflow-login"):
        stack.run(name)
    assert stack.dagster().runs("first")[0]["status"] == "SUCCESS"


def connections_of(process):
    """What a process is connected to; nothing when it has just ended."""
    try:
        return process.net_connections("inet")
    except psutil.NoSuchProcess:
        return []


def test_every_port_that_is_listened_on_is_one_of_the_compose_file(stack):
    # Each process listens on what `expose` and `ports` say; MLflow's workers share their socket.
    for name in stack.living():
        listening = {
            connection.laddr.port
            for process in [stack.process(name), *stack.process(name).children(recursive=True)]
            for connection in connections_of(process)
            if connection.status == psutil.CONN_LISTEN and connection.type == socket.SOCK_STREAM
        }
        assert listening <= stack.ports(name), name


def test_services_are_not_root_have_no_rights_and_may_not_write_to_the_system(stack):
    if not stack.contained:
        pytest.skip(f"services are plain processes here: {why_not()}")
    for name in stack.living():
        about = Path(f"/proc/{stack.process(name).pid}")
        status = dict(line.split(":\t", 1) for line in (about / "status").read_text().splitlines())
        assert "0" not in status["Uid"].split(), name
        assert {int(status[kind], 16) for kind in ("CapPrm", "CapEff", "CapAmb")} == {0}, name
        assert status["NoNewPrivs"] == "1", name
        mounts = [line.split() for line in (about / "mountinfo").read_text().splitlines()]
        assert [m[5].split(",")[0] for m in mounts if m[4] == "/"][-1] == "ro", name
    given = {name: s["cap_add"] for name, s in stack.services.items() if "cap_add" in s}
    assert given == {"proxy": ["NET_BIND_SERVICE"]}


def test_markup_and_formulas_in_a_csv_stay_text(stack):
    frame = cards(3, first_day="2026-02-12")
    text = frame.assign(**{EVIL[0]: 1.5}).astype(object)
    text.loc[5, "TX_AMOUNT"], text.loc[6, EVIL[0]] = EVIL[1], EVIL[2]
    text.loc[7, "TRANSACTION_ID"] = EVIL[1]
    text.loc[8, "CUSTOMER_ID"], text.loc[9, "TX_AMOUNT"], text.loc[10, "TX_FRAUD"] = PRIVATE
    drop(stack, "evil", text)
    run = stack.dagster().wait_for_run("evil")

    def look(page):
        page.get_by_text("raw_transactions").first.wait_for(timeout=60_000)
        page.wait_for_timeout(4000)
        return page.title()

    for path in (f"/runs/{run['runId']}", "/assets/raw_transactions?partition=evil"):
        assert "pwned" not in visit(stack, 8080, path, look)
    reports = stack.folder / "var" / "reports" / "evil"
    for table in (stack.folder / "var" / "rejected" / "evil.csv", *reports.glob("*.csv")):
        for row in csv.reader(io.StringIO(table.read_text())):
            assert not any(cell.startswith(("=", "+", "@")) for cell in row), table.name
    for report in reports.glob("*.md"):
        assert "<img" not in report.read_text()
        assert "<script" not in report.read_text()


def test_a_wide_file_with_a_long_name_comes_through(stack):
    # Tables of PostgreSQL hold texts of limited length; those of SQLite take any.
    narrow, name = cards(8, transactions=2500), "wide" * 60
    values = np.random.default_rng(8).normal(size=(len(narrow), 400)).round(3)
    more = pd.DataFrame(values, columns=[f"reading_of_sensor_{n}" for n in range(400)])
    drop(stack, name, narrow.join(more))
    assert stack.dagster().wait_for_run(name)["status"] == "SUCCESS"


def test_no_secret_is_in_logs_reports_events_or_models(stack):
    planted = [PLANTED, *(v for n, v in stack.secrets.items() if not n.endswith("HASH"))]
    found = []
    for folder in ("logs", "volumes/fraud", "volumes/mlflow", "volumes/receivers", "mounts"):
        for path in (stack.folder / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                found += [(path.name, s[:6]) for s in planted if s.encode() in content]
    assert found == []
    for name in ("dagster", "mlflow"):
        dump = _dump(stack, name)
        assert [secret[:6] for secret in planted if secret in dump] == []
    commands = "\n".join(" ".join(stack.process(name).cmdline()) for name in stack.living())
    assert [secret[:6] for secret in planted if secret in commands] == []


def test_card_numbers_and_names_are_in_no_database_no_log_and_no_file_but_two(stack):
    kept = {"raw_transactions", "rejected"}
    found = [
        path
        for folder in ("logs", "volumes", "mounts")
        for path in (stack.folder / folder).rglob("*")
        if path.is_file() and not kept & set(path.parts)
        and any(secret.encode() in path.read_bytes() for secret in PRIVATE)
    ]  # fmt: skip
    assert found == []
    for name in ("dagster", "mlflow"):
        assert not any(secret in _dump(stack, name) for secret in PRIVATE)
    metrics = requests.get(f"{stack.url('exporter', 9101)}/metrics", timeout=30).text
    assert "fraud_asset_check_detail_info" in metrics
    assert not any(secret in metrics for secret in PRIVATE)


def _dump(stack, name):
    """A database as text."""
    env = stack.environment("backup") | {"PGPASSWORD": stack.secrets[f"{name.upper()}_DB_PASSWORD"]}
    return subprocess.run(
        ["pg_dump", "--host=127.0.0.1", f"--port={stack.port('postgres', 5432)}",
         f"--username={name}", name], env=env, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_a_backup_restored_on_an_empty_machine_has_the_champion_and_the_partitions(stack):
    assert "backup" in stack.run("backup")
    (backup,) = [p for p in (stack.folder / "backups").iterdir() if re.match(r"\d{8}T", p.name)]
    before = _state(stack)
    # Another machine has other passwords; the key of card tokens is that of its rows.
    key = stack.secrets["FRAUD_HASH_KEY"]
    with composed(contained=True, FRAUD_HASH_KEY=key) as other:
        shutil.copytree(backup, other.folder / "backups" / backup.name)
        other.up("databases")
        ask(other, "dagster", "create table of_a_newer_version (number int)")
        assert f"restored {backup.name}" in other.run("restore")
        assert ask(other, "dagster", "select to_regclass('of_a_newer_version')") is None
        other.up("webserver", "daemon")
        assert _state(other) == before
        drop(other, "after", cards(5, first_day="2026-03-05"))
        assert other.dagster().wait_for_run("after")["status"] == "SUCCESS"
        damaged = other.folder / "backups" / "29990101T000000Z"
        shutil.copytree(other.folder / "backups" / backup.name, damaged)
        (damaged / "mlflow.tar").write_bytes(b"")
        with pytest.raises(AssertionError, match="is damaged; nothing was changed"):
            other.run("restore")
        assert "after" in other.dagster().partitions()


def _state(stack):
    """The champion, the batches, the decisions and the reports."""
    url = f"{stack.url('mlflow', 5000)}/api/2.0/mlflow/registered-models/alias"
    answer = requests.get(
        url, params={"name": "fraud_detector", "alias": "champion"},
        auth=("fraud", stack.secrets["MLFLOW_PASSWORD"]), timeout=30,
    ).json()["model_version"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(stack.folder / "var"))
        decisions = read_entries(storage.decisions_path())
    reports = {
        str(path.relative_to(stack.folder / "var")): path.read_text()
        for path in sorted((stack.folder / "var" / "reports").rglob("*.json"))
    }
    runs = sorted((run["runId"], run["status"]) for run in stack.dagster().runs())
    return (
        answer["version"],
        answer["run_id"],
        stack.dagster().partitions(),
        decisions,
        reports,
        runs,
    )
