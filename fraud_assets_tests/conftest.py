"""Fixtures that many tests share."""

import atexit
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Tests run two at a time. OpenMP's threads wait by spinning: on shared cores they would wait for
# each other most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import dagster as dg
import duckdb
import hypothesis
import pandas as pd
import pytest

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.intake.simulator import simulate
from fraud_assets.platform.masking import Masking
from fraud_assets.records.batches import Roles
from fraud_assets.store.locked_duckdb import open_duckdb
from fraud_assets_tests.homes import dagster_in, home_in
from fraud_assets_tests.quick_databases import make_databases_quick
from fraud_assets_tests.registered import (  # noqa: F401
    empty_database,
    made_once,
    registered,
    tracking,
)
from fraud_assets_tests.required import pytest_runtest_makereport  # noqa: F401

CARD_ROLES = Roles(
    target="TX_FRAUD",
    timestamp="TX_DATETIME",
    amount="TX_AMOUNT",
    card="CUSTOMER_ID",
    terminal="TERMINAL_ID",
    transaction_id="TRANSACTION_ID",
    real_time=True,
)
MASKING = Masking(b"a key of the tests".ljust(32))

make_databases_quick()

# How long an example takes depends on what else runs on the machine.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background. A run inside of a test would hand that on to SIGTERM, and from
    # then on no server that a test starts could be stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@atexit.register
def _quiet_end() -> None:
    """Silence what DuckDB's binding says of objects that Python itself never frees at its end.

    It stands after the tests' own last line and looks like a failure.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A drop folder and a home folder of the test's own; returns their parent."""
    with home_in(tmp_path):
        yield tmp_path


@pytest.fixture
def drop(home: Path) -> Callable[[str, str], Path]:
    """Writes a CSV into the drop folder: `drop("a.csv", text)`."""

    def write(name: str, text: str) -> Path:
        path = home / "data" / name
        path.write_text(text)
        return path

    return write


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB that masks card numbers, as that of the platform does, and reaches every file."""
    with duckdb.connect() as connection:
        MASKING.install(connection)
        yield connection


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB as the platform opens it: it reaches the test's own folder, and masks card numbers."""
    with open_duckdb([tmp_path], tmp_path / "scratch", "2GB") as connection:
        MASKING.install(connection)
        yield connection


@pytest.fixture
def instance_in_memory() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as in_memory:
        yield in_memory


@pytest.fixture
def instance(instance_in_memory: dg.DagsterInstance) -> dg.DagsterInstance:
    return instance_in_memory


@pytest.fixture(scope="session")
def empty_dagster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's databases, made once."""
    folder = tmp_path_factory.mktemp("dagster")
    with dagster_in(folder):
        return folder


@pytest.fixture
def instance_on_disk(
    empty_dagster: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """An instance as a deployment has it, with databases in files: one for each run's events."""
    folder = tmp_path_factory.mktemp("dagster")
    shutil.copytree(empty_dagster, folder, dirs_exist_ok=True)
    with dagster_in(folder) as on_disk:
        yield on_disk


@pytest.fixture(scope="session")
def transactions() -> pd.DataFrame:
    """Five thousand simulated card transactions over sixty days."""
    return simulate(SimulationSettings(transactions=5_000, fraud_rate=0.02))


@pytest.fixture
def transactions_file(transactions: pd.DataFrame, tmp_path: Path, engine) -> Path:
    """The same as Parquet, typed as intake types it."""
    path = tmp_path / "transactions.parquet"
    engine.register("frame", transactions)
    engine.execute(
        "COPY (SELECT 1 + row_number() OVER () AS source_line, * REPLACE ("
        "CAST(CUSTOMER_ID AS VARCHAR) AS CUSTOMER_ID, "
        "CAST(TERMINAL_ID AS VARCHAR) AS TERMINAL_ID) FROM frame) "
        f"TO '{path}' (FORMAT parquet)"
    )
    engine.unregister("frame")
    return path
