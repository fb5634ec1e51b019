"""Prometheus, Pushgateway, Alertmanager and exporter with the committed files, and receivers."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from aiosmtpd.controller import Controller

from fraud_assets.monitoring.receivers import alertmanager_text
from fraud_assets_tests.integration.conftest import require
from fraud_assets_tests.integration.servers import (
    BIN,
    ROOT,
    answers,
    environment,
    free_port,
    wait_for,
)

DEADMAN, SLACK = "/deadman", "/slack"
NAMES = ("pushgateway", "exporter", "alertmanager", "prometheus")


@dataclass
class Inbox:
    """What webhook, Slack, dead-man's receiver and mail server got, with the time of arrival."""

    hooks: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    alive: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    slack: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.time)

    def find(self, status: str, alert: str, batch: str = "") -> tuple[float, dict[str, Any]] | None:
        """The first message in which an alert has a status."""
        for when, message in self.hooks:
            for found in message["alerts"]:
                labels = found["labels"]
                same = labels["alertname"] == alert and batch in labels.get("batch", "")
                if same and found["status"] == status:
                    return when, found
        return None

    def contents(self) -> list[list[tuple[str, ...]]]:
        """Which alerts stood in each message, with their status."""
        return [
            sorted(
                (a["labels"]["alertname"], a["labels"].get("batch", ""),
                 a["labels"].get("check", ""), a["status"])
                for a in message["alerts"]
            )
            for _, message in self.hooks
        ]  # fmt: skip


class Servers:
    """The four processes: each can be killed and started again as it was."""

    def __init__(self, folder: Path, home: Path, hook: str, mail: str):
        self.folder, self.home = folder, home
        self.ports = {name: free_port() for name in NAMES}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._configure(hook, mail)

    def url(self, name: str) -> str:
        """Where a server answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def _configure(self, hook: str, mail: str) -> None:
        """The committed configuration, with the addresses of this test."""
        text = (ROOT / "prometheus" / "prometheus.yml").read_text()
        served = {"pushgateway:9091": "pushgateway", "exporter:9101": "exporter"}
        served |= {"alertmanager:9093": "alertmanager", "localhost:9090": "prometheus"}
        for address, name in served.items():
            assert address in text
            text = text.replace(address, f"127.0.0.1:{self.ports[name]}")
        (self.folder / "prometheus.yml").write_text(text)
        (self.folder / "rules.yml").write_text((ROOT / "prometheus" / "rules.yml").read_text())
        secret = self.folder / "slack_url"
        secret.write_text(hook.rstrip("/") + SLACK)
        secret.chmod(0o600)
        env = {
            "FRAUD_ALERT_SLACK_URL_FILE": str(secret),
            "FRAUD_ALERT_WEBHOOK_URL": hook,
            "FRAUD_ALERT_DEADMAN_URL": hook.rstrip("/") + DEADMAN,
            "FRAUD_ALERT_EMAIL_TO": "operator@example.org",
            "FRAUD_ALERT_EMAIL_FROM": "fraud@example.org",
            "FRAUD_ALERT_SMTP": mail,
        }
        (self.folder / "alertmanager.yml").write_text(alertmanager_text(env))

    def _command(self, name: str) -> list[str]:
        here, port = self.folder, self.ports[name]
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return {
            "pushgateway": [
                require("prometheus-pushgateway"), listen,
                f"--persistence.file={here / 'pushed'}", "--persistence.interval=1s",
            ],
            "exporter": [str(BIN / "fraud-assets"), "exporter", "--port", str(port)],
            "alertmanager": [
                require("prometheus-alertmanager"), listen, "--cluster.listen-address=",
                f"--config.file={here / 'alertmanager.yml'}",
                f"--storage.path={here / 'alertmanager'}", "--data.maintenance-interval=2s",
            ],
            "prometheus": [
                require("prometheus"), listen, f"--config.file={here / 'prometheus.yml'}",
                f"--storage.tsdb.path={here / 'prometheus'}", "--rules.alert.resend-delay=1m",
            ],
        }[name]  # fmt: skip

    def start(self, name: str) -> None:
        """Start a server and wait until it answers."""
        with (self.folder / f"{name}.log").open("a") as log:
            self._processes[name] = subprocess.Popen(
                self._command(name), env=environment(self.home), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        path = "/metrics" if name == "exporter" else "/-/ready"
        wait_for(f"{name} to answer", lambda: answers(f"{self.url(name)}{path}"), 180)

    def kill(self, name: str) -> None:
        """End a server as a power cut does."""
        os.killpg(self._processes[name].pid, signal.SIGKILL)
        self._processes[name].wait(20)

    def stop(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What Prometheus answers now."""
        answer = requests.get(
            f"{self.url('prometheus')}/api/v1/query", params={"query": expr}, timeout=10
        ).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def query_range(self, expr: str, start: float, end: float) -> list[dict[str, Any]]:
        """What Prometheus answers for a span of time, in about 120 steps."""
        span = {"start": start, "end": end, "step": max(5.0, (end - start) / 120)}
        answer = requests.get(
            f"{self.url('prometheus')}/api/v1/query_range",
            params={"query": expr, **span},
            timeout=10,
        ).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def pushed_at(self, part: str) -> float:
        """When a part was pushed last."""
        groups = requests.get(f"{self.url('pushgateway')}/api/v1/metrics", timeout=30).json()
        group = next(g for g in groups["data"] if g["labels"].get("part") == part)
        return float(group["push_time_seconds"]["metrics"][0]["value"])


@contextmanager
def receivers(inbox: Inbox) -> Iterator[tuple[str, str]]:
    """A webhook and a mail server that keep what they get; yields their addresses."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {DEADMAN: inbox.alive, SLACK: inbox.slack}.get(self.path, inbox.hooks)
            kept.append((time.time(), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Mail:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            inbox.mails.append(envelope.content.decode())
            return "250 OK"

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = Controller(Mail(), hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", f"127.0.0.1:{mail.port}"
    finally:
        mail.stop()
        server.shutdown()
        server.server_close()


@contextmanager
def alerting(folder: Path, home: Path) -> Iterator[tuple[Servers, Inbox]]:
    """The four servers and the receivers, until the block ends."""
    inbox = Inbox()
    with ExitStack() as stack:
        hook, mail = stack.enter_context(receivers(inbox))
        servers = Servers(folder, home, hook, mail)
        stack.callback(servers.stop)
        for name in NAMES:
            servers.start(name)
        yield servers, inbox
