"""Runs the services of `docker-compose.yml` as plain processes, without Docker.

Each service has the very command, environment, health check, start order, restart policy and
mounted files of the compose file. What differs: ports are free ones on loopback, so that
`name:port` becomes `127.0.0.1:free` in commands, environment and mounted text; paths in
containers become folders of the test; nothing is isolated or limited, unless it is `contained`.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from pwd import getpwnam
from tempfile import mkdtemp
from typing import Any

import pandas as pd
import psutil
import psycopg2
import pytest
import requests
import yaml
from dotenv import dotenv_values
from playwright.sync_api import Page, sync_playwright

from fraud_assets.platform.secrets import USER, write_secrets
from fraud_assets.store.append_only import is_protected, protect_log
from fraud_assets_tests.integration.conftest import require
from fraud_assets_tests.integration.contained import IMAGE_UID, contain, why_not, write_passwd
from fraud_assets_tests.integration.servers import (
    BIN,
    QUIET,
    ROOT,
    Dagster,
    drop_csv,
    free_port,
    is_run,
    wait_for,
)

COMPOSE_FILE = ROOT / "docker-compose.yml"
ENTRYPOINTS = {
    "prom/prometheus": ["prometheus"],
    "prom/pushgateway": ["prometheus-pushgateway"],
    "prom/alertmanager": ["prometheus-alertmanager"],
}
"""What the images start; the others' commands begin with it."""
NOT_HERE = {"grafana": "Grafana's server is no Debian package"}
HEALTH_OF_PROXY = 8079
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?+])((?:[^{}]|\$\{[^}]*\})*))?\}")
POSTGRES_BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), Path("/nowhere"))
PROGRAMS = ("caddy", "prometheus", "prometheus-pushgateway", "prometheus-alertmanager", "psql")


def interpolate(text: str, values: dict[str, str]) -> str:
    """Replace `${NAME}`, `${NAME:-default}`, `:+` and `${NAME:?message}` as compose does.

    Raises ValueError with the message when a value is required and missing.
    """

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind == "+":
            return interpolate(rest, values) if values.get(name) else ""
        if values.get(name):
            return values[name]
        if kind == "?":
            raise ValueError(f"required variable {name} is missing a value: {rest}")
        return rest or ""

    return VARIABLE.sub(value, text)


def read_compose(values: dict[str, str]) -> dict[str, Any]:
    """The compose file with its variables replaced."""

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: replaced(inner) for key, inner in node.items()}
        if isinstance(node, list):
            return [replaced(inner) for inner in node]
        return interpolate(node, values) if isinstance(node, str) else node

    spec: dict[str, Any] = replaced(yaml.safe_load(COMPOSE_FILE.read_text()))
    return spec


class Patient(Dagster):
    """Asks again when an answer failed, as the UI does: a pool's connections may be dead."""

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query, for up to three minutes."""

        def answer() -> dict[str, Any] | None:
            try:
                return super(Patient, self).ask(query, **variables)
            except (AssertionError, requests.RequestException):
                return None

        return wait_for(f"an answer to {query}", answer, 180)


class Compose:
    """The services of the compose file, each a process that is started again when it dies."""

    def __init__(self, folder: Path, contained: bool = False, **more: str):
        self.folder = folder
        self.contained = contained
        write_secrets(folder / ".env")
        found = dotenv_values(folder / ".env", interpolate=False)
        self.secrets = {name: value or "" for name, value in found.items()}
        self.clock: dict[str, str] = {}
        self.services: dict[str, Any] = read_compose({**self.secrets, **more})["services"]
        self._ports = {name: self._map_ports(name) for name in self.services}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped: set[str] = set()
        self._over = threading.Event()
        for made in ("data", "backups", "keys", "secrets", "certs", "logs", "volumes"):
            (folder / made).mkdir(exist_ok=True)
        (folder / "data").chmod(0o755)
        if contained:
            write_passwd(folder / "passwd")
            shutil.chown(folder / "backups", IMAGE_UID, IMAGE_UID)
        (folder / "var").symlink_to(self.volume("fraud") / "home")
        self._watcher = threading.Thread(target=self._restart_the_dead, daemon=True)
        self._watcher.start()

    # --- where things are ---------------------------------------------------------------

    def _map_ports(self, name: str) -> dict[str, int]:
        service = self.services[name]
        inside = [str(port) for port in service.get("expose", [])]
        inside += [published.rsplit(":", 1)[1] for published in service.get("ports", [])]
        inside += [str(HEALTH_OF_PROXY)] if name == "proxy" else []
        return {port: free_port() for port in inside}

    def port(self, name: str, inside: int) -> int:
        """The port on which a service listens that listens on another in its container."""
        return self._ports[name][str(inside)]

    def url(self, name: str, inside: int) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.port(name, inside)}"

    def volume(self, name: str) -> Path:
        """The folder of a named volume."""
        folder = self.folder / "volumes" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            self._own(folder, name)
        return folder

    def _own(self, folder: Path, volume: str) -> None:
        """Give a folder of a new volume to whom it belongs in the image that sees it first."""
        if self.contained:
            uid = next(
                _uid_of(name, service)
                for name, service in self.services.items()
                for source, _, read_only in self._volumes(name)
                if source == volume and not read_only
            )
            shutil.chown(folder, uid, uid)

    def _volumes(self, name: str) -> Iterator[tuple[str, str, bool]]:
        """Source and target of each mount of a service, and whether it may only be read."""
        for text in self.services[name].get("volumes", []):
            source, target, *mode = text.split(":")
            yield source, target, mode == ["ro"]

    def write_secret(self, name: str, text: str) -> Path:
        """Write a secret of a receiver as the user of the image alone may read it."""
        path = self.folder / "secrets" / name
        path.write_text(text)
        path.chmod(0o600)
        if self.contained:
            shutil.chown(path, IMAGE_UID, IMAGE_UID)
        return path

    def log(self, name: str) -> str:
        """What a service has printed."""
        path = self.folder / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def login(self) -> tuple[str, str]:
        """What a person types at the proxy."""
        return USER, self.secrets["FRAUD_PASSWORD"]

    def _mounts(self, name: str) -> dict[str, Path]:
        """Folders and files of the test by their path in the container."""
        mounts = {}
        for source, target, _ in self._volumes(name):
            if not source.startswith("./"):
                mounts[target] = self.volume(source)
            elif source in ("./data", "./backups", "./keys", "./secrets", "./certs"):
                mounts[target] = self.folder / source
            else:
                mounts[target] = self.folder / "mounts" / name / source
        return mounts

    def _adapt(self, name: str, text: str) -> str:
        """A command, a value or a file of a service, with the addresses and paths of the test."""
        for other, ports in self._ports.items():
            for inside, outside in ports.items():
                text = re.sub(rf"(?<![\w.-]){other}:{inside}(?!\d)", f"127.0.0.1:{outside}", text)
            text = text.replace(f"--host={other}", "--host=127.0.0.1")
        owners = [p for p in self._ports.items() if p[0] != name] + [(name, self._ports[name])]
        known = {inside: outside for _, ports in owners for inside, outside in ports.items()}
        for inside, outside in known.items():
            text = re.sub(rf"(?<![\d.]){inside}(?![\d.])", str(outside), text)
        for target, place in sorted(self._mounts(name).items(), key=lambda m: -len(m[0])):
            text = re.sub(rf"(?<![\w.]){target}(?![\w-])", str(place.resolve()), text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def environment(self, name: str) -> dict[str, str]:
        """What a service finds in its environment."""
        service = self.services[name]
        values = {key: str(value) for key, value in service.get("environment", {}).items()}
        for entry in service.get("env_file", []):
            found = dotenv_values(self.folder / entry["path"], interpolate=False)
            values |= {key: value or "" for key, value in found.items()}
        hosts = {key: "127.0.0.1" for key in values if key.endswith("HOST")}
        adapted = {key: self._adapt(name, value) for key, value in values.items()} | hosts
        kept = {key: os.environ[key] for key in ("LANG", "LC_ALL") if key in os.environ}
        kept["PATH"] = os.pathsep.join([str(BIN), str(POSTGRES_BIN), os.environ["PATH"]])
        return kept | adapted | (self.clock if name == "daemon" else {})

    def _prepare(self, name: str) -> None:
        """Copy the mounted files, with the addresses of the test in them."""
        for source, target, _ in self._volumes(name):
            place = self._mounts(name)[target]
            if source.startswith("./") and not place.exists():
                self._copy(name, ROOT / source, place)
        if any(target.startswith("/var/lib/fraud") for target in self._mounts(name)):
            # The image has it, and a new volume begins with what the image has there.
            for folder in (self.volume("fraud") / "dagster", self.volume("fraud") / "home"):
                if not folder.exists():
                    folder.mkdir()
                    self._own(folder, "fraud")
            shutil.copy(ROOT / "dagster.yaml", self.volume("fraud") / "dagster")

    def _copy(self, name: str, source: Path, place: Path) -> None:
        for path in [source] if source.is_file() else source.rglob("*"):
            if path.is_file():
                copied = place / path.relative_to(source) if source.is_dir() else place
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.write_text(self._adapt(name, path.read_text()))

    # --- running ------------------------------------------------------------------------

    def command(self, name: str) -> list[str]:
        """What a service runs."""
        service = self.services[name]
        entrypoint = ENTRYPOINTS.get(service["image"].split(":")[0], [])
        return [*entrypoint, *(self._adapt(name, str(word)) for word in service["command"])]

    def up(self, *names: str) -> None:
        """Start services and what they depend on, in order; without names, all of them."""
        wanted = names or [n for n, s in self.services.items() if "profiles" not in s]
        for name in wanted:
            if name in NOT_HERE:
                print(f"left out: {name}, because {NOT_HERE[name]}")
                continue
            self._up_needed(name)
            if name not in self._processes:
                self.start(name)

    def _up_needed(self, name: str) -> None:
        for needed, how in self.services[name].get("depends_on", {}).items():
            if needed not in self._processes and needed not in NOT_HERE:
                self.up(needed)
            if how["condition"] == "service_healthy":
                self.wait_until_healthy(needed)

    def start(self, name: str) -> None:
        """Start a service; one that is not to run on is waited for."""
        self._stopped.discard(name)
        self._prepare(name)
        if self.services[name]["image"].startswith("postgres:") and name == "postgres":
            self._initialize_postgres()
        self._spawn(name)
        if self.services[name]["restart"] != "unless-stopped":
            self.finish(name)

    def run(self, name: str) -> str:
        """Run a service once, as `docker compose run` does; return what it printed."""
        self._up_needed(name)
        self._prepare(name)
        self._spawn(name)
        self.finish(name)
        return self.log(name)

    def finish(self, name: str) -> None:
        """Wait for a service that ends; fail with what it printed when it failed."""
        code = self._processes[name].wait(600)
        assert code == 0, f"{name} ended with {code}:\n{self.log(name)[-3000:]}"

    def _spawn(self, name: str) -> None:
        self._processes[name] = self.start_another(name, self.folder / "logs" / f"{name}.log")

    def start_another(self, name: str, log: Path) -> subprocess.Popen[bytes]:
        """Start one more process of a service, which is not looked after."""
        command, user = self.command(name), _user_of(name)
        if self.contained:
            command, user = self._contain(name, command), None
        with log.open("ab") as output:
            return subprocess.Popen(
                command, env=self.environment(name), cwd="/tmp", stdout=output,
                stderr=output, start_new_session=True, user=user,
            )  # fmt: skip

    def _contain(self, name: str, command: list[str]) -> list[str]:
        service, mounts = self.services[name], self._mounts(name)
        read_only = [mounts[target] for _, target, kept in self._volumes(name) if kept]
        uid, added = _uid_of(name, service), service.get("cap_add", [])
        return contain(command, uid, added, read_only, self.folder / "passwd")

    def _initialize_postgres(self) -> None:
        """What the image's entrypoint does for an empty volume."""
        env = self.environment("postgres")
        data = Path(env["PGDATA"])
        if (data / "PG_VERSION").exists():
            return
        data.parent.mkdir(parents=True, exist_ok=True)
        password = self.folder / "postgres_password"
        password.write_text(env["POSTGRES_PASSWORD"])
        for path in (data.parent, password):
            if os.geteuid() == 0:
                shutil.chown(path, "postgres")
        subprocess.run(
            ["initdb", "--username=postgres", f"--pwfile={password}", "--auth-local=trust",
             *env["POSTGRES_INITDB_ARGS"].split(), str(data)],
            env=env, user=_user_of("postgres"), check=True, capture_output=True,
        )  # fmt: skip
        settings = f"port = {self.port('postgres', 5432)}\nunix_socket_directories = ''\n"
        with (data / "postgresql.conf").open("a") as file:
            file.write(settings + "listen_addresses = '127.0.0.1'\n")

    def healthy(self, name: str) -> bool:
        """What the health check of a service says now."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        found = subprocess.run(
            [self._adapt(name, str(word)) for word in words],
            env=self.environment(name), capture_output=True, check=False,
        )  # fmt: skip
        return found.returncode == 0

    def wait_until_healthy(self, name: str, timeout: float = 120) -> None:
        """Wait for the health check of a service."""
        try:
            wait_for(f"{name} to be healthy", lambda: self.healthy(name), timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log(name)[-3000:]}") from None

    def process(self, name: str) -> psutil.Process:
        """The first process of a service."""
        return psutil.Process(self._processes[name].pid)

    def living(self) -> list[str]:
        """The services that run now."""
        return [name for name, process in self._processes.items() if process.poll() is None]

    def ports(self, name: str) -> set[int]:
        """Where a service listens."""
        return set(self._ports[name].values())

    def run_processes(self) -> list[psutil.Process]:
        """The processes of runs, children of the code server."""
        return [p for p in self.process("code-server").children(recursive=True) if is_run(p)]

    def kill(self, name: str) -> None:
        """End all processes of a service at once, as the death of its container does."""
        _end(self._processes[name], signal.SIGKILL)

    def stop(self, name: str) -> None:
        """End a service for good."""
        self._stopped.add(name)
        process = self._processes[name]
        _end(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        _end(process, signal.SIGKILL)

    def down(self) -> None:
        """End everything, in the opposite order."""
        self._over.set()
        self._watcher.join(5)
        for process in reversed(self._processes.values()):
            _end(process, signal.SIGKILL)

    def _restart_the_dead(self) -> None:
        while not self._over.wait(1.0):
            for name, process in list(self._processes.items()):
                lasting = self.services[name]["restart"] == "unless-stopped"
                if lasting and name not in self._stopped and process.poll() is not None:
                    self._spawn_again(name)

    def _spawn_again(self, name: str) -> None:
        try:
            self._spawn(name)
        except Exception as error:  # whatever it is, the next look tries again
            print(f"{name} could not be started again: {type(error).__name__}: {error}")

    def dagster(self) -> Dagster:
        """What the tests ask of Dagster, from inside the network."""
        return Patient(self.url("webserver", 3070), self.folder)

    def ask_prometheus(self, expr: str) -> list[dict[str, Any]]:
        """What Prometheus answers now, through the proxy."""
        url = f"{self.url('proxy', 9090)}/api/v1/query"
        answer = requests.get(url, params={"query": expr}, auth=self.login, timeout=30).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def _user_of(name: str) -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if name == "postgres" and os.geteuid() == 0 else None


def _uid_of(name: str, service: dict[str, Any]) -> int:
    """As whom a service runs: PostgreSQL's own user has another number here than in the image."""
    return getpwnam("postgres").pw_uid if name == "postgres" else int(service["user"].split(":")[0])


def _end(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    """Send a signal to a process and all that came of it."""
    with suppress(psutil.NoSuchProcess):
        family = [*psutil.Process(process.pid).children(recursive=True)]
        for member in [psutil.Process(process.pid), *(family if sign == signal.SIGKILL else [])]:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(sign)
    if sign == signal.SIGKILL:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)


@contextmanager
def composed(contained: bool = False, **more: str) -> Iterator[Compose]:
    """The stack of the compose file, not yet started; ended with the block."""
    if contained and (reason := why_not()):
        print(f"left out: the users and rights of containers, because {reason}")
        contained = False
    for program in PROGRAMS:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; `make servers` installs it where it may")
    # PostgreSQL's own user has to reach its folder, which it cannot below pytest's.
    folder = Path(mkdtemp(prefix="compose-"))
    folder.chmod(0o755)
    stack = Compose(folder, contained, **more)
    try:
        yield stack
    finally:
        stack.down()
        log = stack.volume("fraud") / "home" / "registry" / "decisions.jsonl"
        if is_protected(log):
            protect_log(log, on=False)
        shutil.rmtree(folder, ignore_errors=True)


def ask(stack: Compose, name: str, statement: str) -> Any:
    """The first value that a database answers its owner; None when it answers nothing."""
    connection = psycopg2.connect(
        host="127.0.0.1", port=stack.port("postgres", 5432), user=name, dbname=name,
        password=stack.secrets[f"{name.upper()}_DB_PASSWORD"],
    )  # fmt: skip
    # A vacuum runs outside of a transaction, which `with connection` would begin.
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def drop(stack: Compose, batch: str, frame: pd.DataFrame) -> None:
    """Drop a CSV into the stack's folder."""
    drop_csv(stack.folder, batch, frame)


@contextmanager
def browsing(stack: Compose, login: tuple[str, str] | None = None) -> Iterator[Page]:
    """A page of a real browser that knows a login, the administrator's by default."""
    user, password = login or stack.login
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=QUIET)
        context = browser.new_context(http_credentials={"username": user, "password": password})
        yield context.new_page()
        browser.close()
