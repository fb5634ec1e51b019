"""From a file's last write to the first step of its run, with the real daemon."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.row import Row, row
from fraud_assets.config.settings import SETTLE_SECONDS, SimulationSettings
from fraud_assets.intake.simulator import simulate, write_csv
from fraud_assets_tests.integration.servers import dagster

NEEDS_DATA = False
TIMES = 3
FIRST_STEP = (
    "query($r: ID!) { runOrError(runId: $r) { ... on Run { stepStats { startTime stepKey } } } }"
)


def run(_: Path | None) -> list[Row]:
    found = []
    with TemporaryDirectory() as folder, dagster(Path(folder)) as stack:
        for number in range(TIMES):
            path = Path(folder) / "data" / f"batch{number}.csv"
            write_csv(simulate(SimulationSettings(transactions=5000, seed=number)), path)
            written = path.stat().st_mtime
            ended = stack.wait_for_run(path.stem)
            steps = stack.ask(FIRST_STEP, r=ended["runId"])["runOrError"]["stepStats"]
            found.append(min(step["startTime"] for step in steps) - written)
    slowest = max(found)
    work = f"last write to first step, slowest of {TIMES} (median {median(found):.1f} s)"
    return [row(work, slowest, SETTLE_SECONDS, "s", "under 15 s", slowest < 15)]
