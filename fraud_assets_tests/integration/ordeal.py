"""Kills processes while files land, and counts what came of it; `make ordeal SEEDS=20`."""

import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil
import pytest

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.intake.simulator import simulate
from fraud_assets.store import paths
from fraud_assets.store.decision_log import read_entries
from fraud_assets.tracking import BATCH_TAG, Tracking
from fraud_assets_tests.integration.servers import Dagster, dagster, drop_csv, wait_for

KINDS = ("daemon", "code_server", "run")
SECONDS_PER_FILE = 10.0


@dataclass
class Tally:
    """What came of a drop during which processes were killed.

    Attributes
    ----------
    killed : list of str
        What was killed, in order.
    successes : dict of str to int
        Runs that succeeded, by batch.
    versions : dict of str to int
        Registered versions, by batch.
    decisions : dict of str to int
        Logged decisions, by batch.
    runs : int
        All runs, those that died among them.
    in_order : bool
        Whether the runs that succeeded ended in the order in which the files came.
    """

    killed: list[str]
    successes: dict[str, int]
    versions: dict[str, int]
    decisions: dict[str, int]
    runs: int
    in_order: bool

    def is_exact(self, batches: list[str]) -> bool:
        """Whether each batch came through once, in order."""
        once = dict.fromkeys(batches, 1)
        return self.in_order and self.successes == self.versions == self.decisions == once


def endure(folder: Path, seed: int, files: int, kills_by_kind: int = 1) -> Tally:
    """Drop files one after the other, and meanwhile kill -9 each kind of process.

    Parameters
    ----------
    folder : Path
    seed : int
        Of the moments of killing and of the files.
    files : int
    kills_by_kind : int, optional
    """
    chance = random.Random(seed)
    batches = [f"drop{number:02}" for number in range(files)]
    killed: list[str] = []
    with dagster(folder) as stack:
        killer = threading.Thread(
            target=_kill, args=(stack, chance, files * SECONDS_PER_FILE, kills_by_kind, killed)
        )
        killer.start()
        for number, batch in enumerate(batches):
            frame = simulate(
                SimulationSettings(
                    transactions=600, fraud_rate=0.1, days=21, seed=1000 * seed + number
                )
            )
            drop_csv(folder, batch, frame)
            time.sleep(chance.uniform(0, 0.5))
        killer.join()
        done = dict.fromkeys(batches, "done")
        stack.wait_for_outcome(120 + 60 * files, **done)
        return count(stack, killed, batches)


def _kill(
    stack: Dagster, chance: random.Random, seconds: float, times: int, killed: list[str]
) -> None:
    moments = sorted((chance.uniform(0, seconds), kind) for kind in KINDS * times)
    start = time.monotonic()
    for moment, kind in moments:
        time.sleep(max(0.0, start + moment - time.monotonic()))
        victims = wait_for(f"a {kind} to kill", lambda k=kind: stack.processes()[k], 300)  # type: ignore[misc]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        killed.append(kind)


def count(stack: Dagster, killed: list[str], batches: list[str]) -> Tally:
    """Count what came of a drop."""
    runs = stack.runs()
    done = sorted((run for run in runs if run["status"] == "SUCCESS"), key=lambda r: r["endTime"])
    order = [tag["value"] for run in done for tag in run["tags"] if tag["key"] == PARTITION]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(stack.folder / "var"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracking = Tracking()
        client = tracking.client()
        versions = client.search_model_versions(f"name = '{tracking.model_name}'")
        trained = [client.get_run(str(v.run_id)).data.tags[BATCH_TAG] for v in versions]
        decided = [entry.batch for entry in read_entries(paths.decisions_path())]
    return Tally(
        killed,
        dict(Counter(order)),
        dict(Counter(trained)),
        dict(Counter(decided)),
        len(runs),
        order == batches,
    )


PARTITION = "dagster/partition"


@click.command()
@click.option("--seeds", default=20, show_default=True)
@click.option("--first-seed", default=0, show_default=True)
@click.option("--files", default=20, show_default=True)
def main(seeds: int, first_seed: int, files: int) -> None:
    """Repeat the ordeal and print the tally of each."""
    bad = 0
    for seed in range(first_seed, first_seed + seeds):
        start = time.monotonic()
        with TemporaryDirectory() as folder:
            tally = endure(Path(folder), seed, files)
        exact = tally.is_exact([f"drop{number:02}" for number in range(files)])
        bad += not exact
        click.echo(
            f"seed {seed}: killed {', '.join(tally.killed)}; {tally.runs} runs for {files} files; "
            f"{'each came through exactly once, in order' if exact else f'NOT EXACT: {tally}'} "
            f"({time.monotonic() - start:.0f} s)"
        )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
