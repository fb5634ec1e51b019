"""A CSV of 5 million rows to Parquet, beside pandas; a sensor tick over 10,000 seen files."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row

NEEDS_DATA = False
ROWS = 5_000_000
SEEN_FILES = 10_000
OURS = """
from pathlib import Path
import duckdb
from fraud_assets.config import IntakeSettings
from fraud_assets.intake.ingest import LandedCsv, ingest_file

folder = Path(sys.argv[2])
begin()
taken = LandedCsv(Path(sys.argv[1]), "b", folder / "rows.parquet", folder / "rejected.csv")
facts = ingest_file(duckdb.connect(), taken, IntakeSettings(), lambda _: None, lambda _: None)
done(rows=facts["rows"])
"""
PANDAS = """
import pandas as pd
import pyarrow.parquet

begin()
frame = pd.read_csv(sys.argv[1])
frame.to_parquet(sys.argv[2] + "/pandas.parquet")
done(rows=len(frame))
"""
TICK = """
import dagster as dg
from fraud_assets.config import environment
from fraud_assets.store import paths
from fraud_assets.definitions import defs
from fraud_assets.intake.landing.drop_folder import list_files
from fraud_assets.intake.landing.ledger import LedgerEntry, FileState, open_ledger
from fraud_assets.intake.sensors import csv_landing

folder = environment.drop_folder()
for number in range(int(sys.argv[1])):
    (folder / f"transactions_{number:05}.csv").touch()
with open_ledger(paths.ledger_path()) as ledger:
    ledger.put([
        LedgerEntry(f.name, f.batch, *f.stat, "0" * 64, FileState.done, "run", f"{f.batch}:0:1")
        for f in list_files(folder).values()
    ])
with dg.DagsterInstance.get() as instance:
    context = dg.build_sensor_context(instance, definitions=defs)
    begin()
    result = csv_landing(context)
    assert not result.run_requests
    done(cursor_bytes=len(result.cursor or ""))
"""
SCAN = """
from fraud_assets.config import environment
folder = environment.drop_folder()
for number in range(int(sys.argv[1])):
    (folder / f"transactions_{number:05}.csv").touch()
begin()
for path in folder.iterdir():
    path.stat()
done()
"""


def write_csv(path: Path, rows: int) -> None:
    """Write a CSV in the layout of creditcard.csv: 31 columns, about 470 bytes a row."""
    chance = np.random.default_rng(0)
    names = ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]
    with path.open("wb") as file:
        file.write((",".join(names) + "\n").encode())
        for start in range(0, rows, 250_000):
            n = min(250_000, rows - start)
            columns: dict[str, Any] = {"Time": np.arange(start, start + n) // 30}
            columns |= {name: np.round(chance.normal(size=n), 13) for name in names[1:29]}
            columns["Amount"] = np.round(chance.lognormal(3, 1, n), 2)
            columns["Class"] = (chance.random(n) < 0.002).astype(int)
            pacsv.write_csv(pa.table(columns), file, pacsv.WriteOptions(include_header=False))


def run(_: Path | None) -> list[Row]:
    with TemporaryDirectory() as folder:
        whole, tenth = Path(folder) / "whole.csv", Path(folder) / "tenth.csv"
        write_csv(tenth, ROWS // 10)
        write_csv(whole, ROWS)
        small = in_fresh_process(OURS, None, str(tenth), folder)
        ours = in_fresh_process(OURS, None, str(whole), folder)
        other = in_fresh_process(PANDAS, None, str(whole), folder)
        size = whole.stat().st_size / 1e9
    tick = in_fresh_process(TICK, None, str(SEEN_FILES))
    scan = in_fresh_process(SCAN, None, str(SEEN_FILES))
    assert ours["rows"] == other["rows"] == ROWS, (ours, other)
    what = f"{ROWS:,} rows x 31 columns ({size:.1f} GB) to Parquet"
    growth = ours["seconds"] / small["seconds"]
    return [
        row(f"{what}, ours with SHA-256, against pandas", ours["seconds"], other["seconds"], "s",
            "a fifth", ours["seconds"] <= other["seconds"] / 5),
        row(f"{what}, peak memory", ours["peak_mb"], other["peak_mb"], "MB",
            "under 2,000 MB", ours["peak_mb"] < 2000),
        row("ten times the rows, times the time", growth, 10, "times", "linear: at most 11",
            growth <= 11),
        row(f"a tick over {SEEN_FILES:,} seen files, against listing them", tick["seconds"],
            scan["seconds"], "s", "under 1 s", tick["seconds"] < 1),
        row("the cursor after it", tick["cursor_bytes"], 1_000_000, "bytes", "under 1 MB",
            tick["cursor_bytes"] < 1_000_000),
    ]  # fmt: skip
