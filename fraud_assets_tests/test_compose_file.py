"""What can be said of docker-compose.yml, its image and the workflows without Docker."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from dagster._config import process_config
from dagster_docker import DockerRunLauncher

from fraud_assets.platform.secrets import make_secrets
from fraud_assets_tests.integration.compose import COMPOSE_FILE, interpolate, read_compose

ROOT = COMPOSE_FILE.parent
SERVICES = read_compose(make_secrets({"FRAUD_PASSWORD_HASH": f"$2b$12${53 * 'a'}"}))["services"]
LASTING = sorted(n for n, s in SERVICES.items() if s["restart"] == "unless-stopped")
WORKFLOWS = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml")
)
MADE_HERE = ("./data", "./backups", "./keys", "./secrets", "./certs")
"""Folders that `make secrets` makes."""
OURS = re.compile(r"^(FRAUD_|DAGSTER_URL|MLFLOW_UI_URL|GRAFANA_URL|PROMETHEUS_URL|BACKUP)")

PINNED = re.compile(r"[a-z0-9./-]+:v?\d+(\.\d+)+[\w.-]*@sha256:[0-9a-f]{64}")
"""A version for people, and a digest, which alone decides what is pulled."""
BUILT_HERE = re.compile(r"fraud_assets:\d+\.\d+\.\d+")
"""Has no digest before it is built, and no registry to be pulled from."""

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def schema(kind, path):
    """What the specification, as a schema, says of a file."""
    return CliRunner().invoke(check_jsonschema, ["--builtin-schema", kind, str(path)])


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("vendor.compose-spec", "docker-compose.yml"),
        ("vendor.compose-spec", "deploy/docker-launcher.yml"),
        ("vendor.compose-spec", "deploy/object-store.yml"),
        ("vendor.compose-spec", "deploy/oidc.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        *(("vendor.github-workflows", path) for path in WORKFLOWS),
    ],
)
def test_the_file_is_what_its_specification_allows(kind, path):
    found = schema(kind, ROOT / path)
    assert found.exit_code == 0, found.output


def test_a_compose_file_with_a_wrong_word_is_refused(tmp_path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text("services: {a: {image: b, volume: [c]}}")
    assert schema("vendor.compose-spec", wrong).exit_code == 1


DOCKERFILES = sorted((ROOT / "deploy").glob("*Dockerfile"))


def test_the_linter_of_dockerfiles_finds_nothing():
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    found = subprocess.run(
        [program, *map(str, DOCKERFILES)], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_every_image_is_pulled_by_digest_and_every_version_is_one_digest():
    pulled = re.findall(r"^FROM (\S+)", "\n".join(f.read_text() for f in DOCKERFILES), re.MULTILINE)
    texts = [COMPOSE_FILE, *(ROOT / "deploy").glob("*.yml")]
    for text in texts:
        pulled += re.findall(r"^ *image: (?!fraud_assets:)(\S+)", text.read_text(), re.MULTILINE)
    assert len(pulled) >= 11
    assert [image for image in pulled if not PINNED.fullmatch(image)] == []
    versions = dict(image.split("@") for image in pulled)
    assert {f"{name}@{digest}" for name, digest in versions.items()} == set(pulled)


def test_every_place_of_a_digest_is_kept_current():
    updated = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    places = {(entry["package-ecosystem"], entry["directory"]) for entry in updated}
    assert {("docker", "/deploy"), ("docker-compose", "/"), ("github-actions", "/")} <= places
    assert all(entry["cooldown"]["default-days"] >= 7 for entry in updated)


def test_what_the_image_is_built_from_is_not_ignored():
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
        for word in line.split()
    ]
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(kept)
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_is_built_by_one_service_and_pulled_by_none():
    # Builds run side by side, and Docker refuses the second export of the same name.
    ours = {n: s for n, s in SERVICES.items() if s["image"].startswith("fraud_assets:")}
    assert [name for name, service in ours.items() if "build" in service] == ["code-server"]
    assert {service["pull_policy"] for service in ours.values()} == {"never"}
    build = ours["code-server"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()


def test_a_missing_secret_stops_the_start_with_what_to_do():
    known = make_secrets()
    for name in known:
        if f"${{{name}:?" in COMPOSE_FILE.read_text():
            rest = {**known, name: ""}
            with pytest.raises(ValueError, match=f"variable {name} is missing.*make secrets"):
                read_compose(rest)


def test_no_password_stands_in_the_file_or_has_a_default():
    text = COMPOSE_FILE.read_text()
    names = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|AUTHORIZATION|HASH)\w*)([^}]*)\}", text)
    assert names
    assert all(rest.startswith(":?") for _, rest in names)
    given = re.findall(r"(\w*PASSWORD\w*): (?!\$\{)(\S+)", text)
    assert given == []
    assert interpolate("${A:-b}", {}) == "b"


@each_service
def test_a_service_is_pinned_limited_and_without_rights(name):
    service = SERVICES[name]
    assert PINNED.fullmatch(service["image"]) or BUILT_HERE.fullmatch(service["image"])
    assert service["mem_limit"]
    # Docker refuses to start what may have more cores than the machine: two are enough.
    assert 0 < float(service["cpus"]) <= 2
    # Root alone may protect a file from everybody; these end before any other service starts.
    may_be_root = service.get("command", [])[:2] == ["fraud-assets", "protect-log"]
    assert may_be_root or service["user"].split(":")[0] not in ("0", "root")
    assert not may_be_root or service["network_mode"] == "none"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert 0 < service["pids_limit"] <= 2048


@each_service
def test_every_mounted_file_is_there(name):
    for text in SERVICES[name].get("volumes", []):
        source = text.split(":")[0]
        if source.startswith("./") and source not in MADE_HERE:
            assert (ROOT / source).exists(), source
            assert text.endswith(":ro"), text


@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_lasts_has_a_health_check_of_what_it_listens_on(name):
    service = SERVICES[name]
    check = " ".join(service["healthcheck"]["test"])
    asked = set(re.findall(r"(?<=127\.0\.0\.1[:'])\d{4}|(?<=, )\d{4}(?=\))|(?<=--port )\d+", check))
    ports = {*service.get("expose", []), *(["8079"] if name == "proxy" else [])}
    if name == "postgres":
        asked = set(re.findall(r"-p (\d+)", check))
    assert asked <= ports
    assert asked or name in ("daemon", "retention")


@each_service
def test_what_a_service_waits_for_says_when_it_is_ready(name):
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        lasting = SERVICES[needed]["restart"] == "unless-stopped"
        wanted = "service_healthy" if lasting else "service_completed_successfully"
        assert how["condition"] == wanted
        assert not lasting or "healthcheck" in SERVICES[needed]


def test_up_wait_takes_the_end_of_what_runs_once_for_good():
    # `docker compose up --wait` does so where a service waits for that end, and fails otherwise.
    waited_for = {needed for s in SERVICES.values() for needed in s.get("depends_on", {})}
    once = {n for n, s in SERVICES.items() if n not in LASTING and "profiles" not in s}
    assert once
    assert once <= waited_for


def test_only_the_proxy_is_bound_and_to_loopback_by_default():
    bound = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    assert list(bound) == ["proxy"]
    assert [p.split(":")[:2] for p in bound["proxy"]] == [
        ["127.0.0.1", port] for port in ("8080", "5001", "9090", "3000")
    ]


def members(network):
    return {name for name, s in SERVICES.items() if network in s.get("networks", ())}


def test_two_services_alone_leave_the_closed_networks_and_the_proxy_has_no_way_out():
    networks = yaml.safe_load(COMPOSE_FILE.read_text())["networks"]
    open_ones = {name for name, n in networks.items() if not (n or {}).get("internal")}
    assert open_ones == {"entry", "receivers"}
    assert (members("entry"), members("receivers")) == ({"proxy"}, {"alertmanager"})
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    assert networks["entry"]["driver_opts"] == {masquerade: "false"}


def test_the_host_is_on_no_closed_network():
    for name, network in yaml.safe_load(COMPOSE_FILE.read_text())["networks"].items():
        if (network or {}).get("internal"):
            modes = {k: v for k, v in network["driver_opts"].items() if "gateway_mode" in k}
            assert set(modes.values()) == {"isolated"}, name
            assert len(modes) == 2, name


def test_only_runs_can_push_figures_and_only_the_proxy_reaches_pages_that_believe_it():
    # Runs are children of the code server; Prometheus reads.
    assert members("pushes") == {"code-server", "pushgateway", "prometheus"}
    assert members("dashboards") == {"proxy", "grafana"}
    assert members("front") == {
        *("proxy", "identity", "webserver", "viewer-webserver", "mlflow", "prometheus"),
    }
    grafana = SERVICES["grafana"]["environment"]
    address = SERVICES["proxy"]["networks"]["dashboards"]["ipv4_address"]
    assert grafana["GF_AUTH_PROXY_WHITELIST"] == address
    assert grafana["GF_USERS_AUTO_ASSIGN_ORG_ROLE"] == "Viewer"


def test_viewers_are_served_by_a_dagster_that_launches_nothing():
    both = [SERVICES[name]["command"] for name in ("webserver", "viewer-webserver")]
    assert [command[:2] for command in both] == [["fraud-assets", "webserver"]] * 2
    assert ["--read-only" in command for command in both] == [False, True]


def test_the_proxy_serves_https_when_one_variable_is_set():
    plain, own = (
        read_compose(make_secrets() | more)["services"]["proxy"]["environment"]
        for more in ({}, {"FRAUD_TLS": "internal", "FRAUD_HOST": "fraud.example"})
    )
    assert (plain["FRAUD_ADDRESS"], plain["FRAUD_TLS"]) == ("", "off")
    assert (own["FRAUD_ADDRESS"], own["FRAUD_TLS"]) == ("https://fraud.example", "internal")


def test_every_listening_port_is_on_the_list(pytestconfig):
    listed = (ROOT / "docs" / "security.md").read_text()
    for name, service in SERVICES.items():
        for port in service.get("expose", []):
            assert f"| {name} | {port} |" in listed, (name, port)


def test_every_variable_of_ours_is_documented():
    text = COMPOSE_FILE.read_text()
    docs = "".join((ROOT / "docs" / f"{n}.md").read_text() for n in ("production", "commands"))
    names = set(re.findall(r"\$\{(\w+)", text)) | {
        key
        for service in SERVICES.values()
        for key in service.get("environment", {})
        if OURS.match(key)
    }
    assert [name for name in sorted(names) if f"`{name}`" not in docs] == []


def test_no_usage_report_is_sent_by_default():
    assert yaml.safe_load((ROOT / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}
    assert "export MLFLOW_DISABLE_TELEMETRY ?= true\n" in (ROOT / "Makefile").read_text()
    for name, service in SERVICES.items():
        if service.get("command", [""])[0] == "mlflow":
            assert service["environment"]["MLFLOW_DISABLE_TELEMETRY"] == "true", name
    assert SERVICES["grafana"]["environment"]["GF_ANALYTICS_REPORTING_ENABLED"] == "false"


def test_mlflow_opens_no_stored_model_anywhere():
    assert (
        "export MLFLOW_ALLOW_PICKLE_DESERIALIZATION ?= false\n" in (ROOT / "Makefile").read_text()
    )
    for name, service in SERVICES.items():
        if "MLFLOW_DISABLE_TELEMETRY" in service.get("environment", {}) or "mlflow" in name:
            assert service["environment"]["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false", name


def test_prometheus_scrapes_what_is_exposed():
    config = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    targets = [
        t for j in config["scrape_configs"] for s in j["static_configs"] for t in s["targets"]
    ]
    targets += config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    for target in targets:
        name, port = target.replace("localhost", "prometheus").split(":")
        assert port in SERVICES[name]["expose"]


def test_the_settings_for_a_container_by_run_differ_in_the_launcher_alone():
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    docker = yaml.safe_load((ROOT / "deploy" / "dagster-docker.yaml").read_text())
    assert {k: v for k, v in ours.items() if k != "run_launcher"} == {
        k: v for k, v in docker.items() if k != "run_launcher"
    }
    settings = docker["run_launcher"]["config"]
    assert process_config(DockerRunLauncher.config_type(), settings).success
    # What a run needs to know of where things are is handed on.
    given = set(SERVICES["code-server"]["environment"])
    unneeded = {"FRAUD_CODE_HOST", "FRAUD_CODE_PORT", "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS"}
    unneeded |= {"FRAUD_USER_HEADER"}
    assert set(settings["env_vars"]) == given - unneeded
    # A container of a run may no more than the code server.
    for right in ("user", "read_only", "cap_drop", "security_opt"):
        assert settings["container_kwargs"][right] == SERVICES["code-server"][right]
    assert [*settings["container_kwargs"]["tmpfs"]] == SERVICES["code-server"]["tmpfs"]


def test_runs_alone_are_given_the_key_of_card_tokens():
    given = {name for name, s in SERVICES.items() if "FRAUD_HASH_KEY" in s.get("environment", {})}
    assert given == {"code-server"}
    override = yaml.safe_load((ROOT / "deploy" / "docker-launcher.yml").read_text())["services"]
    key = override["daemon"]["environment"]["FRAUD_HASH_KEY"]
    assert key == "${FRAUD_HASH_KEY:?run `make secrets` first}"
    values = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text())
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert "FRAUD_HASH_KEY" in {variable["name"] for variable in deployment["env"]}


def test_what_talks_to_an_object_store_may_go_out_and_has_the_keys():
    override = yaml.safe_load((ROOT / "deploy" / "object-store.yml").read_text())["services"]
    for changes in override.values():
        assert changes["networks"] == ["object-store"]
        assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= set(changes["environment"])
    assert set(override) == {"mlflow", "code-server", "retention"}
    assert "FRAUD_OBJECT_STORE" in override["code-server"]["environment"]


def test_the_values_for_kubernetes_keep_the_order_of_arrival():
    values = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text())
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())["concurrency"]["runs"]
    assert queue["tagConcurrencyLimits"] == ours["tag_concurrency_limits"]
