"""284,807 x 30 through the whole graph: memory with the MLP, and boosting beside it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import in_fresh_process
from benchmarks.overhead import CREDITCARD, PIPELINE
from benchmarks.row import Row, row
from fraud_assets.intake.simulator import simulate, write_csv

NEEDS_DATA = False


def run(_: Path | None) -> list[Row]:
    with TemporaryDirectory() as folder:
        write_csv(simulate(CREDITCARD), Path(folder) / "creditcard.csv")
        boosting = in_fresh_process(PIPELINE, Path(folder), "xgboost")
        mlp = in_fresh_process(PIPELINE, Path(folder), "mlp")
    seconds = (boosting["seconds"], mlp["seconds"])
    peaks = (mlp["peak_mb"], boosting["peak_mb"])
    return [
        row("whole graph, boosting against MLP", *seconds, "s", "at least 2x faster",
            seconds[0] * 2 <= seconds[1]),
        row("peak memory, MLP against boosting", *peaks, "MB", "MLP under 2 GB", peaks[0] < 2048),
    ]  # fmt: skip
