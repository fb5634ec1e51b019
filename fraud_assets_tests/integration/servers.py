"""Real servers for the tests: on loopback, on free ports, ended by who started them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import psutil
import pytest
import requests

from fraud_assets.intake.landing.ledger import open_ledger

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
Found = TypeVar("Found")
BETWEEN_QUESTIONS = 1.0
"""Seconds; a webserver that is asked all the time takes from the run that is waited for."""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""What a browser is started with."""


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    what: str, look: Callable[[], Found | None], timeout: float = 300, every: float = 0.3
) -> Found:
    """Look until there is something to see; fail with what was waited for."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"waited {timeout:.0f} s for {what}")


def answers(url: str) -> bool:
    """Whether a server answers at all."""
    try:
        return requests.get(url, timeout=5).status_code < 500
    except requests.RequestException:
        return False


@contextmanager
def running(command: list[str], env: dict[str, str], log: Path, url: str) -> Iterator[None]:
    """Run a server until the block ends; its whole process group is ended then."""
    # A shell cannot trap what its parent ignores.
    command = ["env", "--default-signal=TERM,INT,HUP", *command]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:

        def ready() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{command[2]} ended early:\n{log.read_text()[-3000:]}")
            return answers(url)

        wait_for(f"{url} of {command[2]}", ready)
        yield
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sign)
                process.wait(30)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def drop_csv(folder: Path, batch: str, frame: pd.DataFrame) -> None:
    """Drop a CSV whole, as a careful person does: written aside, then renamed."""
    part = folder / "data" / f".{batch}.part"
    frame.to_csv(part, index=False)
    part.rename(folder / "data" / f"{batch}.csv")


@contextmanager
def mlflow_server(folder: Path, artifacts: str) -> Iterator[str]:
    """An MLflow server on SQLite that keeps artifacts where it is told; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--workers", "1"]
    command += ["--artifacts-destination", artifacts]
    with running(command, environment(folder), folder / "mlflow.log", f"{url}/health"):
        yield url


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of an embedded stack of the test's own."""
    home = folder / "var"
    for made in (folder / "data", home / "dagster"):
        made.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "dagster.yaml", home / "dagster" / "dagster.yaml")
    outside = ("MLFLOW_TRACKING_URI", "PROMETHEUS_PUSHGATEWAY_URL")
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    return kept | {
        "FRAUD_DATA_DIR": str(folder / "data"),
        "FRAUD_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "600",
        **more,
    }


def is_run(process: psutil.Process) -> bool:
    """Whether a process is that of a run: a child of the code server's fork server."""
    try:
        parent = process.parent()
        return parent is not None and "multiprocessing.forkserver" in " ".join(parent.cmdline())
    except psutil.Error:  # it may end while it is looked at
        return False


class Dagster:
    """A running Dagster, spoken to as its UI speaks to it: through GraphQL."""

    def __init__(self, url: str, folder: Path):
        self.url = url
        self.folder = folder

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query; fail on errors."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def runs(self, batch: str | None = None) -> list[dict[str, Any]]:
        """All runs, or those of a batch, newest first."""
        tags = [{"key": "dagster/partition", "value": batch}] if batch else []
        found = self.ask(
            "query($f: RunsFilter) { runsOrError(filter: $f) { ... on Runs { results { runId "
            "status jobName startTime endTime tags { key value } } } } }",
            f={"tags": tags},
        )
        results: list[dict[str, Any]] = found["runsOrError"]["results"]
        return results

    def wait_for_run(self, batch: str, number: int = 1, timeout: float = 600) -> dict[str, Any]:
        """Wait until that many runs of a batch have ended; return the newest."""

        def ended() -> dict[str, Any] | None:
            runs = self.runs(batch)
            over = [r for r in runs if r["status"] in ("SUCCESS", "FAILURE", "CANCELED")]
            return over[0] if len(over) >= number and len(over) == len(runs) else None

        return wait_for(f"run {number} of batch {batch}", ended, timeout, BETWEEN_QUESTIONS)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The processes of the stack by what they are: daemon, code_server, run."""
        found: dict[str, list[psutil.Process]] = {"daemon": [], "code_server": [], "run": []}
        for process in psutil.process_iter():
            try:
                if process.environ().get("FRAUD_HOME") != str(self.folder / "var"):
                    continue
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            marks = {"fraud-assets daemon": "daemon", "code-server": "code_server"}
            for mark, kind in marks.items():
                if mark in command:
                    found[kind].append(process)
            if is_run(process):
                found["run"].append(process)
        return found

    def partitions(self) -> list[str]:
        """The batches."""
        found = self.ask(
            '{ assetNodeOrError(assetKey: {path: ["raw_transactions"]}) '
            "{ ... on AssetNode { partitionKeys } } }"
        )
        keys: list[str] = found["assetNodeOrError"]["partitionKeys"]
        return keys

    def materializations(self, asset: str, batch: str) -> list[dict[str, Any]]:
        """The materializations of an asset for a batch, newest first, with their metadata."""
        found = self.ask(
            "query($p: [String!]!, $b: [String!]) { assetNodeOrError(assetKey: {path: $p}) { "
            "... on AssetNode { assetMaterializations(partitions: $b) { runId timestamp "
            "metadataEntries { __typename label ... on TextMetadataEntry { text } "
            "... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } "
            "... on UrlMetadataEntry { url } ... on MarkdownMetadataEntry { mdStr } } } } } }",
            p=[asset],
            b=[batch],
        )
        events: list[dict[str, Any]] = found["assetNodeOrError"]["assetMaterializations"]
        return events

    def stale_causes(self, asset: str, batch: str) -> list[str]:
        """Why the UI shows a batch of an asset as stale; empty when it is fresh."""
        node = self.ask(
            "query ($asset: [String!]!, $batch: String!) { assetNodeOrError("
            "assetKey: {path: $asset}) { ... on AssetNode { staleStatus(partition: $batch) "
            "staleCauses(partition: $batch) { reason key { path } } } } }",
            asset=[asset],
            batch=batch,
        )["assetNodeOrError"]
        causes = [f"{cause['key']['path'][0]} {cause['reason']}" for cause in node["staleCauses"]]
        assert bool(causes) == (node["staleStatus"] == "STALE"), node
        return causes

    def checks(self, batch: str) -> dict[str, dict[str, Any]]:
        """The latest evaluation of every check for a batch, by `asset.check`."""
        nodes = self.ask(
            "{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks "
            "{ checks { name } } } } }"
        )["assetNodes"]
        found = {}
        for node in nodes:
            for check in node["assetChecksOrError"].get("checks", []):
                executions = self.ask(
                    "query($p: [String!]!, $n: String!, $b: String) { assetCheckExecutions("
                    "assetKey: {path: $p}, checkName: $n, partition: $b, limit: 1) { status "
                    "evaluation { success severity description } } }",
                    p=node["assetKey"]["path"],
                    n=check["name"],
                    b=batch,
                )["assetCheckExecutions"]
                if executions:
                    name = f"{node['assetKey']['path'][0]}.{check['name']}"
                    found[name] = executions[0]["evaluation"] or {"success": None}
        return found

    def click_materialize(self, assets: list[str], batch: str | None = None) -> str:
        """Materialize assets as the button of the UI does; returns the run's id."""
        tags = [{"key": "dagster/partition", "value": batch}] if batch else []
        answer = self.ask(
            "mutation($e: ExecutionParams!) { launchPipelineExecution(executionParams: $e) { "
            "__typename ... on LaunchRunSuccess { run { runId } } "
            "... on PythonError { message } } }",
            e={
                "selector": {
                    "repositoryLocationName": "fraud_assets",
                    "repositoryName": "__repository__",
                    "pipelineName": "__ASSET_JOB",
                    "assetSelection": [{"path": [asset]} for asset in assets],
                },
                "mode": "default",
                "executionMetadata": {"tags": tags},
            },
        )["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def wait_for_id(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended; return it."""

        def ended() -> dict[str, Any] | None:
            (run,) = (r for r in self.runs() if r["runId"] == run_id)
            return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

        return wait_for(f"the end of run {run_id}", ended, every=BETWEEN_QUESTIONS)

    def outcomes(self) -> dict[str, str]:
        """What became of each file that landed; nothing before the first look."""
        path = self.folder / "var" / "intake" / "files.sqlite"
        if not path.exists():
            return {}
        with open_ledger(path) as ledger:
            return {name: entry.state.value for name, entry in ledger.entries().items()}

    def wait_for_outcome(self, timeout: float = 600, **wanted: str) -> None:
        """Wait until files have come to an outcome: `wait_for_outcome(june="done")`."""

        def reached() -> bool:
            found = self.outcomes()
            return all(found.get(f"{name}.csv") == outcome for name, outcome in wanted.items())

        wait_for(f"{wanted}, and it is {self.outcomes()}", reached, timeout)

    def backfill(self, assets: list[str], batches: list[str]) -> str:
        """Backfill assets as the dialog of the UI does; returns the backfill's id."""
        answer = self.ask(
            "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { "
            "__typename ... on LaunchBackfillSuccess { backfillId } "
            "... on PythonError { message } } }",
            p={
                "assetSelection": [{"path": [asset]} for asset in assets],
                "partitionNames": batches,
            },
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        backfill_id: str = answer["backfillId"]
        return backfill_id


@contextmanager
def dagster(folder: Path, prefix: Sequence[str] = (), **more: str) -> Iterator[Dagster]:
    """Run webserver, daemon and code server as `make dev` does, until the block ends.

    The prefix is a command that runs others, with fewer rights for example.
    """
    port = free_port()
    ports = {"DAGSTER_PORT": str(port), "FRAUD_CODE_PORT": str(free_port())}
    env = environment(folder, FRAUD_CODE_HOST="127.0.0.1", **ports, **more)
    url = f"http://127.0.0.1:{port}"
    command = [*prefix, "bash", str(ROOT / "scripts" / "dev.sh")]
    with running(command, env, folder / "dagster.log", f"{url}/server_info"):
        yield Dagster(url, folder)


@contextmanager
def spark_cluster(folder: Path, cores: int = 2, memory: str = "2g") -> Iterator[str]:
    """A Spark master with one worker, both on loopback; yields the master's address."""
    import pyspark

    spark = Path(pyspark.__file__).parent
    port, page, worker_page = free_port(), free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    master = ["Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    worker = ["Worker", "--host", "127.0.0.1", "--webui-port", str(worker_page)]
    worker += ["--cores", str(cores), "--memory", memory, "--work-dir", str(folder), address]
    # What Spark's driver, in this process, reads from its environment.
    driver = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_HOME": str(spark),
        "PYSPARK_SUBMIT_ARGS": "--conf spark.ui.enabled=false pyspark-shell",
    }
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name, value in driver.items():
            patch.setenv(name, value)
        for (kind, *arguments), port_ in ((master, page), (worker, worker_page)):
            main = f"org.apache.spark.deploy.{kind.lower()}.{kind}"
            command = [str(spark / "bin" / "spark-class"), main, *arguments]
            log, url = folder / f"{kind}.log", f"http://127.0.0.1:{port_}"
            stack.enter_context(running(command, dict(os.environ), log, url))
        yield address
