"""Batches in a row through the full stack: growth, memory and the UI; `make load BATCHES=200`."""

import statistics
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.intake.simulator import simulate
from fraud_assets_tests.integration.compose import Compose, ask, browsing, composed, drop
from fraud_assets_tests.integration.servers import wait_for

WATCHED = (
    "code-server", "webserver", "daemon", "exporter", "mlflow", "postgres", "prometheus",
    "pushgateway", "alertmanager", "proxy",
)  # fmt: skip
"""Services that run on, but for `retention`, which is let loose at the end."""
VOLUMES = ("fraud", "mlflow")
"""Tables, reports and logs; models and what MLflow shows of runs."""
PAGES = ("/assets", "/assets/evaluation_report", "/runs")
VISITS = 3
"""Of each page, to take the middle one of the times."""
MB = 1e6
AHEAD = 3
"""Batches that wait in `data/` while one runs, as after a night in which nobody looked."""


@dataclass
class Look:
    """What was measured after a number of batches."""

    batches: int
    seconds: float
    databases: dict[str, float]
    folders: dict[str, float]
    memory: dict[str, float]
    pages: dict[str, float]


def look(stack: Compose, batches: int, seconds: float, visits: int) -> Look:
    """Measure sizes in MB and the last batch's seconds."""
    size = "select pg_database_size(current_database())"
    databases = {name: ask(stack, name, size) / MB for name in ("dagster", "mlflow")}
    folders = {name: size_of(stack.volume(name)) / MB for name in VOLUMES}
    memory = {name: memory_of(stack, name) / MB for name in WATCHED}
    return Look(batches, seconds, databases, folders, memory, page_seconds(stack, visits))


def size_of(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def memory_of(stack: Compose, name: str) -> float:
    """Bytes that are a service's own, without those of runs."""
    process, runs = stack.process(name), stack.run_processes()
    total = 0
    for member in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):
            total += 0 if member in runs else member.memory_full_info().uss
    return total


def page_seconds(stack: Compose, visits: int) -> dict[str, float]:
    """Seconds until a page of the UI shows its assets or runs, the middle one of some visits."""
    found = {}
    with browsing(stack) as page:
        for path in PAGES:
            took = []
            for _ in range(visits):
                start = time.monotonic()
                page.goto(f"{stack.url('proxy', 8080)}{path}", wait_until="commit")
                wanted = "fraud_pipeline" if path == "/runs" else "evaluation_report"
                page.get_by_text(wanted).first.wait_for(timeout=60_000)
                took.append(time.monotonic() - start)
            found[path] = statistics.median(took)
    return found


def shown(found: Look) -> str:
    """A row of the table."""
    cells: list[Any] = [found.batches, f"{found.seconds:.1f}"]
    cells += [f"{found.databases[n]:.0f}" for n in ("dagster", "mlflow")]
    cells += [f"{found.folders[n]:.0f}" for n in VOLUMES]
    cells += [f"{found.memory[n]:.0f}" for n in WATCHED]
    cells += [f"{found.pages[path]:.1f}" for path in PAGES]
    return "| " + " | ".join(map(str, cells)) + " |"


def run_load(stack: Compose, batches: int, every: int, visits: int = VISITS) -> None:
    """Run batches one after the other through a stack that is up, and print what grows."""
    heads = ["batches", "s a batch", "MB dagster", "MB mlflow", "MB files", "MB artifacts"]
    heads += [*(f"MB {n}" for n in WATCHED), *(f"s {path}" for path in PAGES)]
    click.echo("| " + " | ".join(heads) + " |")
    click.echo("| --- " * len(heads) + "|")
    since, seen = time.monotonic(), 0
    for number in range(1, batches + 1):
        day = f"2026-{1 + number % 12:02}-01"
        drop(stack, f"batch{number:03}", simulate(SimulationSettings(
            transactions=600, fraud_rate=0.1, days=21, seed=number, first_day=day
        )))  # fmt: skip
        looked_at = number % every == 0 or number in (1, batches)
        last = number if looked_at else max(1, number - AHEAD)
        stack.dagster().wait_for_outcome(600, **{f"batch{last:03}": "done"})
        if looked_at:
            wait_for("the run to end", lambda: not stack.run_processes())
            took = (time.monotonic() - since) / (number - seen)
            click.echo(shown(look(stack, number, took, visits)))
            since, seen = time.monotonic(), number


def let_retention_loose(stack: Compose) -> None:
    """Remove old events, and print how many there were."""
    before = stack.log("retention")
    stack.start("retention")
    wait_for("retention", lambda: len(stack.log("retention")) > len(before), 120)
    click.echo(stack.log("retention").removeprefix(before).strip())
    # Gives back what was removed, which autovacuum would only mark as free to be written anew.
    ask(stack, "dagster", "vacuum full event_logs")


@click.command()
@click.option("--batches", default=200, show_default=True)
@click.option("--every", default=20, show_default=True, help="Batches between two looks.")
def main(batches: int, every: int) -> None:
    """Run batches one after the other and print what grows."""
    with composed(FRAUD_KEEP_DAYS="0") as stack:
        stack.up()
        stack.stop("retention")
        run_load(stack, batches, every)
        let_retention_loose(stack)
        click.echo(shown(look(stack, batches, 0, VISITS)))


if __name__ == "__main__":
    main()
