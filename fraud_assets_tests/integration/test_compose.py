"""The full stack as a user meets it: up, a CSV, the verdict everywhere, behind one login."""

import csv
import io
import json
import pickle
import re
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import psycopg2
import pytest
import requests
import yaml

from fraud_assets.access.accounts import Role, put_account
from fraud_assets.store import paths
from fraud_assets.store.append_only import is_protected
from fraud_assets.store.decision_log import read_entries
from fraud_assets_tests.integration.compose import ask, browsing, composed, drop
from fraud_assets_tests.integration.conftest import PLANTED, cards
from fraud_assets_tests.integration.contained import IMAGE_UID, why_not
from fraud_assets_tests.integration.other_site import MUTATION, attack, by_the_page_itself
from fraud_assets_tests.integration.servers import ROOT, wait_for

PRIVATE = ("4539578763621486", "Zoe Quixote", "Sancho Panza")
"""A card number and two names, in a good row and in two that are rejected."""
EVIL = (
    "<img src=x onerror=document.title='pwned'>",
    "=cmd|'/C calc'!A0",
    "<script>alert(1)</script>",
)


@pytest.fixture(scope="module")
def stack(full_stack):
    return full_stack


def visit(stack, port, path, look, login=None):
    """Open a page behind the login in a real browser; return what `look` makes of it."""
    with browsing(stack, login) as page:
        page.goto(f"{stack.url('proxy', port)}{path}", wait_until="domcontentloaded")
        return look(page)


def test_a_dropped_csv_ends_as_champion_in_mlflow_and_figure_in_prometheus(stack):
    answer = requests.get(
        f"{stack.url('proxy', 5001)}/api/2.0/mlflow/registered-models/alias",
        params={"name": "fraud_detector", "alias": "champion"}, auth=stack.login, timeout=30,
    )  # fmt: skip
    assert answer.json()["model_version"]["version"] == "1"
    figures = wait_for("the figure", lambda: stack.ask_prometheus("test_fraud_recall"), 180)
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
        alerts = requests.get(url, timeout=30).json()
        return [a for a in alerts if a["labels"]["alertname"] == "FraudRecallCritical"]

    (alert,) = wait_for("the alert", critical, 180)
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
        answer = requests.get(f"{stack.url('proxy', port)}{path}", auth=auth, timeout=30)
        assert answer.status_code == 401
        assert answer.text == ""
    asked = requests.post(
        f"{stack.url('proxy', port)}{path}", json={"query": "{ version }"}, timeout=10
    )
    assert asked.status_code == 401


def test_another_site_can_do_nothing_in_the_browser_of_somebody_who_is_logged_in(stack):
    before = set(stack.dagster().partitions())
    urls = stack.url("proxy", 8080), stack.url("proxy", 5001)
    with browsing(stack) as page:
        page.goto(urls[1], wait_until="domcontentloaded")
        assert attack(page, *urls) == "done: socket refused"
        assert set(stack.dagster().partitions()) == before
        by_the_page_itself(page, urls[0])
    assert set(stack.dagster().partitions()) == before | {"by-the-page"}
    assert "evil" not in experiments(stack)


def experiments(stack):
    """The names of MLflow's experiments."""
    url = f"{stack.url('mlflow', 5000)}/api/2.0/mlflow/experiments/search?max_results=100"
    mine = ("fraud", stack.secrets["MLFLOW_PASSWORD"])
    found = requests.get(url, auth=mine, timeout=30).json()["experiments"]
    return {experiment["name"] for experiment in found}


@pytest.fixture(scope="module")
def people(stack):
    """Accounts of every role, with a password of their own."""
    path = stack.volume("access") / "accounts.json"
    accounts = {}
    for role in Role:
        put_account(path, f"a-{role}", role, f"the password of a {role}")
        accounts[role] = (f"a-{role}", f"the password of a {role}")
    if stack.contained:
        shutil.chown(path, IMAGE_UID, IMAGE_UID)
    return accounts


LAUNCH = """mutation { launchPipelineExecution(executionParams: {mode: "default", selector: {
  repositoryLocationName: "fraud_assets", repositoryName: "__repository__",
  pipelineName: "__ASSET_JOB", assetSelection: [{path: ["simulated_transactions"]}]}}) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""


def launched_by(stack, login):
    """What GraphQL answers to somebody who wants a run."""
    url = f"{stack.url('proxy', 8080)}/graphql"
    answer = requests.post(url, json={"query": LAUNCH}, auth=login, timeout=60).json()
    return answer["data"]["launchPipelineExecution"]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_a_viewer_sees_everything_and_changes_nothing(stack, people, role):
    login, before = people[role], len(stack.dagster().runs())
    assert launched_by(stack, login)["__typename"] == "UnauthorizedError"
    url = f"{stack.url('proxy', 8080)}/graphql"
    body = {"query": MUTATION % "of-a-viewer"}
    assert "UnauthorizedError" in requests.post(url, json=body, auth=login, timeout=60).text
    assert len(stack.dagster().runs()) == before
    assert "of-a-viewer" not in stack.dagster().partitions()
    for port, path in ((8080, "/server_info"), (9090, "/api/v1/query?query=up"),
                       (5001, "/api/2.0/mlflow/registered-models/search"),
                       (8080, "/runbooks/Watchdog.md")):  # fmt: skip
        found = requests.get(f"{stack.url('proxy', port)}{path}", auth=login, timeout=30)
        assert found.status_code == 200, (port, path)
    mlflow = f"{stack.url('proxy', 5001)}/api/2.0/mlflow"
    alias = {"name": "fraud_detector", "alias": "champion", "version": "1"}
    for path, body in (("experiments/create", {"name": "of a viewer"}),
                       ("registered-models/alias", alias)):  # fmt: skip
        assert (
            requests.post(f"{mlflow}/{path}", json=body, auth=login, timeout=30).status_code == 403
        )
    assert (
        requests.put(f"{mlflow}-artifacts/artifacts/x", auth=login, timeout=30).status_code == 403
    )
    assert "of a viewer" not in experiments(stack)


def test_a_viewer_sees_mlflow_drawn(stack, people):
    def look(page):
        page.get_by_text("fraud_detector").first.wait_for(timeout=60_000)
        return True

    assert visit(stack, 5001, "/#/models", look, people["viewer"])


def test_an_operator_launches_runs_under_their_name_and_writes_nothing_in_mlflow(stack, people):
    answer = launched_by(stack, people["operator"])
    assert answer["__typename"] == "LaunchRunSuccess"
    tags = stack.dagster().wait_for_id(answer["run"]["runId"])["tags"]
    assert {"key": "fraud/user", "value": "a-operator"} in tags
    url = f"{stack.url('proxy', 5001)}/api/2.0/mlflow/experiments/create"
    body = {"name": "of an operator"}
    assert requests.post(url, json=body, auth=people["operator"], timeout=30).status_code == 403
    assert requests.post(url, json=body, auth=people["admin"], timeout=30).status_code == 200


def test_headers_about_people_are_the_proxy_s_alone(stack, people):
    forged = {"Remote-User": "a-admin", "Remote-Role": "admin", "X-Webauth-User": "a-admin"}
    url = f"{stack.url('proxy', 8080)}/graphql"
    answer = requests.post(
        url, json={"query": LAUNCH}, auth=people["viewer"], headers=forged, timeout=60
    ).json()
    assert answer["data"]["launchPipelineExecution"]["__typename"] == "UnauthorizedError"
    assert requests.get(url, headers=forged, timeout=30).status_code == 401
    with stand_in(stack, "grafana", 3000) as seen:
        requests.get(
            f"{stack.url('proxy', 3000)}/", auth=people["viewer"], headers=forged, timeout=9
        )
    told = {name.lower(): value for name, value in seen[-1].items()}
    assert (told["x-webauth-user"], told["x-webauth-role"]) == ("a-viewer", "Viewer")
    assert "authorization" not in told


@contextmanager
def stand_in(stack, name, port):
    """Listen where a service would that cannot run here; yields the headers of what arrives."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", stack.port(name, port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield seen
    server.shutdown()
    server.server_close()


def test_guesses_at_a_password_are_slowed_down_and_the_log_holds_none(stack, people):
    url = f"{stack.url('proxy', 9090)}/-/ready"
    answers = [
        requests.get(url, auth=("a-admin", f"guess {n} of a password"), timeout=30).status_code
        for n in range(12)
    ]
    # Those of the tests before count, too: all come from one address.
    assert 401 in answers
    assert answers[-1] == 429
    assert answers == sorted(answers)
    access = [json.loads(line) for line in stack.log("identity").splitlines() if line[:1] == "{"]
    assert {"a-operator", "a-viewer", None} <= {entry["login"] for entry in access}
    assert {200, 401, 429} <= {entry["answer"] for entry in access}
    assert any(entry["path"] == "/graphql" for entry in access)
    assert "guess" not in stack.log("proxy") + stack.log("identity")
    assert "the password of" not in stack.log("proxy") + stack.log("identity")


def test_mlflow_lets_nobody_in_even_from_within_the_network(stack):
    url = f"{stack.url('mlflow', 5000)}/api/2.0/mlflow/experiments/search?max_results=1"
    assert requests.get(url, timeout=30).status_code == 401
    mine = ("fraud", stack.secrets["MLFLOW_PASSWORD"])
    assert requests.get(url, auth=mine, timeout=30).status_code == 200
    strange = requests.get(url, auth=mine, headers={"Host": "evil.example"}, timeout=30)
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
    once = ["LINUX_IMMUTABLE", "FOWNER", "CHOWN", "DAC_OVERRIDE"]
    logs = {"decision-log": once, "open-decision-log": once}
    assert given == {"proxy": ["NET_BIND_SERVICE"], **logs}


def test_a_run_can_append_to_the_decision_log_and_not_rewrite_it(stack):
    log = stack.folder / "var" / "registry" / "decisions.jsonl"
    if not is_protected(log):
        pytest.skip(f"not protected here: {stack.log('decision-log')}")
    before = log.read_bytes()
    assert before.count(b"\n") >= 1
    # As root, who may do all that a run may and more.
    for attempt in (
        lambda: log.write_bytes(b""),
        log.unlink,
        lambda: log.rename(log.with_suffix(".old")),
        lambda: (log.parent / "new").replace(log),
        lambda: log.parent.resolve().rename(log.parent.resolve().with_name("old")),
    ):
        (log.parent / "new").touch()
        with pytest.raises(PermissionError):
            attempt()
    assert log.read_bytes() == before
    with log.open("ab"):
        pass


@pytest.fixture(scope="module")
def mark(stack):
    """A file that a model writes when it is opened as MLflow would: all of them are altered so."""
    mark = stack.folder / "data" / "ran"
    api = f"{stack.url('mlflow', 5000)}/api/2.0"
    mine = ("fraud", stack.secrets["MLFLOW_PASSWORD"])
    reader = ("reader", stack.secrets["MLFLOW_READER_PASSWORD"])
    searched = {"experiment_ids": ["1"], "max_results": 50}
    models = requests.post(
        f"{api}/mlflow/logged-models/search", json=searched, auth=mine, timeout=30
    ).json()["models"]
    assert models
    for model in models:
        place = model["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/").strip("/")
        folder = f"{api}/mlflow-artifacts/artifacts/{place}"
        about = yaml.safe_load(requests.get(f"{folder}/MLmodel", auth=mine, timeout=30).text)
        follow = {"pickled_model": "evil.pkl", "serialization_format": "pickle"}
        about["flavors"]["sklearn"] |= follow
        altered = {"MLmodel": yaml.safe_dump(about), "evil.pkl": pickle.dumps(Attack(mark))}
        for name, content in altered.items():
            refused = requests.put(f"{folder}/{name}", data=content, auth=reader, timeout=30)
            assert refused.status_code == 403
            taken = requests.put(f"{folder}/{name}", data=content, auth=mine, timeout=30)
            assert taken.status_code == 200
    return mark


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "ran")


def test_markup_and_formulas_in_a_csv_stay_text(stack):
    frame = cards(3, transactions=2500, first_day="2026-02-12")
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


def test_a_wide_file_with_a_long_name_comes_through_and_altered_models_run_nothing(stack, mark):
    # Tables of PostgreSQL hold texts of limited length; those of SQLite take any.
    narrow, name = cards(8, transactions=2500), "wide" * 60
    values = np.random.default_rng(8).normal(size=(len(narrow), 400)).round(3)
    more = pd.DataFrame(values, columns=[f"reading_of_sensor_{n}" for n in range(400)])
    drop(stack, name, narrow.join(more))
    assert stack.dagster().wait_for_run(name)["status"] == "SUCCESS"
    assert not mark.exists()


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


def test_a_backup_restored_on_an_empty_machine_has_the_champion_and_the_partitions(stack, tmp_path):
    with pytest.raises(AssertionError, match="no public key backup.asc in keys/"):
        stack.run("backup")
    make_key = ["bash", ROOT / "scripts" / "backup_key.sh"]
    subprocess.run([*make_key, stack.folder / "keys/backup.asc", tmp_path / "private"], check=True)
    assert re.search(r"^backup \d{8}T\d{6}Z: ", stack.run("backup"), re.MULTILINE)
    (backup,) = [p for p in (stack.folder / "backups").iterdir() if re.match(r"\d{8}T", p.name)]
    assert {p.suffix for p in backup.iterdir()} == {"", ".gpg"}
    before = _state(stack)
    # Another machine has other passwords; the key of card tokens is that of its rows.
    key = stack.secrets["FRAUD_HASH_KEY"]
    with composed(contained=True, FRAUD_HASH_KEY=key) as other:
        _copy(backup, other.folder / "backups" / backup.name)
        other.up("databases")
        ask(other, "dagster", "create table of_a_newer_version (number int)")
        with pytest.raises(AssertionError, match="is encrypted.*nothing was changed"):
            other.run("restore")
        shutil.copy(tmp_path / "private", other.folder / "keys" / "restore.asc")
        (other.folder / "keys" / "restore.asc").chmod(0o644)
        assert f"restored {backup.name}" in other.run("restore")
        assert ask(other, "dagster", "select to_regclass('of_a_newer_version')") is None
        other.up("webserver", "daemon")
        assert _state(other) == before
        drop(other, "after", cards(5, transactions=2500, first_day="2026-03-05"))
        assert other.dagster().wait_for_run("after")["status"] == "SUCCESS"
        damaged = other.folder / "backups" / "29990101T000000Z"
        _copy(other.folder / "backups" / backup.name, damaged)
        (damaged / "mlflow.tar.gpg").write_bytes(b"")
        with pytest.raises(AssertionError, match="is damaged; nothing was changed"):
            other.run("restore")
        assert "after" in other.dagster().partitions()


def _copy(backup, place):
    """Copy a backup to another machine, for the user who restores it."""
    shutil.copytree(backup, place)
    for path in (place, *place.iterdir()):
        shutil.chown(path, backup.stat().st_uid, backup.stat().st_gid)


def _state(stack):
    """The champion, the batches, the decisions and the reports."""
    url = f"{stack.url('mlflow', 5000)}/api/2.0/mlflow/registered-models/alias"
    answer = requests.get(
        url, params={"name": "fraud_detector", "alias": "champion"},
        auth=("fraud", stack.secrets["MLFLOW_PASSWORD"]), timeout=30,
    ).json()["model_version"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(stack.folder / "var"))
        decisions = read_entries(paths.decisions_path())
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
