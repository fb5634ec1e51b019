"""MLflow as a typed resource: runs, models, aliases, artifacts. It decides nothing."""

import hashlib
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg
from cachetools import LRUCache
from filelock import FileLock

from fraud_assets import config
from fraud_assets.files import private_folder
from fraud_assets.launcher import is_outage, runs_to_take_up
from fraud_assets.masking import masking
from fraud_assets.text import fitting_lines

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion
    from sklearn.base import BaseEstimator

CHAMPION, CHALLENGER = "champion", "challenger"
BATCH_TAG, DECISION_TAG = "fraud.batch", "fraud.decision"
MODEL_FACTS = "model_facts.json"
REFERENCE_PROFILE, REFERENCE_SAMPLE = "reference_profile.json", "reference_sample.parquet"
TRAINING_KEYS = "training_keys.parquet"
KEYED_COLUMN, UNKEYED_COLUMN = "keyed:", "content_key"
"""The column of the training keys, which is their version: keyed hashes, with the id of the key
behind, and those of before."""
MODEL_FILE, HASH_TAG = "model.skops", "fraud.model_sha256"
DESCRIPTION_LENGTH, RUN_NAME_LENGTH = 5000, 250
"""Characters that MLflow's tables hold. SQLite takes more; PostgreSQL refuses the whole write."""

_at_hand: set[tuple[str, str]] = set()
"""Experiments that this process has seen, by server: asking costs a round trip each time."""
_facts_at_hand: LRUCache[tuple[str, str], dict[str, Any]] = LRUCache(32)
"""Facts of models that this process has read, by server and run."""
_models_at_hand: "LRUCache[str, BaseEstimator]" = LRUCache(2)
"""Models that this process has loaded, by the SHA-256 of their file.

A run asks for two, the champion and its own, and that several times.
"""


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version.

    Attributes
    ----------
    version : str
    run_id : str
        The MLflow run that trained it.
    batch : str
        The batch that it was trained for.
    decision_threshold : float
        A transaction with at least this score is an alert.
    features : tuple of str
        The columns that it reads, in order.
    """

    version: str
    run_id: str
    batch: str
    decision_threshold: float
    features: tuple[str, ...]


class Tracking(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where models are tracked and registered.

    `MLFLOW_TRACKING_URI` names the server; without it, SQLite and local artifacts under
    `FRAUD_HOME`. Wraps dagster-mlflow's resource, whose configuration cannot be changed from
    run to run and whose hook acts on jobs only, so that a run that was started by a click on
    assets, that fails, that is terminated or that is retried ends with the right status.

    Attributes
    ----------
    experiment : str
        Name of the MLflow experiment.
    model_name : str
        Name of the registered model.
    """

    experiment: str = config.EXPERIMENT_NAME
    model_name: str = config.MODEL_NAME

    # --- runs ---------------------------------------------------------------------------

    def client(self) -> "MlflowClient":
        """Return MLflow's client, with the experiment at hand."""
        mlflow = _mlflow()

        uri = config.tracking_uri()
        mlflow.set_tracking_uri(uri)
        artifacts = None
        if uri.startswith("sqlite:///"):
            database = Path(uri.removeprefix("sqlite:///"))
            database.parent.mkdir(parents=True, exist_ok=True)
            if database.is_relative_to(config.home_folder()):
                private_folder(database.parent, config.home_folder())
            _create_database(database)
            artifacts = (database.parent / "artifacts").as_uri()
        client: MlflowClient = mlflow.MlflowClient()
        if (uri, self.experiment) not in _at_hand:
            try:
                if client.get_experiment_by_name(self.experiment) is None:
                    client.create_experiment(self.experiment, artifact_location=artifacts)
            except mlflow.MlflowException as error:
                if not is_outage(error):
                    raise
                raise ConnectionError(
                    f"MLflow at {uri} does not answer; look at its log and start it. The run is "
                    "taken up by itself up to five times; after that, touch the batch's file. "
                    "Nothing that was done before is lost"
                ) from error
            _at_hand.add((uri, self.experiment))
        return client

    @contextmanager
    def training_run(
        self, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open the one MLflow run of a model, and end it with the right status.

        A retry of the step continues the run; a new Dagster run opens a new one. What a
        killed process left running is closed first, and the version that it may have
        registered is taken back: no later step has seen it.

        Parameters
        ----------
        context : AssetExecutionContext
        batch : str
        tags : mapping of str to str

        Yields
        ------
        str
            The id of the MLflow run.
        """
        client, mlflow = self.client(), _mlflow()
        while mlflow.active_run() is not None:
            mlflow.end_run("KILLED")
        self._close_abandoned(client, batch, context)
        with warnings.catch_warnings():
            # It has been a beta since 2021; the lock pins it and the tests hold it.
            warnings.simplefilter("ignore", dg.BetaWarning)
            from dagster_mlflow.resources import MlFlow

            context_of_run = self._init_context(context, batch, tags)
            run = MlFlow(context_of_run)  # type: ignore[no-untyped-call]
        try:
            yield str(run.mlflow_run_id or mlflow.active_run().info.run_id)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            mlflow.end_run("KILLED")
            raise
        except BaseException:
            mlflow.end_run("FAILED")
            raise
        else:
            mlflow.end_run("FINISHED")

    @contextmanager
    def group_run(
        self, context: dg.AssetExecutionContext, name: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open an MLflow run that holds others, such as the trials of a tuning; yield its id."""
        client = self.client()
        link = {"dagster_url": f"{config.dagster_url()}/runs/{context.run_id}"}
        run = client.create_run(self._experiment_id(client), tags={**link, **tags}, run_name=name)
        status = "FAILED"
        try:
            yield str(run.info.run_id)
            status = "FINISHED"
        finally:
            client.set_terminated(run.info.run_id, status)

    def log_child(
        self,
        parent: str,
        name: str,
        parameters: Mapping[str, Any],
        figures: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """Log a run of its own inside another."""
        client = self.client()
        run = client.create_run(
            self._experiment_id(client), tags={"mlflow.parentRunId": parent, **tags}, run_name=name
        )
        self.log_parameters(run.info.run_id, parameters)
        self.log_figures(run.info.run_id, figures)
        client.set_terminated(run.info.run_id, "FINISHED")

    def log_text(self, run_id: str, name: str, text: str) -> None:
        """Log a text as an artifact of a run that may have ended."""
        self.client().log_text(run_id, text, name)

    def describe_version(self, version: str, text: str, whole: str) -> None:
        """Set the description that MLflow shows on a version's page.

        Parameters
        ----------
        version : str
        text : str
            Markdown. What MLflow has no room for is left out, by whole lines.
        whole : str
            The artifact of the run that holds all of it.
        """
        fitting = fitting_lines(text, DESCRIPTION_LENGTH, f"\nThe rest is in the run's {whole}.\n")
        self.client().update_model_version(self.model_name, version, fitting)

    def _init_context(
        self, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
    ) -> SimpleNamespace:
        """Return what dagster-mlflow reads of a resource's context, for this very run."""
        all_tags = {
            BATCH_TAG: batch,
            "mlflow.runName": batch[:RUN_NAME_LENGTH],
            "dagster_url": f"{config.dagster_url()}/runs/{context.run_id}",
            **tags,
        }
        return SimpleNamespace(
            log=context.log,
            dagster_run=context.run,
            run_id=context.run_id,
            resource_config={
                "experiment_name": self.experiment,
                "mlflow_tracking_uri": config.tracking_uri(),
                "extra_tags": all_tags,
            },
        )

    def _close_abandoned(
        self, client: "MlflowClient", batch: str, context: dg.AssetExecutionContext
    ) -> None:
        dead = runs_to_take_up(context.instance, context.run)
        running = self._search(client, "attributes.status = 'RUNNING'")
        for run in [*running, *self._runs_of(client, dead)]:
            tags = run.data.tags
            if tags.get(BATCH_TAG) == batch and tags.get("dagster_run_id") != context.run_id:
                self._take_back(client, run)

    def _search(self, client: "MlflowClient", condition: str) -> "list[Run]":
        return list(client.search_runs([self._experiment_id(client)], condition))

    def _experiment_id(self, client: "MlflowClient") -> str:
        experiment = client.get_experiment_by_name(self.experiment)
        assert experiment is not None, "client() makes it"
        return str(experiment.experiment_id)

    def _runs_of(self, client: "MlflowClient", dagster_runs: Set[str]) -> "list[Run]":
        """Return the MLflow runs of some Dagster runs."""
        conditions = [f"tags.dagster_run_id = '{run_id}'" for run_id in dagster_runs]
        return [run for condition in conditions for run in self._search(client, condition)]

    def _take_back(self, client: "MlflowClient", run: "Run") -> None:
        """Close a run that died, and remove its version unless something was decided about it."""
        champion = self.champion()
        versions = client.search_model_versions(f"run_id = '{run.info.run_id}'")
        kept = [
            version
            for version in versions
            if DECISION_TAG in version.tags
            or (champion is not None and champion.version == str(version.version))
        ]
        for version in versions:
            if version not in kept:
                client.delete_model_version(version.name, version.version)
        if not kept and run.info.status != "FAILED":
            client.set_terminated(run.info.run_id, "KILLED")

    def log_parameters(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        """Log parameters to a run."""
        client = self.client()
        from mlflow.entities import Param

        params = [Param(name, str(value)) for name, value in parameters.items()]
        client.log_batch(run_id, params=params)

    def log_figures(self, run_id: str, figures: Mapping[str, float], step: int = 0) -> None:
        """Log metrics to a run that may have ended."""
        client = self.client()
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value in figures.items()]
        client.log_batch(run_id, metrics=metrics)

    def log_files(self, run_id: str, files: Sequence[Path], folder: str | None = None) -> None:
        """Log files as artifacts of a run that may have ended."""
        client = self.client()
        for file in files:
            client.log_artifact(run_id, str(file), folder)

    def log_json(self, run_id: str, name: str, value: Any) -> None:
        """Log a JSON-like value as an artifact of a run that may have ended."""
        self.client().log_dict(run_id, value, name)

    def read_json(self, run_id: str, name: str) -> Any:
        """Read a JSON artifact of a run; None when there is no such artifact."""
        path = self._artifact(run_id, name)
        return None if path is None else json.loads(path)

    def _artifact(self, run_id: str, name: str) -> bytes | None:
        client = self.client()
        if name not in {file.path for file in client.list_artifacts(run_id)}:
            return None
        with tempfile.TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, name, folder)).read_bytes()

    def log_frame(self, run_id: str, name: str, frame: "pd.DataFrame") -> None:
        """Log a table as a Parquet artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
        name : str
            Path of the artifact. Everybody who may open MLflow reads it: nothing in it may name
            a card, a person or a transaction.
        frame : DataFrame
        """
        parent, _, own = name.rpartition("/")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / own
            frame.to_parquet(file, index=False)
            self.log_files(run_id, [file], parent or None)

    def read_frame(self, run_id: str, name: str) -> "pd.DataFrame":
        """Read a table that was logged as an artifact."""
        import pandas as pd

        with tempfile.TemporaryDirectory() as folder:
            return pd.read_parquet(self.client().download_artifacts(run_id, name, folder))

    def log_training_keys(self, run_id: str, keys: "pd.Series") -> None:
        """Keep the content keys of the rows that a model was trained or tuned on.

        Parameters
        ----------
        run_id : str
        keys : Series of uint64
            Keyed hashes, by the key of this platform.
        """
        column = KEYED_COLUMN + masking().key_id
        self.log_frame(run_id, TRAINING_KEYS, keys.to_frame(column))

    def training_keys(self, run_id: str) -> "pd.Series":
        """Return the content keys of the rows that a model was trained or tuned on.

        Returns
        -------
        Series of uint64
            Keyed hashes, also of a model that was logged with keys without one.

        Raises
        ------
        AnotherKeyError
            When they were hashed with another key.
        """
        import pandas as pd

        frame = self.read_frame(run_id, TRAINING_KEYS)
        if UNKEYED_COLUMN in frame:
            return pd.Series(masking().keys(frame[UNKEYED_COLUMN].to_numpy()))
        (column,) = frame.columns
        masking().require(column.removeprefix(KEYED_COLUMN), f"the training rows of run {run_id}")
        return frame[column]

    # --- models -------------------------------------------------------------------------

    def register(
        self,
        run_id: str,
        model: "BaseEstimator",
        example: "pd.DataFrame",
        trusted_types: Sequence[str],
        tags: Mapping[str, str],
    ) -> str:
        """Log a fitted model to the open run and register it as the challenger.

        Parameters
        ----------
        run_id : str
        model : BaseEstimator
        example : DataFrame
            Some rows of features, none of them anybody's; with the scores they give, the
            signature.
        trusted_types : sequence of str
            Types beyond scikit-learn's plain ones that loading the model may build.
        tags : mapping of str to str
            Tags of the version.

        Returns
        -------
        str
            The version.
        """
        client, mlflow = self.client(), _mlflow()
        from mlflow.models import infer_signature

        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(example, model.predict_proba(example)),
            input_example=example,
            serialization_format="skops",
            skops_trusted_types=list(trusted_types),
            pip_requirements=_requirements(),
            pyfunc_predict_fn="predict_proba",
        )
        if not client.search_registered_models(f"name = '{self.model_name}'"):
            client.create_registered_model(self.model_name)
        created = client.create_model_version(
            self.model_name, info.model_uri, run_id, tags=dict(tags), model_id=info.model_id
        )
        version = str(created.version)
        self.tag_version(version, {HASH_TAG: self.model_hash(version)})
        client.set_registered_model_alias(self.model_name, CHALLENGER, version)
        return version

    def load(self, version: str) -> "BaseEstimator":
        """Load the fitted model of a version.

        Raises
        ------
        ValueError
            When its file is not the one that was registered: it is not opened then.
        """
        client, mlflow = self.client(), _mlflow()
        registered = client.get_model_version(self.model_name, version).tags.get(HASH_TAG, "")
        if (at_hand := _models_at_hand.get(registered)) is not None:
            return at_hand
        with self._model_files(version) as folder:
            found = _sha256(folder / MODEL_FILE)
            if registered != found:
                raise ValueError(
                    f"{MODEL_FILE} of version {version} of {self.model_name} was altered since "
                    f"it was registered: its SHA-256 is {found}, the registry says "
                    f"{registered}; restore the artifact, or put another version in charge"
                )
            model: BaseEstimator = mlflow.sklearn.load_model(str(folder))
        _models_at_hand[registered] = model
        return model

    def model_hash(self, version: str) -> str:
        """Return the SHA-256 of a version's model file, in hexadecimal."""
        with self._model_files(version) as folder:
            return _sha256(folder / MODEL_FILE)

    @contextmanager
    def _model_files(self, version: str) -> Iterator[Path]:
        self.client()
        with tempfile.TemporaryDirectory() as folder:
            uri = f"models:/{self.model_name}/{version}"
            yield Path(_mlflow().artifacts.download_artifacts(uri, dst_path=folder))

    def champion(self) -> ModelVersion | None:
        """Return the version in charge, None when there is none."""
        client = self.client()
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version_by_alias(self.model_name, CHAMPION)
        except MlflowException:
            return None
        return self._known(found)

    def version(self, version: str) -> ModelVersion:
        """Return what is known of a version.

        Raises
        ------
        ValueError
            When there is no such version.
        """
        client = self.client()
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version(self.model_name, version)
        except MlflowException as error:
            raise ValueError(
                f"there is no version {version!r} of {self.model_name} in {config.mlflow_url()}; "
                "look up the versions there"
            ) from error
        return self._known(found)

    def _known(self, found: "RegisteredVersion") -> ModelVersion:
        facts = self.model_facts(str(found.run_id)) if found.run_id else None
        if facts is None:
            raise ValueError(
                f"version {found.version} of {self.model_name} has no {MODEL_FACTS}, so it was not "
                "trained here; choose a version that the asset trained_model registered"
            )
        return ModelVersion(
            str(found.version),
            str(found.run_id),
            facts["batch"],
            facts["decision_threshold"],
            tuple(facts["features"]),
        )

    def model_facts(self, run_id: str) -> dict[str, Any] | None:
        """Return what a model was made from; None when its run was not one of ours.

        Kept once it was read: it does not change, and the exporter asks every few seconds.
        """
        key = config.tracking_uri(), run_id
        facts: dict[str, Any] | None = _facts_at_hand.get(key)
        if facts is None:
            facts = self.read_json(run_id, MODEL_FACTS)
            if facts is not None:
                _facts_at_hand[key] = facts
        return facts

    def decided_model(self, dagster_runs: Set[str]) -> dict[str, Any] | None:
        """Return the facts of the model that one of some Dagster runs trained and decided about.

        Parameters
        ----------
        dagster_runs : set of str

        Returns
        -------
        dict or None
            As the asset `trained_model` keeps them; None when there is no such model.
        """
        client = self.client()
        for run in self._runs_of(client, dagster_runs):
            for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                if DECISION_TAG in version.tags:
                    facts = self.read_json(run.info.run_id, MODEL_FACTS)
                    return {**facts, "run_id": run.info.run_id, "version": str(version.version)}
        return None

    def make_champion(self, version: str) -> None:
        """Put a version in charge."""
        self.client().set_registered_model_alias(self.model_name, CHAMPION, version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Tag a version."""
        client = self.client()
        for name, value in tags.items():
            client.set_model_version_tag(self.model_name, version, name, value)

    # --- links --------------------------------------------------------------------------

    def run_link(self, run_id: str) -> dg.MetadataValue:
        """Return a link to a run in the MLflow UI."""
        experiment = self.client().get_run(run_id).info.experiment_id
        return dg.MetadataValue.url(
            f"{config.mlflow_url()}/#/experiments/{experiment}/runs/{run_id}"
        )

    def version_link(self, version: str) -> dg.MetadataValue:
        """Return a link to a model version in the MLflow UI."""
        return dg.MetadataValue.url(
            f"{config.mlflow_url()}/#/models/{self.model_name}/versions/{version}"
        )


def _mlflow() -> Any:
    """Import MLflow, which takes seconds, and keep it from talking where nobody listens.

    Its makers are told nothing of what is done here, unless `MLFLOW_DISABLE_TELEMETRY` is `false`.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow

    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return mlflow


def _create_database(path: Path) -> None:
    """Make MLflow's SQLite database whole, or not at all.

    MLflow makes its tables one by one; a process that is killed meanwhile would leave a
    database that no later one can open.
    """
    if path.exists():
        return
    with FileLock(path.with_suffix(".lock")):
        for leftover in path.parent.glob("new-*.db*"):
            leftover.unlink()
        if not path.exists():
            new = path.with_name(f"new-{uuid4().hex}.db")
            _mlflow().MlflowClient(f"sqlite:///{new}").search_experiments()
            new.replace(path)


def _requirements() -> list[str]:
    """Return what a model needs to be loaded: named here, because inferring it takes 10 s."""
    from importlib.metadata import version

    libraries = ("scikit-learn", "skops", "numpy", "pandas", "xgboost-cpu", "lightgbm")
    return [f"{name}=={version(name)}" for name in libraries]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
