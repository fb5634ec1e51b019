"""Runs a piece of Python in a fresh process with folders of its own, and measures it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PREAMBLE = """
import json, sys, time
start = time.perf_counter()
def begin():
    global start
    start = time.perf_counter()
def done(**found):
    # Not ru_maxrss: a new process inherits it from the one that started it.
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    print("\\nMEASURED " + json.dumps(
        {"seconds": time.perf_counter() - start, "peak_mb": peak, **found}))
"""


def in_fresh_process(code: str, data: Path | None = None, *arguments: str) -> dict[str, Any]:
    """Run code that ends with `done()`; return seconds, peak memory in MB, and what it adds.

    The seconds count from the start of the process, or from `begin()` where the code calls it.

    Parameters
    ----------
    code : str
    data : Path, optional
        The drop folder; default: an empty one.
    *arguments : str
        `sys.argv[1:]` of the code.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder) / "var"
        for path in (home / "dagster", Path(folder) / "data"):
            path.mkdir(parents=True)
        (home / "dagster" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
        env = os.environ | {
            "FRAUD_HOME": str(home),
            "FRAUD_DATA_DIR": str(data or Path(folder) / "data"),
            "DAGSTER_HOME": str(home / "dagster"),
        }
        shown = subprocess.run(
            [sys.executable, "-c", PREAMBLE + code, *arguments],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    for line in shown.stdout.splitlines():
        if line.startswith("MEASURED "):
            found: dict[str, Any] = json.loads(line.removeprefix("MEASURED "))
            return found
    raise RuntimeError(shown.stdout[-2000:] + shown.stderr[-3000:])
