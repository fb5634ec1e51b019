"""Fixtures of an MLflow registry, and of a champion in it that was decided about."""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from fraud_assets.config import environment
from fraud_assets.config.names import CONTENT_TAG
from fraud_assets.config.settings import TrainingSettings
from fraud_assets.records.decisions import DecisionEntry, now
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry
from fraud_assets.tracking import MODEL_FACTS, Tracking, model_files
from fraud_assets.training.calibration import CalibratedModel
from fraud_assets.training.estimators import build, fit
from fraud_assets_tests import factories
from fraud_assets_tests.homes import copy_home, home_in


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: it takes more than a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAUD_HOME", str(tmp_path_factory.mktemp("made")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Tracking(experiment="none").client()
        return environment.home_folder() / "mlflow" / "mlflow.db"


@pytest.fixture
def tracking(home, empty_database):
    """A registry of the test's own, with nothing in it."""
    return empty_tracking(home, empty_database)


def empty_tracking(home, empty_database):
    folder = home / "var" / "mlflow"
    folder.mkdir(parents=True)
    shutil.copy(empty_database, folder)
    return Tracking()


class Context:
    """What the resource reads of an asset's context."""

    def __init__(self, run_id: str, dead: str | None = None):
        self.run_id = run_id
        tags = {"dagster/partition": "june", CONTENT_TAG: "a"} if dead else {}
        self.run = SimpleNamespace(job_name="fraud_pipeline", run_id=run_id, tags=tags)
        self.instance = SimpleNamespace(get_run_ids=lambda _: [dead])
        self.log = dg.get_dagster_logger()


def decision(version, outcome="promote", before=None, **more):
    """Return an entry of the decision log, as a run writes it."""
    values = {
        "time": now(),
        "batch": "june",
        "version": version,
        "champion_before": before,
        "actor": "run 1, file june.csv",
        "dagster_run_id": "1",
        "mlflow_run_id": f"run of {version}",
        "model_hash": hashlib.sha256(version.encode()).hexdigest(),
        "data_hash": "d",
        "configuration_hash": "c",
        "outcome": outcome,
        "reason": "as a test wants it",
        "passed": [],
        "failed": [],
        "figures": {},
        "thresholds": {},
    }
    return DecisionEntry(**values | more)


@dataclass(frozen=True)
class Registered:
    """A champion that was decided about, and rows to score with it."""

    tracking: Tracking
    version: str
    run_id: str
    frame: pd.DataFrame
    scores: np.ndarray
    home: Path
    folder: Path

    def load(self):
        model_files._cached_models.clear()
        return self.tracking.load(self.version)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, empty_database):
    """The champion in a home of its own: training and registering it takes more than a second."""
    with home_in(tmp_path_factory.mktemp("registered")) as home:
        return _register(home, empty_tracking(home, empty_database))


@pytest.fixture
def registered(made_once, home):
    """A champion of the test's own, which may be altered."""
    before = made_once.home
    copy_home(before, home)
    folder = home / made_once.folder.relative_to(before)
    return replace(made_once, tracking=Tracking(), home=home, folder=folder)


def _register(home, tracking):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    pipeline = build(TrainingSettings(parameters={"n_estimators": 5}))
    model = CalibratedModel(pipeline, 1.0, -0.5)
    fit(pipeline, frame, pd.Series((frame["a"] > 0).astype(int)))
    with tracking.training_run(Context("1"), "june", {}) as run_id:
        facts = factories.model_facts(decision_threshold=0.4)
        artifacts = {
            MODEL_FACTS: tracking.log_json(run_id, MODEL_FACTS, facts.model_dump(mode="json")),
            "training_keys.parquet": tracking.log_training_keys(
                run_id, pd.Series([1, 2**63], dtype="uint64")
            ),
        }
        version, model_hash = tracking.register(run_id, model, frame.head(), {"t": "v"})
    hashes = {"mlflow_run_id": run_id, "model_hash": model_hash, "artifacts": artifacts}
    append_entry(paths.decisions_path(), decision(version, **hashes))
    tracking.make_champion(version)
    (file,) = (home / "var" / "mlflow").rglob("model.skops")
    scores = model.predict_proba(frame)
    return Registered(tracking, version, run_id, frame, scores, home, file.parent)


def statuses(tracking):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment)
    return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))


def train_once(tracking, run_id="1", batch="june", error=None):
    with tracking.training_run(Context(run_id), batch, {"a": "b"}) as mlflow_run:
        if error is not None:
            raise error
    return mlflow_run


def log_decision(version, run_id, model_hash, **more):
    hashes = {"mlflow_run_id": run_id, "model_hash": model_hash}
    append_entry(paths.decisions_path(), decision(version, "reject", **hashes, **more))


def artifact(registered, name):
    place = registered.tracking.client().get_run(registered.run_id).info.artifact_uri
    return Path(place.removeprefix("file://")) / name
