"""The stack of the compose file while its parts are killed: what a user sees, and what is lost."""

import contextlib
import os
import random
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import psycopg2
import pytest

from fraud_assets.store import paths
from fraud_assets.store.decision_log import read_entries
from fraud_assets.tracking import BATCH_TAG, Tracking
from fraud_assets_tests.integration.compose import Compose, ask, drop
from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.load import PAGES, WATCHED, let_retention_loose, run_load
from fraud_assets_tests.integration.servers import Dagster, wait_for

LONG = bool(os.environ.get("FRAUD_LONG"))
BATCHES, RESTARTS, MOMENTS = 20, 10, 20
of_minutes = pytest.mark.skipif(not LONG, reason="takes minutes; `make faults` runs it")


@dataclass
class Row:
    """What came of a fault, for the table that is printed at the end."""

    fault: str
    seen: str
    seconds: float
    lost: str


ROWS: list[Row] = []


@pytest.fixture(scope="module")
def stack(full_stack):
    full_stack.stop("retention")
    yield full_stack
    print("\n\n| fault | what a user sees | seconds to the end of the batch | lost |")
    print("| --- | --- | --- | --- |")
    for row in ROWS:
        print(f"| {row.fault} | {row.seen} | {row.seconds:.0f} | {row.lost} |")


def small(seed):
    """Transactions of three weeks, each batch after the one before."""
    day = f"2026-{1 + seed % 12:02}-01"
    return cards(seed, transactions=2500, fraud_rate=0.06, first_day=day)


def under_way(stack: Compose, batch: str, asset: str = "features") -> None:
    """Wait until a run is past an asset, and not over."""
    wait_for(f"{asset} of {batch}", lambda: stack.dagster().materializations(asset, batch))


def lost_of(stack: Compose, *batches: str) -> str:
    """What is missing or there twice of batches that came through."""
    dagster = stack.dagster()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(stack.folder / "var"))
        patch.setenv("MLFLOW_TRACKING_URI", stack.url("mlflow", 5000))
        patch.setenv("MLFLOW_TRACKING_USERNAME", "fraud")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", stack.secrets["MLFLOW_PASSWORD"])
        tracking = Tracking()
        client = tracking.client()
        versions = client.search_model_versions(f"name = '{tracking.model_name}'")
        trained = Counter(client.get_run(str(v.run_id)).data.tags[BATCH_TAG] for v in versions)
        decided = Counter(entry.batch for entry in read_entries(paths.decisions_path()))
        open_runs = list(client.search_runs(["1"], "attributes.status = 'RUNNING'"))
    found = []
    for batch in batches:
        done = [run for run in dagster.runs(batch) if run["status"] == "SUCCESS"]
        counts = {"runs": len(done), "versions": trained[batch], "decisions": decided[batch]}
        found += [f"{count} {what} of {batch}" for what, count in counts.items() if count != 1]
    return (
        ", ".join([*found, *(f"open MLflow run {r.info.run_id}" for r in open_runs)]) or "nothing"
    )


def await_done(stack: Compose, fault: str, batch: str, since: float, timeout: float = 600) -> Row:
    """Wait until a batch is through; note what was seen of it."""
    stack.dagster().wait_for_outcome(timeout, **{batch: "done"})
    runs = stack.dagster().runs(batch)
    failed = [run for run in runs if run["status"] != "SUCCESS"]
    seen = f"{len(failed)} failed run, taken up by another" if failed else "the run goes on"
    row = Row(fault, seen, time.monotonic() - since, lost_of(stack, batch))
    ROWS.append(row)
    return row


@contextlib.contextmanager
def small_disk(folder: Path, size: str, seen_by: psutil.Process | None = None) -> Iterator[None]:
    """A folder on a disk of its own, with nothing in it, as a process sees it that is contained."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.parent.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    inside = ["nsenter", f"--mount=/proc/{seen_by.pid}/ns/mnt"] if seen_by else []
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=700"
    mounted = subprocess.run(
        [*inside, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a small tmpfs cannot be mounted here; it takes root")
    try:
        yield
    finally:
        subprocess.run([*inside, "umount", str(folder)], check=True)


@contextlib.contextmanager
def database_on_a_small_disk(stack: Compose) -> Iterator[Path]:
    """PostgreSQL's volume with 32 MB to spare; what it holds stays."""
    volume, aside = stack.volume("postgres"), stack.folder / "aside"
    stack.stop("postgres")
    copy(volume, aside)
    size = sum(f.stat().st_blocks * 512 for f in aside.rglob("*")) + (32 << 20)
    with small_disk(volume, str(size)):
        copy(aside, volume)
        stack.start("postgres")
        stack.wait_until_healthy("postgres")
        yield volume
        stack.stop("postgres")
        shutil.rmtree(aside)
        copy(volume, aside)
    shutil.rmtree(volume)
    copy(aside, volume)
    stack.start("postgres")
    stack.wait_until_healthy("postgres")


def copy(source: Path, target: Path) -> None:
    """Copy a folder's contents with their owners."""
    subprocess.run(["cp", "-aT", str(source), str(target)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; returns the file that takes it."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return ballast


KILLED = ["postgres", "mlflow", "pushgateway", "daemon", "code-server"]
TOGETHER = [KILLED]
"""All in one run take less time; `make faults` kills each in a run of its own."""


@pytest.mark.parametrize("names", [[name] for name in KILLED] if LONG else TOGETHER)
def test_a_service_that_is_killed_in_the_middle_of_a_run_costs_nothing(stack, names):
    batch = f"kill-{'-'.join(names)}"
    drop(stack, batch, small(1 + KILLED.index(names[0])))
    under_way(stack, batch)
    since = time.monotonic()
    for name in names:
        stack.kill(name)
    row = await_done(stack, f"kill -9 of {' and '.join(names)}", batch, since)
    assert row.lost == "nothing"
    for name in names:
        stack.wait_until_healthy(name)


def test_pages_show_no_error_once_the_database_is_back(stack):
    dagster = Dagster(stack.url("webserver", 3070), stack.folder)
    assert dagster.runs("first")
    assert dagster.materializations("features", "first")
    stack.kill("postgres")
    time.sleep(3)
    stack.wait_until_healthy("postgres")
    assert dagster.runs("first")
    assert dagster.materializations("features", "first")


# `test_ordeal.py` kills runs of the embedded stack each time.
@of_minutes
def test_a_run_whose_process_is_killed_is_taken_up(stack):
    drop(stack, "kill-run", small(6))
    under_way(stack, "kill-run")
    since = time.monotonic()
    for process in stack.run_processes():
        process.kill()
    row = await_done(stack, "kill -9 of the run", "kill-run", since)
    assert row.lost == "nothing"
    assert row.seen.startswith("1 failed run")


@of_minutes
def test_mlflow_away_for_a_minute_loses_no_training(stack):
    drop(stack, "away", small(7))
    under_way(stack, "away")
    since = time.monotonic()
    stack.stop("mlflow")
    time.sleep(60)
    stack.start("mlflow")
    row = await_done(stack, "MLflow away for a minute", "away", since, 400)
    assert row.lost == "nothing"


@of_minutes
def test_a_connection_limit_that_is_reached_only_delays(stack):
    drop(stack, "crowded", small(8))
    under_way(stack, "crowded")
    since = time.monotonic()
    with contextlib.ExitStack() as crowd:
        taken = 0
        with contextlib.suppress(psycopg2.OperationalError):
            for _ in range(300):
                connection = psycopg2.connect(
                    host="127.0.0.1", port=stack.port("postgres", 5432), user="mlflow",
                    password=stack.secrets["MLFLOW_DB_PASSWORD"], dbname="mlflow",
                )  # fmt: skip
                crowd.callback(connection.close)
                taken += 1
        assert 100 < taken < 300
        time.sleep(10)
    row = await_done(
        stack, f"PostgreSQL's connections all taken for 10 s ({taken})", "crowded", since
    )
    assert row.lost == "nothing"


def test_two_daemons_by_mistake_run_no_batch_twice(stack):
    refused = [f"refused-{number}" for number in range(2)]
    second_log = stack.folder / "logs" / "second-daemon.log"
    second = stack.start_another("daemon", second_log)
    try:
        wait_for("the second daemon", lambda: "sensor: csv_landing" in second_log.read_text())
        since = time.monotonic()
        for number, name in enumerate(refused):
            drop(stack, name, pd.DataFrame({"a": [number], "y": ["no label"]}))
        drop(stack, "twins", small(9))
        row = await_done(stack, "two daemons at once", "twins", since)
        wait_for("the last process of a run", lambda: not stack.run_processes(), 120)
    finally:
        second.kill()
        second.wait(20)
    assert lost_of(stack, "twins") == row.lost == "nothing"
    assert {name: len(stack.dagster().runs(name)) for name in refused} == dict.fromkeys(refused, 1)
    started = re.findall(r"- ([0-9a-f-]{36}) - \d+ - RUN_START ", stack.log("code-server"))
    assert len(started) == len(set(started)) > 0


def test_a_disk_that_is_full_is_told_and_the_file_is_taken_when_there_is_room(stack):
    folder = (stack.folder / "var").resolve() / "tables" / "raw_transactions" / "full"
    runs_in = stack.process("code-server") if stack.contained else None
    with small_disk(folder, "16k", runs_in):
        drop(stack, "full", small(11))
        assert stack.dagster().wait_for_run("full")["status"] == "FAILURE"
        assert "the disk is full" in stack.log("code-server")
        stack.dagster().wait_for_outcome(60, full="failed")
    since = time.monotonic()
    (stack.folder / "data" / "full.csv").touch()
    row = await_done(stack, "disk full, then room again and the file touched", "full", since)
    assert row.lost == "nothing"


@of_minutes
def test_a_database_whose_disk_is_full_goes_on_when_there_is_room(stack):
    with database_on_a_small_disk(stack) as disk:
        drop(stack, "crammed", small(14))
        under_way(stack, "crammed")
        since = time.monotonic()
        ballast = fill(disk)
        wait_for("the full disk", lambda: "No space left on device" in stack.log("postgres"), 60)
        time.sleep(10)
        ballast.unlink()
        row = await_done(stack, "PostgreSQL's disk is full, then room", "crammed", since)
    assert row.lost == "nothing"


@of_minutes
def test_a_clock_that_jumps_two_hours_forth_and_back_is_told_and_loses_nothing(stack):
    clock = stack.folder / "clock"
    clock.write_text("0")
    stack.clock = {"PYTHONPATH": str(Path(__file__).parent / "clock"), "FRAUD_CLOCK": str(clock)}
    try:
        stack.kill("daemon")
        time.sleep(10)
        clock.write_text("7200")
        since = time.monotonic()
        drop(stack, "clock-forth", small(12))
        assert (
            await_done(stack, "the daemon's clock jumps 2 h forth", "clock-forth", since).lost
            == "nothing"
        )
        clock.write_text("0")
        since = time.monotonic()
        drop(stack, "clock-back", small(13))
        # Dagster's daemon sleeps for as long as the clock went back, and then waits until it has
        # passed the sensor's last tick. The alert fires, and its runbook says what to do.
        still = (
            'abs(time() - dagster_sensor_last_tick_timestamp_seconds{sensor_name="csv_landing"})'
        )
        wait_for("the alert's cause", lambda: stack.ask_prometheus(f"{still} > 600"), 60)
        assert "clock-back.csv" not in stack.dagster().outcomes()
        stack.kill("daemon")
        wait_for("the sensor to be woken", lambda: "woken: csv_landing" in stack.log("daemon"), 60)
        row = await_done(stack, "it jumps back: IntakeSensorFailing, daemon restarted",
                   "clock-back", since)  # fmt: skip
        assert row.lost == "nothing"
    finally:
        stack.clock = {}
        stack.kill("daemon")


@of_minutes
@pytest.mark.timeout(3600)
def test_a_database_that_restarts_again_and_again_loses_no_batch(stack):
    batches = [f"row-{number:02}" for number in range(BATCHES)]
    over = threading.Event()
    restarts = []

    def restart() -> None:
        while len(restarts) < RESTARTS and not over.wait(20):
            stack.kill("postgres")
            restarts.append(time.monotonic())

    restarting = threading.Thread(target=restart)
    since = time.monotonic()
    restarting.start()
    try:
        for number, batch in enumerate(batches):
            drop(stack, batch, small(20 + number))
        row = await_done(stack, f"{RESTARTS} restarts during {BATCHES} batches", batches[-1], since,
                   60 * BATCHES + 120)  # fmt: skip
    finally:
        over.set()
        restarting.join()
    stack.dagster().wait_for_outcome(240, **dict.fromkeys(batches, "done"))
    assert lost_of(stack, *batches) == row.lost == "nothing"
    assert restarts


EVENTS = "select count(*) from event_logs"


def wait_for_events(stack, number):
    """Wait until all runs together have written that many events."""
    wait_for(f"event {number}", lambda: ask(stack, "dagster", EVENTS) >= number, 600)


@of_minutes
@pytest.mark.timeout(7200)
def test_a_database_that_dies_at_any_moment_of_a_run_leaves_every_file_done_once(stack):
    before = ask(stack, "dagster", EVENTS)
    drop(stack, "whole", small(40))
    stack.dagster().wait_for_outcome(whole="done")
    whole = ask(stack, "dagster", EVENTS) - before
    chance = random.Random(20)
    # Spread over all that a run writes: the starts and ends of steps, and the events of checks.
    moments = sorted(chance.sample(range(whole), MOMENTS))
    for number, moment in enumerate(moments):
        batch, before = f"moment-{number:02}", ask(stack, "dagster", EVENTS)
        drop(stack, batch, small(41 + number))
        wait_for_events(stack, before + moment)
        since = time.monotonic()
        stack.kill("postgres")
        row = await_done(stack, f"kill -9 of PostgreSQL at event {moment} of {whole}", batch, since)
        assert row.lost == "nothing"
        stack.wait_until_healthy("postgres")


def test_the_graph_is_whole_after_all_of_it_and_a_load_prints_what_grows(stack, capsys):
    run_load(stack, batches=1, every=20, visits=1)
    let_retention_loose(stack)
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if line.startswith("| 1 ")]
    assert row.count("|") == 7 + len(WATCHED) + len(PAGES)
    assert re.search(r"removed [1-9][\d,]* events", printed)
    for name in ("postgres", "mlflow", "pushgateway", "daemon", "code-server", "webserver"):
        stack.wait_until_healthy(name)
    assert stack.ask_prometheus('fraud_batch_info{batch="batch001"}')
