"""Drop folders and home folders of tests: some are made once, and gone on from in copies."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

OUTSIDE = ("MLFLOW_TRACKING_URI", "PROMETHEUS_PUSHGATEWAY_URL", "MLFLOW_UI_URL", "DAGSTER_URL",
           "FRAUD_HASH_KEY", "FRAUD_HASH_KEY_FILE")  # fmt: skip
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Tables and columns in which MLflow notes whole paths."""
STORAGE: Any = {
    "storage": {
        "custom": {
            "module": "fraud_assets.platform.instance",
            "class": "StorageByEnvironment",
            "config": {},
        }
    }
}
"""The storage that `dagster.yaml` names."""
SILENT: Any = STORAGE | {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
    "telemetry": {"enabled": False},
}
"""Keeps nothing of what runs print: each step would start processes that watch over it."""


@contextmanager
def home_in(folder: Path) -> Iterator[Path]:
    """Let the drop folder and the home folder be `data` and `var` in a folder, until the end."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_DATA_DIR", str(folder / "data"))
        patch.setenv("FRAUD_HOME", str(folder / "var"))
        for name in OUTSIDE:
            patch.delenv(name, raising=False)
        yield folder


@contextmanager
def dagster_in(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster with databases below a folder, those that are there already."""
    with dg.instance_for_test(SILENT, temp_dir=str(folder)) as instance:
        yield instance


def copy_home(before: Path, after: Path) -> None:
    """Copy a home folder, and put its new path where MLflow notes the old one."""
    shutil.copytree(before, after, dirs_exist_ok=True)
    if (after / "var" / "mlflow").exists():
        tell_mlflow(after / "var" / "mlflow", str(before), str(after))


def tell_mlflow(folder: Path, before: str, after: str) -> None:
    """Put another path where MLflow notes that of the home."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        for table, column in PLACES:
            statement = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(statement, (before, after))
    for path in folder.rglob("MLmodel"):
        path.write_text(path.read_text().replace(before, after))
