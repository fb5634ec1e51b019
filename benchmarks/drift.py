"""Drift: false alarms, detections and time, beside Evidently and NannyML on the same frames."""

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from click import echo
from scipy.stats import fisher_exact

from benchmarks import changes
from benchmarks.measure import ROOT, in_fresh_process
from benchmarks.row import Row, row
from fraud_assets.config.settings import DriftSettings, SimulationSettings, SimulationShape
from fraud_assets.drift.encoding import text_column
from fraud_assets.drift.measure import column_findings, common_columns, measure_drift
from fraud_assets.drift.profile import DAYS_KNOWN, Profile, Watched, make_profile, summarize
from fraud_assets.intake.simulator import simulate
from fraud_assets.records.drift import DriftVerdict

NEEDS_DATA = False
SIZES = [500, 5_000, 50_000]
SEEDS = int(os.environ.get("SEEDS", "10"))
SLOW_SEEDS = int(os.environ.get("SLOW_SEEDS", "2"))
"""Seeds of Evidently, of which a run takes seconds."""
REFERENCE_ROWS = 100_000
PEERS = ROOT / ".venv-peers" / "bin" / "python"
CORRELATED = (("V1", "V2"), ("V5", "V6"), ("V9", "V10"))
HANDBOOK_COLUMNS = (
    *("TX_AMOUNT", "card_transactions_7d", "card_mean_amount_7d", "card_max_amount_30d"),
    *("card_amount_ratio_30d", "card_seconds_since_last_30d", "card_distinct_terminals_7d"),
    *("terminal_transactions_7d", "terminal_mean_amount_7d", "terminal_fraud_share_30d"),
)
OURS, ALARM = "ours", "ours, alarm"
EDGE = 0.02


def run(data: Path | None) -> list[Row]:
    found = [*_time(), *_large()]
    pools = {"simulated": simulated_pool()}
    if data is not None:
        pools["handbook"] = handbook_pool(data / "handbook")
    for name, pool in pools.items():
        found += _grid(name, pool)
    return found


def simulated_pool() -> pd.DataFrame:
    """Return simulated rows like those of creditcard.csv, three pairs of columns correlated."""
    settings = SimulationSettings(
        shape=SimulationShape.creditcard, transactions=284_807, fraud_rate=0.005, seed=5
    )
    frame = simulate(settings).drop(columns="Time").rename(columns={"Class": changes.LABEL})
    for first, second in CORRELATED:
        spread = frame[second].std() / frame[first].std()
        frame[second] = 0.7 * spread * frame[first] + 0.7 * frame[second]
    return _with_categories(frame, "Amount")


def handbook_pool(handbook: Path) -> pd.DataFrame:
    """Return rows of the handbook with ten of the product's features, windows full."""
    from benchmarks.handbook import load

    frame = load(handbook)
    settled = frame[frame["day"] >= 40].rename(columns={"fraud_": changes.LABEL})
    chosen = settled[[*HANDBOOK_COLUMNS, changes.LABEL]].astype({"TX_AMOUNT": float})
    return _with_categories(chosen.reset_index(drop=True), "TX_AMOUNT")


def _with_categories(frame: pd.DataFrame, amount: str) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    place = 0.3 * frame[amount].rank(pct=True) + 0.7 * rng.random(len(frame))
    channels = np.array(["chip", "contactless", "online", "phone"])
    countries = np.array(["BE", "DE", "FR", "NL", "UK", "US"])
    return frame.assign(
        channel=channels[np.minimum(3, (place * 4).astype(int))],
        country=countries[(rng.random(len(frame)) ** 2 * 6).astype(int)],
    )


# --- the grid ---------------------------------------------------------------------------


def _grid(name: str, pool: pd.DataFrame) -> list[Row]:
    tallies = dict(ours(pool, SEEDS))
    tallies |= _peers(pool) if PEERS.exists() else {}
    if not PEERS.exists():
        echo("  Evidently and NannyML are left out: `make peers` installs them")
    _print_table(name, tallies)
    return [*_false_alarms(name, tallies), *_detections(name, tallies), *_flip(name, tallies)]


Tallies = dict[tuple[int, str, str, str], tuple[int, int]]


def ours(pool: pd.DataFrame, seeds: int) -> Tallies:
    """Return by cell of the grid how often we found a change, and how often a check failed."""
    tallies: dict[Any, list[bool]] = defaultdict(list)
    profiles: dict[int, Profile] = {}
    for rows in SIZES:
        for seed, change, level in changes.trials(seeds):
            group = seed % changes.GROUPS
            reference, batch = changes.draw(pool, REFERENCE_ROWS, rows, change, level, seed, group)
            if group not in profiles:
                profiles[group] = make_profile(for_us(reference), watched(pool), {})
            report = measure(profiles[group], for_us(batch), watched(pool))
            tallies[rows, change, level, OURS].append(report.changed)
            alarm = report.verdict != "good"
            tallies[rows, change, level, ALARM].append(alarm)
    return {cell: (sum(found), len(found)) for cell, found in tallies.items()}


def watched(frame: pd.DataFrame) -> Watched:
    """Return the columns that drift is measured on."""
    texts = [c for c in changes.CATEGORIES if c in frame]
    numbers = [c for c in frame.columns if c not in (*texts, changes.LABEL)]
    return Watched(numbers, texts, {}, dates=False)


def for_us(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame under the names that the product's own loading gives."""
    named = {name: text_column(name) for name in changes.CATEGORIES}
    renamed = frame.rename(columns=named | {changes.LABEL: "fraud_"})
    return renamed.assign(**{DAYS_KNOWN: np.nan, "known_us_": np.nan})


def measure(profile: Profile, batch: pd.DataFrame, of: Watched) -> DriftVerdict:
    """Return the report on a batch."""
    columns, settings = common_columns(profile, of), DriftSettings()
    summary = summarize([batch], len(batch), columns, {}, dates=False, seed=0)
    findings = column_findings(profile, of)
    report = measure_drift(profile, summary, columns, findings, {}, None, settings)
    if not isinstance(report, DriftVerdict):
        raise ValueError(f"{report.rows} rows are too few; {report.min_rows} are needed")
    return report


def _peers(pool: pd.DataFrame) -> Tallies:
    with TemporaryDirectory() as folder:
        frame, out = Path(folder) / "pool.parquet", Path(folder) / "found.json"
        pool.to_parquet(frame)
        numbers = [json.dumps(SIZES), str(SEEDS), str(SLOW_SEEDS)]
        _in_peers("verdicts", str(frame), str(out), *numbers)
        found = json.loads(out.read_text())
    return {tuple(cell[:4]): (cell[4], cell[5]) for cell in found}


def _in_peers(*arguments: str) -> str:
    command = [str(PEERS), str(ROOT / "benchmarks" / "peers.py"), *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise RuntimeError(shown.stderr[-3000:])
    return shown.stdout


def _print_table(name: str, tallies: Tallies) -> None:
    tools = list(dict.fromkeys(cell[3] for cell in tallies))
    seeds = ", ".join(f"{t} {max(n for c, (_, n) in tallies.items() if c[3] == t)}" for t in tools)
    echo(f"  {name}: shares of batches in which a tool found a change; seeds: {seeds}")
    echo(f"\n| change | rows | {' | '.join(tools)} |\n| --- | --- |{' --- |' * len(tools)}")
    for change, level in changes.CELLS:
        for rows in SIZES:
            shares = [_share(tallies, rows, change, level, tool) for tool in tools]
            line = " | ".join("" if s is None else f"{s:.0%}" for s in shares)
            echo(f"| {f'{change}, {level}'.strip(', ')} | {rows:,} | {line} |")
    echo("")


def _share(tallies: Tallies, rows: int, change: str, level: str, tool: str) -> float | None:
    found, of = tallies.get((rows, change, level, tool), (0, 0))
    return found / of if of else None


def _false_alarms(name: str, tallies: Tallies) -> list[Row]:
    rows = []
    for size in SIZES:
        share = _share(tallies, size, "none", "", OURS) or 0.0
        rows.append(row(f"{name}, false alarms at {size:,} rows", share, EDGE, "share",
                        "at most 2%", share <= EDGE))  # fmt: skip
    return rows


def _detections(name: str, tallies: Tallies) -> list[Row]:
    """Count the cells in which no tool as quiet as we are finds a change more often.

    More often beyond chance (Fisher's exact test, 5%): tools that find nothing differ, too.
    """
    tools = {cell[3] for cell in tallies} - {OURS, ALARM}
    cells, lost = 0, []
    for change, level in changes.CELLS[1:]:
        for size in SIZES:
            quiet = max(_share(tallies, size, "none", "", OURS) or 0.0, EDGE)
            mine = tallies[size, change, level, OURS]
            for tool in tools:
                theirs = tallies.get((size, change, level, tool), (0, 1))
                if (_share(tallies, size, "none", "", tool) or 0.0) > quiet:
                    continue
                if _more_often(theirs, mine):
                    lost.append(f"{change}, {level}, {size}: {mine} against {theirs} of {tool}")
            cells += 1
    for line in lost:
        echo(f"  behind in {line}")
    return [row(f"{name}, cells in which no tool as quiet finds more", cells - len(lost), cells,
                "cells", "all", not lost)]  # fmt: skip


def _more_often(theirs: tuple[int, int], mine: tuple[int, int]) -> bool:
    table = np.array([[found, of - found] for found, of in (theirs, mine)])
    return bool(fisher_exact(table, alternative="greater")[1] < 0.05)


def _flip(name: str, tallies: Tallies) -> list[Row]:
    share = _share(tallies, 5_000, "correlation flip", "medium", OURS) or 0.0
    return [row(f"{name}, medium correlation flip at 5,000 rows", share, 0.95, "share",
                "over 95%", share > 0.95)]  # fmt: skip


# --- time -------------------------------------------------------------------------------

OF_SIZE = """
import numpy as np, pandas as pd
from benchmarks.drift import for_us, measure, watched
from fraud_assets.drift.profile import make_profile
reference, batch = (pd.read_parquet(path) for path in sys.argv[1:3])
of = watched(reference)
sides = [side.assign(fraud_=0, days_known_=np.nan, known_us_=np.nan) for side in (reference, batch)]
small = [side.head(1000) for side in sides]
measure(make_profile(small[0], of, {}), small[1], of)
begin()
profile = make_profile(sides[0], of, {})
begin() if sys.argv[3] == "batch" else None
report = measure(profile, sides[1], of)
done(score=report.drift_score)
"""


def _time() -> list[Row]:
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{side}.parquet") for side in ("reference", "batch")]
        for path in paths:
            frame = pd.DataFrame(rng.normal(size=(142_000, 30)))
            frame.columns = [f"V{n}" for n in range(30)]
            frame.to_parquet(path)
        mine = in_fresh_process(OF_SIZE, None, *paths, "both")
        batch = in_fresh_process(OF_SIZE, None, *paths, "batch")
        theirs = {"seconds": 9.0, "peak_mb": 590.0}
        if PEERS.exists():
            theirs = json.loads(_in_peers("time", *paths).split("MEASURED ")[1])
    work = "142,000 x 30 against as many"
    return [
        row(f"{work}, the reference's profile included", mine["seconds"], theirs["seconds"], "s",
            "8 times faster", mine["seconds"] * 8 <= theirs["seconds"]),
        row(f"{work}, profile known", batch["seconds"], theirs["seconds"], "s", "told", True),
        row(f"{work}, memory", mine["peak_mb"], theirs["peak_mb"], "MB", "under 600 MB",
            mine["peak_mb"] < 600),
    ]  # fmt: skip


LARGE = """
import numpy as np, pandas as pd
from benchmarks.drift import watched
from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.measure import column_findings, common_columns, measure_drift
from fraud_assets.drift.profile import make_profile, summarize
columns, rows, piece = int(sys.argv[1]), 1_000_000, 100_000
names = [f"V{n}" for n in range(columns)]
def some(seed, rows=piece):
    frame = pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, columns)), columns=names)
    return frame.assign(fraud_=0, days_known_=np.nan, known_us_=np.nan)
reference = some(0)
of = watched(pd.DataFrame(columns=names))
profile = make_profile(reference, of, {})
del reference
begin()
used = common_columns(profile, of)
pieces = (some(1 + n) for n in range(rows // piece))
batch = summarize(pieces, rows, used, {}, False, 0)
findings = column_findings(profile, of)
report = measure_drift(profile, batch, used, findings, {}, None, DriftSettings())
done(score=report.drift_score)
"""


def _large() -> list[Row]:
    few, many = (in_fresh_process(LARGE, None, str(columns)) for columns in (50, 200))
    work = "1,000,000 x 200, made on the way"
    return [
        row(f"{work}", many["seconds"], 300, "s", "under 300 s", many["seconds"] < 300),
        row(f"{work}, memory", many["peak_mb"], 4096, "MB", "under 4 GB", many["peak_mb"] < 4096),
        row(f"{work}, against 50 columns", many["seconds"], few["seconds"], "s",
            "at most 4.4 times", many["seconds"] <= 4.4 * few["seconds"]),
    ]  # fmt: skip
