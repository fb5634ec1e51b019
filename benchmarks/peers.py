"""Evidently and NannyML on the same frames: run by an environment of their own.

`python peers.py verdicts POOL OUT SEEDS SLOW_SEEDS` writes what each tool says of each cell of
the grid, `python peers.py time REFERENCE BATCH` prints seconds and peak memory of Evidently.
"""

import json
import os
import sys
import time
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
import changes  # type: ignore[import-not-found]

# Both would otherwise tell their makers of every run.
os.environ |= {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
warnings.filterwarnings("ignore")
REFERENCE_ROWS = 100_000
LARGEST_CHUNK = 10_000
"""NannyML takes its thresholds from the chunks of the reference, so that there must be several."""


def evidently(reference: pd.DataFrame, batch: pd.DataFrame) -> bool:
    """Whether the data-drift preset says that the dataset drifted, by its own defaults."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    texts = [c for c in (*changes.CATEGORIES, changes.LABEL) if c in reference]
    numbers = [c for c in reference.columns if c not in texts]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    report = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(batch, definition), Dataset.from_pandas(reference, definition)
    )
    counted = report.dict()["metrics"][0]
    return bool(counted["value"]["share"] >= counted["config"]["drift_share"])


def nannyml_calculators(reference: pd.DataFrame, rows: int) -> dict[str, Any]:
    """Fit NannyML's calculators on a reference, in chunks as large as the batch."""
    import nannyml as nml

    texts, columns = [*changes.CATEGORIES, changes.LABEL], list(reference.columns)
    chunk = min(rows, LARGEST_CHUNK)
    univariate = nml.UnivariateDriftCalculator(
        column_names=columns, treat_as_categorical=texts, chunk_size=chunk
    )
    several = nml.DataReconstructionDriftCalculator(column_names=columns, chunk_size=chunk)
    return {
        "NannyML, univariate": univariate.fit(reference),
        "NannyML, reconstruction": several.fit(reference),
    }


def nannyml(calculator: Any, batch: pd.DataFrame) -> bool:
    """Whether any of its alerts is raised."""
    found = calculator.calculate(batch).filter(period="analysis").to_df()
    alerts = [name for name in found.columns if name[-1] == "alert"]
    return bool(found[alerts].to_numpy(dtype=bool).any())


def verdicts(pool: pd.DataFrame, sizes: list[int], seeds: int, slow_seeds: int) -> list[Any]:
    """Return rows, change, level, tool, how often it alarmed and of how many times."""
    alarms: dict[tuple[Any, ...], list[bool]] = defaultdict(list)
    for rows in sizes:
        calculators: dict[int, dict[str, Any]] = {}
        for seed, change, level in changes.trials(seeds):
            group = seed % changes.GROUPS
            reference, batch = changes.draw(pool, REFERENCE_ROWS, rows, change, level, seed, group)
            if group not in calculators:
                calculators[group] = nannyml_calculators(reference, rows)
            for tool, calculator in calculators[group].items():
                alarms[rows, change, level, tool].append(nannyml(calculator, batch))
            if seed < slow_seeds:
                alarms[rows, change, level, "Evidently"].append(evidently(reference, batch))
    return [[*cell, sum(found), len(found)] for cell, found in alarms.items()]


def main() -> None:
    what, first, second, *numbers = sys.argv[1:]
    if what == "verdicts":
        sizes, seeds, slow_seeds = json.loads(numbers[0]), int(numbers[1]), int(numbers[2])
        found = verdicts(pd.read_parquet(first), sizes, seeds, slow_seeds)
        Path(second).write_text(json.dumps(found))
        return
    reference, batch = pd.read_parquet(first), pd.read_parquet(second)
    evidently(reference.head(1000), batch.head(1000))
    start = time.perf_counter()
    evidently(reference, batch)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print("MEASURED " + json.dumps({"seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
