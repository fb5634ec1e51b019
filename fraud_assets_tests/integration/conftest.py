"""Everything in this folder is an integration test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pytest

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.definitions import defs
from fraud_assets.intake.simulator import simulate
from fraud_assets_tests.homes import SILENT, copy_home, home_in
from fraud_assets_tests.integration.servers import Dagster, dagster, drop_csv

if TYPE_CHECKING:
    from fraud_assets_tests.integration.compose import Compose


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


def require(program: str) -> str:
    """The path of a server's program; the test is left out, with the reason, without it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed; `make servers` installs it where it may")
    return path


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Drop folder and home folder of a module's tests, for graphs that run in this process."""
    with home_in(tmp_path_factory.mktemp("home")) as folder:
        yield folder


class Graph:
    """Runs the whole graph, or some assets of it, in this process."""

    def __init__(self, instance: dg.DagsterInstance, data: Path):
        self.instance = instance
        self.data = data

    def drop(self, batch: str, content: pd.DataFrame | str) -> None:
        """Put a CSV into the drop folder."""
        text = content if isinstance(content, str) else content.to_csv(index=False)
        (self.data / f"{batch}.csv").write_text(text)

    def run(
        self,
        batch: str,
        assets: list[str] | None = None,
        tags: dict[str, str] | None = None,
        policy: dict[str, str] | None = None,
        **config: dict[str, Any],
    ) -> dg.ExecuteInProcessResult:
        """Run the pipeline, or some assets as a click does, with launchpad configuration."""
        self.instance.add_dynamic_partitions("batch", [batch])
        if assets is None:
            job = defs.resolve_job_def("fraud_pipeline")
        else:
            job = defs.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            partition_key=batch,
            raise_on_error=False,
            tags=tags,
            asset_selection=[dg.AssetKey(name) for name in assets] if assets else None,
            run_config={
                "ops": {name: {"config": values} for name, values in config.items()},
                "resources": {"policy": {"config": policy or {}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )

    def compare(self, settings: dict[str, Any]) -> dg.ExecuteInProcessResult:
        """Materialize the comparison of challengers."""
        return self.click("comparison_report", settings)

    def click(self, asset: str, settings: dict[str, Any]) -> dg.ExecuteInProcessResult:
        """Materialize an asset that is of no batch, with launchpad configuration."""
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset)],
            run_config={
                "ops": {asset: {"config": settings}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
        )

    def take(self, batch: str, content: pd.DataFrame | str, **config: Any) -> Any:
        """Drop a CSV and run the pipeline on it."""
        self.drop(batch, content)
        return self.run(batch, **config)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The evaluations of a run by check name."""
    return {e.check_name: e for e in result.get_asset_check_evaluations()}


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """The assets that a run materialized."""
    return {e.asset_key.to_user_string() for e in result.get_asset_materialization_events()}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The message of the step that failed."""
    errors = [e.step_failure_data.error for e in result.get_step_failure_events()]
    return "\n".join(str((error.cause or error).message) for error in errors if error)


@pytest.fixture(scope="module")
def graph(module_home: Path) -> Iterator[Graph]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Graph(instance, module_home / "data")


class Homes:
    """Homes by the batch that was taken last in them: made once, and gone on from in copies.

    Attributes
    ----------
    results : dict of str to ExecuteInProcessResult
        What came of the run of each batch.
    """

    def __init__(self, root: Path):
        self.root = root
        self.results: dict[str, dg.ExecuteInProcessResult] = {}

    def take(self, batch: str, content: pd.DataFrame, after: str | None = None) -> None:
        """Make a home in which a batch was taken, after those of another home."""
        with self.copied(after, self.root / batch) as graph:
            result = graph.take(batch, content, trained_model=QUICK)
            assert result.success, failure_of(result)
        self.results[batch] = result

    @contextmanager
    def copied(self, batch: str | None, folder: Path) -> Iterator[Graph]:
        """Go on in a copy of a home, or in an empty one, until the block ends."""
        if batch is not None:
            copy_home(self.root / batch, folder)
        dagster_home = folder / "var" / "dagster"
        dagster_home.mkdir(parents=True, exist_ok=True)
        with home_in(folder), pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(dagster_home))
            with dg.DagsterInstance.local_temp(str(dagster_home), SILENT) as instance:
                yield Graph(instance, folder / "data")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    """Homes after a first batch, whose model is the champion, and after a second one."""
    made = Homes(tmp_path_factory.mktemp("homes"))
    made.take("first", cards(0))
    made.take("second", cards(1, first_day="2026-01-22"), after="first")
    return made


@pytest.fixture
def after_second(homes: Homes, tmp_path: Path) -> Iterator[Graph]:
    """A graph in a home of the test's own, in which two batches were taken."""
    with homes.copied("second", tmp_path / "after_second") as graph:
        yield graph


QUICK = {"parameters": {"n_estimators": 60}}


def cards(seed: int = 0, **settings: Any) -> pd.DataFrame:
    """Simulated card transactions over three weeks: short enough to be split at random."""
    return simulate(
        SimulationSettings(
            **{"transactions": 6000, "fraud_rate": 0.04, "days": 21, "seed": seed, **settings}
        )
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    """Webserver, daemon and code server, with the sensor on."""
    with dagster(tmp_path_factory.mktemp("stack")) as running:
        yield running


PLANTED = f"planted-{token_hex(8)}"
"""Stands in for the secrets of a receiver of the full stack, and is looked for afterwards."""


@pytest.fixture(scope="session")
def full_stack() -> Iterator["Compose"]:
    """The services of the compose file, with a champion: what it is first, what it endures last."""
    from fraud_assets_tests.integration.compose import composed, drop

    contained = not os.environ.get("FRAUD_LONG")  # `make faults` reaches into the services
    with composed(contained=contained, FRAUD_KEEP_DAYS="0") as running:
        running.write_secret("token", PLANTED)
        (running.folder / "alerts.env").write_text(
            "FRAUD_ALERT_WEBHOOK_URL=http://127.0.0.1:9/\n"
            f"FRAUD_ALERT_WEBHOOK_TOKEN_FILE={running.folder / 'secrets' / 'token'}\n"
        )
        running.up()
        drop(running, "first", cards(0))
        assert running.dagster().wait_for_run("first")["status"] == "SUCCESS"
        yield running


Dropper = Callable[[str, pd.DataFrame], None]


@pytest.fixture
def drop_into(stack: Dagster) -> Dropper:
    """Drops a CSV into the running stack's folder."""
    return partial(drop_csv, stack.folder)
