"""The disk is full while Parquet is being written."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fraud_assets.store import paths, tables
from fraud_assets_tests.integration.conftest import failure_of, materialized


@pytest.fixture
def small_disk(graph):
    """A disk of 2 MB where the tables are; returns what makes it larger."""
    folder = paths.tables_folder("raw_transactions", "large").parent
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small tmpfs cannot be mounted here; it takes root")
    grow = ["mount", "-o", "remount,size=64m", str(folder)]
    yield lambda: subprocess.run(grow, check=True)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_a_clear_failure_leaves_no_file_and_the_retry_works(graph, small_disk):
    values = np.random.default_rng(0).normal(size=(60_000, 8))
    frame = pd.DataFrame(values, columns=[f"v{i}" for i in range(8)])
    frame["y"] = (frame["v0"] > 1.8).astype(int)
    result = graph.take("large", frame)
    assert not result.success
    assert "the disk is full" in failure_of(result)
    assert materialized(result) == set()
    folder = paths.tables_folder("raw_transactions", "large")
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    small_disk()
    again = graph.run("large", ["raw_transactions"])
    assert again.success, failure_of(again)
    assert tables.load_table(tables.RawTable, "large").facts.rows == 60_000
