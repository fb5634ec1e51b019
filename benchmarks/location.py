"""Loading the code location, beside importing Dagster alone."""

from pathlib import Path
from statistics import median

from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row

NEEDS_DATA = False
TIMES = 5


def run(_: Path | None) -> list[Row]:
    def seconds(code: str) -> float:
        return float(median(in_fresh_process(code)["seconds"] for _ in range(TIMES)))

    ours = seconds("from fraud_assets.definitions import defs\ndefs.resolve_asset_graph()\ndone()")
    other = seconds("import dagster\ndone()")
    return [row("load the code location", ours, other, "s", "under 3 s", ours < 3)]
