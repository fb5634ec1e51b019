"""What can be said of the files for Kubernetes without a cluster."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from dotenv import dotenv_values

from fraud_assets.cli import main
from fraud_assets.platform.secrets import IN_KUBERNETES, kubernetes_secrets, write_secrets

DEPLOY = Path(__file__).parents[1] / "deploy"
VALUES = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
POLICIES = {
    found["metadata"]["name"]: found["spec"]
    for found in yaml.safe_load_all((DEPLOY / "network-policy.yaml").read_text())
}
(CODE_SERVER,) = VALUES["dagster-user-deployments"]["deployments"]
WEBSERVER, DAEMON = VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]
RUNS = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
PODS = {"code server": CODE_SERVER, "webserver": WEBSERVER, "daemon": DAEMON, "runs": RUNS}
each_pod = pytest.mark.parametrize("name", PODS)

KNOWN = {
    "code server": {
        *("name", "image", "dagsterApiGrpcArgs", "includeConfigInLaunchedRuns", "port", "env"),
        *("podSecurityContext", "securityContext", "resources", "volumes", "volumeMounts"),
    },
    "webserver": {
        *("service", "env", "podSecurityContext", "securityContext", "volumes", "volumeMounts"),
    },
    "daemon": {
        *("env", "podSecurityContext", "securityContext", "volumes", "volumeMounts"),
        *("runCoordinator", "runMonitoring", "runRetries"),
    },
    "runs": {"volumes", "volumeMounts", "resources", "securityContext", "runK8sConfig"},
}
"""Fields that the chart's own schema has; it refuses others."""


@each_pod
def test_every_field_is_one_of_the_chart_s_schema(name):
    assert set(PODS[name]) <= KNOWN[name]


@each_pod
def test_a_container_has_no_rights_and_a_root_that_may_only_be_read(name):
    assert PODS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 1000,
    }


@each_pod
def test_a_pod_has_the_default_profile_of_system_calls_and_a_user(name):
    pod = PODS[name]
    context = (
        pod.get("podSecurityContext") or pod["runK8sConfig"]["podSpecConfig"]["securityContext"]
    )
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["fsGroup"] == 1000


@each_pod
def test_what_has_to_be_written_has_a_volume(name):
    pod = PODS[name]
    mounted = {mount["name"]: mount["mountPath"] for mount in pod["volumeMounts"]}
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
    assert mounted["tmp"] == "/tmp"
    assert name == "code server" or mounted["dagster-home"] == "/opt/dagster/dagster_home"
    for volume in pod["volumes"]:
        assert "hostPath" not in volume


def test_a_run_has_no_token_for_kubernetes():
    assert RUNS["runK8sConfig"]["podSpecConfig"]["automountServiceAccountToken"] is False


def test_no_pod_is_given_a_password_but_its_own():
    text = (DEPLOY / "helm-values.yaml").read_text()
    assert "envSecrets" not in text, "hands out a whole secret"
    given = [
        entry["valueFrom"]["secretKeyRef"]
        for pod in PODS.values()
        for entry in pod.get("env", [])
        if "valueFrom" in entry
    ]
    keys = ("MLFLOW_PASSWORD", "FRAUD_HASH_KEY")
    assert given == [{"name": "fraud-assets", "key": key} for key in keys]
    assert VALUES["postgresql"]["postgresqlUsername"] == "dagster"
    sources = {source for keys in IN_KUBERNETES.values() for source in keys.values()}
    assert sources == {"MLFLOW_PASSWORD", "FRAUD_HASH_KEY", "DAGSTER_DB_PASSWORD"}
    named = {secret: set(keys) for secret, keys in IN_KUBERNETES.items()}
    assert named[VALUES["global"]["postgresqlSecretName"]] == {"postgresql-password"}


@pytest.fixture
def env_file(tmp_path):
    path = tmp_path / ".env"
    write_secrets(path)
    return path


def test_the_secrets_are_those_of_env_without_its_quotes(env_file):
    known = dotenv_values(env_file, interpolate=False)
    assert f"'{known['MLFLOW_PASSWORD']}'" in env_file.read_text()
    found = CliRunner().invoke(main, ["kubernetes-secrets", str(env_file)])
    assert found.exit_code == 0
    secrets = {s["metadata"]["name"]: s["stringData"] for s in yaml.safe_load_all(found.output)}
    assert secrets == {
        "fraud-assets": {name: known[name] for name in ("MLFLOW_PASSWORD", "FRAUD_HASH_KEY")},
        "fraud-assets-dagster-database": {"postgresql-password": known["DAGSTER_DB_PASSWORD"]},
    }
    for name in ("POSTGRES_PASSWORD", "FRAUD_PASSWORD", "GRAFANA_PASSWORD", "MLFLOW_SECRET_KEY"):
        assert known[name] not in found.output


@pytest.mark.parametrize("password", ["'", '"', "a: b", "#x", "${A}", "- a", "*", "0123", "é"])
def test_a_secret_is_text_whatever_is_in_it(tmp_path, password):
    path = tmp_path / ".env"
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    path.write_text(f"MLFLOW_PASSWORD='{quoted}'\nDAGSTER_DB_PASSWORD='b'\nFRAUD_HASH_KEY='k'\n")
    (first, _) = yaml.safe_load_all(kubernetes_secrets(path))
    assert first["stringData"] == {"MLFLOW_PASSWORD": password, "FRAUD_HASH_KEY": "k"}


def test_a_missing_secret_is_named_with_the_remedy(tmp_path):
    found = CliRunner().invoke(main, ["kubernetes-secrets", str(tmp_path / ".env")])
    assert found.exit_code == 1
    assert (
        "has no MLFLOW_PASSWORD, FRAUD_HASH_KEY, DAGSTER_DB_PASSWORD; run `make secrets` first"
        in found.output
    )


# --- the network ------------------------------------------------------------------------


def peers(rules, way):
    return [peer for rule in rules for peer in rule[way]]


def test_nothing_goes_in_or_out_that_is_not_written():
    assert POLICIES["fraud-nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for spec in POLICIES.values():
        for rule in spec.get("ingress", []):
            assert rule["from"]
            assert rule["ports"]
        for rule in spec.get("egress", []):
            assert rule["to"]
            assert rule["ports"]


def test_no_pod_has_a_way_out_of_the_cluster():
    blocks = [
        peer["ipBlock"]["cidr"]
        for spec in POLICIES.values()
        for peer in peers(spec.get("egress", []), "to")
        if "ipBlock" in peer
    ]
    # Kubernetes' own address, for those that start runs.
    assert [block.split("/")[1] for block in blocks] == ["32"]


def test_runs_are_spoken_to_by_nobody_and_do_not_ask_kubernetes():
    runs = POLICIES["fraud-runs"]
    assert "Ingress" in runs["policyTypes"]
    assert "ingress" not in runs
    asked = [peer["podSelector"]["matchLabels"]["app"] for peer in peers(runs["egress"], "to")]
    assert asked == ["postgres", "mlflow", "pushgateway"]


def test_the_code_server_runs_what_webserver_and_daemon_ask_and_nobody_else():
    rules = POLICIES["fraud-code-server"]["ingress"]
    asking = {peer["podSelector"]["matchLabels"]["component"] for peer in peers(rules, "from")}
    assert asking == {"dagster-webserver", "dagster-daemon"}
    assert rules[0]["ports"] == [{"port": CODE_SERVER["port"]}]


def test_figures_are_pushed_by_runs_alone():
    (rule,) = POLICIES["fraud-pushgateway"]["ingress"]
    pods = [peer["podSelector"] for peer in rule["from"] if "podSelector" in peer]
    assert pods == [{"matchLabels": {"app.kubernetes.io/component": "run_worker"}}]
