"""MLflow as a typed resource: runs, models, aliases, artifacts. It decides nothing."""

import hashlib
import io
import json
import logging
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import dagster as dg
from cachetools import LRUCache
from filelock import FileLock
from pydantic import Field

from fraud_assets.config import environment, names
from fraud_assets.config.estimators import EstimatorName
from fraud_assets.platform.masking import masking
from fraud_assets.platform.outages import is_outage, runs_to_take_up
from fraud_assets.records.base import to_json
from fraud_assets.records.models import ModelFacts, TrainedModel
from fraud_assets.store import paths
from fraud_assets.store.decision_log import (
    is_decided,
    read_entries,
    recorded_artifacts,
    recorded_model_hash,
    recorded_run,
)
from fraud_assets.store.files import private_folder
from fraud_assets.store.model_file import TRUSTED_TYPES, open_model
from fraud_assets.text import fitting_lines, named

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from sklearn.base import BaseEstimator

CHAMPION, CHALLENGER = "champion", "challenger"
BATCH_TAG, DECISION_TAG = "fraud.batch", "fraud.decision"
MODEL_FACTS = "model_facts.json"
REFERENCE_PROFILE, REFERENCE_SAMPLE = "reference_profile.json", "reference_sample.parquet"
TRAINING_KEYS = "training_keys.parquet"
OF_TRAINING = (MODEL_FACTS, TRAINING_KEYS)
READ_LATER = (*OF_TRAINING, REFERENCE_PROFILE, REFERENCE_SAMPLE)
"""Artifacts of a model's run: what `trained_model` logs, and all that later runs read."""
KEYED_COLUMN, UNKEYED_COLUMN = "keyed:", "content_key"
"""The column of the training keys, which is their version: keyed hashes, with the id of the key
behind, and those of before."""
MODEL_FILE, HASH_TAG = "model.skops", "fraud.model_sha256"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"
"""Names that stand in MLflow's search conditions and addresses, and in PromQL."""
LOGGED_MODEL = "models:/"
SERVED_PLACE = r"mlflow-artifacts:(/(?!\.{1,2}(/|$))[^/%?#\\\s]+)+/?"
"""Artifact locations that the tracking server serves itself, named without another host."""
PLACE_LENGTH = 200
"""Characters of a location that a message shows."""
"""Set to false, it keeps MLflow from opening any stored model; `Tracking.load` opens ours."""
DESCRIPTION_LENGTH, RUN_NAME_LENGTH = 5000, 250
"""Characters that MLflow's tables hold. SQLite takes more; PostgreSQL refuses the whole write."""

_at_hand: set[tuple[str, str]] = set()
"""Experiments that this process has seen, by server: asking costs a round trip each time."""
_facts_at_hand: LRUCache[tuple[str, str], ModelFacts] = LRUCache(32)
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

    experiment: str = Field(default=names.EXPERIMENT_NAME, pattern=NAME_PATTERN)
    model_name: str = Field(default=names.MODEL_NAME, pattern=NAME_PATTERN)

    # --- runs ---------------------------------------------------------------------------

    def client(self) -> "MlflowClient":
        """Return MLflow's client, with the experiment at hand."""
        mlflow = _mlflow()

        uri = environment.tracking_uri()
        mlflow.set_tracking_uri(uri)
        artifacts = None
        if uri.startswith("sqlite:///"):
            database = Path(uri.removeprefix("sqlite:///"))
            database.parent.mkdir(parents=True, exist_ok=True)
            if database.is_relative_to(environment.home_folder()):
                private_folder(database.parent, environment.home_folder())
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
        link = {"dagster_url": f"{environment.dagster_url()}/runs/{context.run_id}"}
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
        self._log_bytes(run_id, name, text.encode())

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
            "dagster_url": f"{environment.dagster_url()}/runs/{context.run_id}",
            **tags,
        }
        return SimpleNamespace(
            log=context.log,
            dagster_run=context.run,
            run_id=context.run_id,
            resource_config={
                "experiment_name": self.experiment,
                "mlflow_tracking_uri": environment.tracking_uri(),
                "extra_tags": all_tags,
            },
        )

    def _close_abandoned(
        self, client: "MlflowClient", batch: str, context: dg.AssetExecutionContext
    ) -> None:
        dead = runs_to_take_up(context.instance, context.run)
        running = self._search(client, equals("attributes.status", "RUNNING"))
        for run in [*running, *self._runs_of(client, dead)]:
            tags = run.data.tags
            if tags.get(BATCH_TAG) == batch and tags.get("dagster_run_id") != context.run_id:
                self._take_back(client, run)

    def _search(self, client: "MlflowClient", condition: str) -> "list[Run]":
        return list(client.search_runs([self._experiment_id(client)], condition))

    def _experiment_id(self, client: "MlflowClient") -> str:
        experiment = client.get_experiment_by_name(self.experiment)
        assert experiment is not None, "client() makes it"
        artifacts_at(experiment.artifact_location)
        return str(experiment.experiment_id)

    def _artifacts_of(self, client: "MlflowClient", run_id: str) -> "ArtifactRepository":
        return artifacts_at(client.get_run(run_id).info.artifact_uri)

    def _runs_of(self, client: "MlflowClient", dagster_runs: Set[str]) -> "list[Run]":
        """Return the MLflow runs of some Dagster runs."""
        conditions = [equals("tags.dagster_run_id", run_id) for run_id in dagster_runs]
        return [run for condition in conditions for run in self._search(client, condition)]

    def _take_back(self, client: "MlflowClient", run: "Run") -> None:
        """Close a run that died, and remove its version unless something was decided about it."""
        # Tags are not asked: a decision is in the log before it is a tag, and MLflow's login may
        # write them.
        entries, champion = read_entries(paths.decisions_path()), self.champion_alias()
        versions = client.search_model_versions(equals("run_id", run.info.run_id))
        kept = [
            version
            for version in versions
            if is_decided(entries, str(version.version)) or str(version.version) == champion
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
        artifacts = self._artifacts_of(self.client(), run_id)
        for file in files:
            artifacts.log_artifact(str(file), folder)  # type: ignore[no-untyped-call]

    def log_json(self, run_id: str, name: str, value: Any) -> str:
        """Log a JSON-like value as an artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
        name : str
            Path in the run's artifacts.
        value : JSON-like

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.
        """
        return self._log_bytes(run_id, name, to_json(value).encode())

    def read_json(self, run_id: str, name: str) -> Any:
        """Read a JSON artifact of a run; None when there is no such artifact.

        Raises
        ------
        ValueError
            When it is not the one that was decided about.
        """
        content = self._artifact(run_id, name)
        return None if content is None else json.loads(content)

    def log_frame(self, run_id: str, name: str, frame: "pd.DataFrame") -> str:
        """Log a table as a Parquet artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
        name : str
            Path in the run's artifacts. Everybody who may open MLflow reads it: nothing in it may
            name a card, a person or a transaction.
        frame : DataFrame of shape (n_rows, n_columns)

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.
        """
        return self._log_bytes(run_id, name, frame.to_parquet(index=False))

    def read_frame(self, run_id: str, name: str) -> "pd.DataFrame":
        """Read a table that was logged as an artifact.

        Raises
        ------
        ValueError
            When there is none, or it is not the one that was decided about.
        """
        import pandas as pd

        content = self._artifact(run_id, name)
        if content is None:
            raise ValueError(
                f"MLflow run {run_id} has no artifact {name}; restore it from a backup, or make "
                "another version the champion"
            )
        return pd.read_parquet(io.BytesIO(content))

    def _log_bytes(self, run_id: str, name: str, content: bytes) -> str:
        folder, _, file_name = name.rpartition("/")
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / file_name
            file.write_bytes(content)
            self.log_files(run_id, [file], folder or None)
        return hashlib.sha256(content).hexdigest()

    def _artifact(self, run_id: str, name: str) -> bytes | None:
        """Return an artifact, compared with the hash that the decision log has of it."""
        artifacts = self._artifacts_of(self.client(), run_id)
        folder = name.rpartition("/")[0] or None
        if name not in {file.path for file in artifacts.list_artifacts(folder)}:
            return None
        content = _content(artifacts, name)
        decided = recorded_artifacts(read_entries(paths.decisions_path()), run_id)
        found = hashlib.sha256(content).hexdigest()
        if decided is not None and decided.get(name) != found:
            recorded = decided.get(name, "that there was none")
            raise ValueError(
                f"{name} of MLflow run {run_id} was altered since its model was decided about: its "
                f"SHA-256 is {found}, the decision log says {recorded}; restore the artifact, or "
                "make another version the champion"
            )
        return content

    def artifact_hashes(self, run_id: str, names: Sequence[str] = READ_LATER) -> dict[str, str]:
        """Return the SHA-256 of what later runs read of a model's MLflow run, by name.

        Parameters
        ----------
        run_id : str
        names : sequence of str, optional
            Of artifacts.

        Returns
        -------
        dict of str to str
            In hexadecimal; artifacts that the run does not have are left out.

        Raises
        ------
        ValueError
            When one is not what was decided about.
        """
        found = {name: self._artifact(run_id, name) for name in names}
        return {name: hashlib.sha256(c).hexdigest() for name, c in found.items() if c is not None}

    def log_training_keys(self, run_id: str, keys: "pd.Series") -> str:
        """Keep the content keys of the rows that a model was trained or tuned on.

        Parameters
        ----------
        run_id : str
        keys : Series of uint64 of shape (n_rows,)
            Keyed hashes, by the key of this platform.

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.
        """
        column = KEYED_COLUMN + masking().key_id
        return self.log_frame(run_id, TRAINING_KEYS, keys.to_frame(column))

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
        tags: Mapping[str, str],
    ) -> tuple[str, str]:
        """Log a fitted model to the open run and register it as the challenger.

        Parameters
        ----------
        run_id : str
        model : BaseEstimator
        example : DataFrame
            Some rows of features, none of them anybody's; with the scores they give, the
            signature.
        tags : mapping of str to str
            Tags of the version.

        Returns
        -------
        version : str
        model_hash : str
            SHA-256 of the model file, in hexadecimal.
        """
        client = self.client()
        model_id, model_hash = self._log_model(client, run_id, model, example)
        if not client.search_registered_models(equals("name", self.model_name)):
            client.create_registered_model(self.model_name)
        created = client.create_model_version(
            self.model_name, f"{LOGGED_MODEL}{model_id}", run_id, tags=dict(tags), model_id=model_id
        )
        version = str(created.version)
        self.tag_version(version, {HASH_TAG: model_hash})
        client.set_registered_model_alias(self.model_name, CHALLENGER, version)
        return version, model_hash

    def _log_model(
        self, client: "MlflowClient", run_id: str, model: "BaseEstimator", example: "pd.DataFrame"
    ) -> tuple[str, str]:
        """Log a model as `mlflow.sklearn.log_model` does; return its id and its file's SHA-256.

        The file is hashed before it leaves this process, and it is not loaded again to try the
        example, which MLflow may not do here.
        """
        mlflow = _mlflow()
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus
        from mlflow.models import Model, infer_signature

        experiment = self._experiment_id(client)
        logged = client.create_logged_model(experiment, name="model", source_run_id=run_id)
        artifacts = artifacts_at(logged.artifact_location)
        described = Model(
            artifact_path=logged.artifact_location,
            run_id=run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            mlflow.sklearn.save_model(
                model,
                str(folder),
                mlflow_model=described,
                signature=infer_signature(example, model.predict_proba(example)),
                input_example=example,
                serialization_format="skops",
                skops_trusted_types=list(TRUSTED_TYPES),
                pip_requirements=_requirements(),
                pyfunc_predict_fn="predict_proba",
            )
            model_hash = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
            artifacts.log_artifacts(str(folder))  # type: ignore[no-untyped-call]
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        return str(logged.model_id), model_hash

    def load(self, version: str, expected: str | None = None) -> "BaseEstimator":
        """Load the fitted model of a version.

        Only the model's own file is read, and only after its hash was compared with one that is
        kept outside MLflow; MLflow's description of the model beside it is never followed,
        since whoever may write artifacts may write there what to run.

        Parameters
        ----------
        version : str
        expected : str, optional
            SHA-256 of the model file, in hexadecimal. Default: that of the decision log.

        Returns
        -------
        BaseEstimator

        Raises
        ------
        ValueError
            When no hash of the version is known outside MLflow, or its file has another one:
            it is not opened then.
        """
        decided = recorded_model_hash(read_entries(paths.decisions_path()), version)
        trusted = expected or decided
        if trusted is None:
            raise ValueError(
                f"no decision about version {version} of {self.model_name} is in "
                f"{paths.decisions_path()}, so its file cannot be verified; restore the log, or "
                f"run `fraud-assets champion {version} --reason ...` if you trust the version"
            )
        known = {trusted, decided or trusted, self._hash_tag(version)}
        if known == {trusted} and (loaded := _models_at_hand.get(trusted)) is not None:
            return loaded
        content = self._model_file(version)
        found = hashlib.sha256(content).hexdigest()
        if known != {found}:
            raise ValueError(
                f"{MODEL_FILE} of version {version} of {self.model_name} was altered since it was "
                f"registered: its SHA-256 is {found}, but {', '.join(sorted(known - {found}))} was "
                "recorded. It was not opened; restore the artifact, or make another version the "
                "champion"
            )
        model = open_model(content)
        _models_at_hand[found] = model
        return model

    def _hash_tag(self, version: str) -> str:
        found = self.client().get_model_version(self.model_name, version)
        return str(found.tags.get(HASH_TAG, ""))

    def model_hash(self, version: str) -> str:
        """Return the SHA-256 of a version's model file, in hexadecimal."""
        return hashlib.sha256(self._model_file(version)).hexdigest()

    def _model_file(self, version: str) -> bytes:
        """Return a version's model file, and fetch no other."""
        client = self.client()
        found = client.get_model_version(self.model_name, version)
        logged = self._logged_model(client, found)
        return _content(artifacts_at(logged.artifact_location), MODEL_FILE)

    def _logged_model(self, client: "MlflowClient", found: "RegisteredVersion") -> "LoggedModel":
        source = str(found.source)
        if not source.startswith(LOGGED_MODEL):
            raise ValueError(
                f"version {found.version} of {self.model_name} was not trained here: its source is "
                "no logged model; choose a version that the asset trained_model registered"
            )
        return client.get_logged_model(source.removeprefix(LOGGED_MODEL))

    def champion(self) -> ModelVersion | None:
        """Return the champion, None when there is none."""
        version = self.champion_alias()
        return None if version is None else self.version(version)

    def champion_alias(self) -> str | None:
        """Return the version that the alias of the champion names, None when there is none."""
        client = self.client()
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version_by_alias(self.model_name, CHAMPION)
        except MlflowException as error:
            # A server that is away is not a registry without a champion.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return str(found.version)

    def findings(self) -> list[str]:
        """Compare the champion's run, model file and artifacts with the decision log.

        Returns
        -------
        list of str
            What contradicts the log, one sentence each with its remedy; none without a champion.
        """
        version = self.champion_alias()
        if version is None:
            return []
        found = self.client().get_model_version(self.model_name, version)
        entries, run_id = read_entries(paths.decisions_path()), str(found.run_id)
        artifacts = recorded_artifacts(entries, run_id) or {}
        looks: list[Callable[[], object]] = [
            lambda: self._require_decided_run(found),
            lambda: self._compare_model(version, recorded_model_hash(entries, version)),
            *(partial(self._compare_artifact, run_id, name) for name in sorted(artifacts)),
        ]
        found_wrong = (_contradiction(look, version) for look in looks)
        return list(dict.fromkeys(text for text in found_wrong if text is not None))

    def _compare_model(self, version: str, decided: str | None) -> None:
        found = self.model_hash(version)
        if decided not in (None, found):
            raise ValueError(
                f"{MODEL_FILE} of version {version} of {self.model_name} was altered since it was "
                f"decided about: its SHA-256 is {found}, the decision log says {decided}; restore "
                "the file, or make another version the champion"
            )

    def _compare_artifact(self, run_id: str, name: str) -> None:
        if self._artifact(run_id, name) is None:
            raise ValueError(
                f"{name} of MLflow run {run_id} is gone, which the decision log has; restore it "
                "from a backup, or make another version the champion"
            )

    def version(self, version: str) -> ModelVersion:
        """Return what is known of a version.

        Raises
        ------
        ValueError
            When there is no such version, or the registry names another run for it than the
            decision log.
        """
        client = self.client()
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version(self.model_name, version)
        except MlflowException as error:
            raise ValueError(
                f"there is no version {version!r} of {self.model_name} in "
                f"{environment.mlflow_url()}; look up the versions there"
            ) from error
        return self._known(found)

    def _require_decided_run(self, found: "RegisteredVersion") -> None:
        decided = recorded_run(read_entries(paths.decisions_path()), str(found.version))
        if decided not in (None, found.run_id):
            raise ValueError(
                f"version {found.version} of {self.model_name} is not the one that was decided "
                f"about: the registry names run {found.run_id}, the decision log run {decided}. "
                "Restore MLflow's database from a backup; a registry that was made anew needs a "
                "log of its own: set another FRAUD_HOME"
            )

    def _known(self, found: "RegisteredVersion") -> ModelVersion:
        self._require_decided_run(found)
        facts = self.model_facts(str(found.run_id)) if found.run_id else None
        if facts is None:
            raise ValueError(
                f"version {found.version} of {self.model_name} has no {MODEL_FACTS}, so it was not "
                "trained here; choose a version that the asset trained_model registered"
            )
        return ModelVersion(
            str(found.version),
            str(found.run_id),
            facts.batch,
            facts.decision_threshold,
            tuple(facts.features),
        )

    def model_facts(self, run_id: str) -> ModelFacts | None:
        """Return what a model was made from; None when its run was not one of ours.

        Cached once it was read: it does not change, and the exporter asks every few seconds.

        Parameters
        ----------
        run_id : str

        Returns
        -------
        ModelFacts or None

        Raises
        ------
        ValueError
            When the artifact was changed since it was decided about, or is of another format.
        """
        key = environment.tracking_uri(), run_id
        facts = _facts_at_hand.get(key)
        if facts is None:
            content = self._artifact(run_id, MODEL_FACTS)
            if content is not None:
                facts = ModelFacts.from_json(content, f"{MODEL_FACTS} of MLflow run {run_id}")
                _facts_at_hand[key] = facts
        return facts

    def decided_model(self, dagster_runs: Set[str]) -> TrainedModel | None:
        """Return the model that one of some Dagster runs trained and decided about.

        Parameters
        ----------
        dagster_runs : set of str

        Returns
        -------
        TrainedModel or None
            With the hash that the decision log has; None when no model of these runs stands there.

        Raises
        ------
        ValueError
            When an artifact is not the one that was decided about.
        """
        client, entries = self.client(), read_entries(paths.decisions_path())
        for run in self._runs_of(client, dagster_runs):
            run_id = str(run.info.run_id)
            for found in client.search_model_versions(equals("run_id", run_id)):
                version = str(found.version)
                model_hash = recorded_model_hash(entries, version)
                if recorded_run(entries, version) == run_id and model_hash is not None:
                    facts = self.model_facts(run_id)
                    if facts is None:
                        continue
                    artifacts = self.artifact_hashes(run_id, OF_TRAINING)
                    return TrainedModel(
                        **dict(facts),
                        run_id=run_id,
                        version=version,
                        model_hash=model_hash,
                        artifacts=artifacts,
                    )
        return None

    def versions_of(self, batch: str) -> dict[str, list[str]]:
        """Return the versions that were trained for a batch, each with its aliases.

        Parameters
        ----------
        batch : str

        Returns
        -------
        dict of str to list of str
        """
        client = self.client()
        trained = {
            str(found.version): str(found.run_id)
            for found in client.search_model_versions(equals("name", self.model_name))
        }
        return {
            version: list(client.get_model_version(self.model_name, version).aliases)
            for version, run_id in trained.items()
            if client.get_run(run_id).data.tags.get(BATCH_TAG) == batch
        }

    def delete_version(self, version: str) -> None:
        """Delete a version with its model files, and its MLflow run with all artifacts.

        What MLflow itself only marks as deleted, figures and parameters, goes with `mlflow gc`.

        Parameters
        ----------
        version : str

        Raises
        ------
        ValueError
            When its files lie where none of ours do: nothing is deleted then.
        """
        client = self.client()
        found = client.get_model_version(self.model_name, version)
        logged, run = self._logged_model(client, found), client.get_run(str(found.run_id))
        places = (logged.artifact_location, run.info.artifact_uri)
        repositories = [artifacts_at(place) for place in places]
        client.delete_model_version(self.model_name, version)
        for artifacts in repositories:
            artifacts.delete_artifacts()  # type: ignore[no-untyped-call]
        client.delete_logged_model(logged.model_id)
        client.delete_run(run.info.run_id)

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
            f"{environment.mlflow_url()}/#/experiments/{experiment}/runs/{run_id}"
        )

    def version_link(self, version: str) -> dg.MetadataValue:
        """Return a link to a model version in the MLflow UI."""
        return dg.MetadataValue.url(
            f"{environment.mlflow_url()}/#/models/{self.model_name}/versions/{version}"
        )

    # --- old batches --------------------------------------------------------------------

    def delete_runs_of(self, batch: str, kept_versions: Sequence[str]) -> int:
        """Delete the MLflow runs of a batch: tunings, their trials, and trainings that failed.

        With their artifacts and the models they logged; MLflow marks the rest as deleted until
        `mlflow gc`.

        Parameters
        ----------
        batch : str
        kept_versions : sequence of str
            Model versions whose runs stay.

        Returns
        -------
        int
            How many were deleted.
        """
        client = self.client()
        kept = {client.get_model_version(self.model_name, v).run_id for v in kept_versions}
        experiment = [self._experiment_id(client)]
        gone = [run for run in self._runs_for(client, batch) if run.info.run_id not in kept]
        for run in gone:
            of_run = equals("source_run_id", run.info.run_id)
            for logged in client.search_logged_models(experiment, filter_string=of_run):
                artifacts_at(logged.artifact_location).delete_artifacts()  # type: ignore[no-untyped-call]
                client.delete_logged_model(logged.model_id)
            artifacts = artifacts_at(run.info.artifact_uri)
            if artifacts.list_artifacts():
                artifacts.delete_artifacts()  # type: ignore[no-untyped-call]
            client.delete_run(run.info.run_id)
        return len(gone)

    def _runs_for(self, client: "MlflowClient", batch: str) -> "list[Run]":
        """Return all MLflow runs of a batch; not every name of one can stand in a condition."""
        can_stand = re.fullmatch(NAME_PATTERN, batch)
        condition = equals(f"tags.`{BATCH_TAG}`", batch) if can_stand else ""
        found: list[Run] = []
        token: str | None = None
        while True:
            page = client.search_runs([self._experiment_id(client)], condition, page_token=token)
            found += [run for run in page if run.data.tags.get(BATCH_TAG) == batch]
            token = page.token
            if not token:
                return found


def equals(attribute: str, value: str) -> str:
    """Return an MLflow filter for what has a value.

    Parameters
    ----------
    attribute : str
        Written here, never read from data.
    value : str
        A name or an id.

    Raises
    ------
    ValueError
        When the value could end the quotes it stands in; MLflow knows no way to write them.

    Examples
    --------
    >>> equals("run_id", "a1")
    "run_id = 'a1'"
    """
    if not re.fullmatch(NAME_PATTERN, value):
        raise ValueError(f"{value[:100]!r} is no name or id in MLflow ({attribute})")
    return f"{attribute} = '{value}'"


def artifacts_at(place: str) -> "ArtifactRepository":
    """Return what reads, writes and deletes artifacts at a location; all of them go through here.

    With a tracking server, the server alone reaches them. Whoever has an MLflow login can make an
    experiment at any other location, which a client would follow with its own rights and keys.

    Parameters
    ----------
    place : str
        Of an experiment, a run or a logged model, as MLflow has it.

    Returns
    -------
    ArtifactRepository

    Raises
    ------
    ValueError
        When MLflow is a server, and the location is not one that it serves itself.
    """
    uri = environment.tracking_uri()
    if urlsplit(uri).scheme in ("http", "https") and not re.fullmatch(SERVED_PLACE, place):
        raise ValueError(
            f"artifacts at {named(place, PLACE_LENGTH)} are neither read nor written: with a "
            "tracking server they lie below mlflow-artifacts:/ alone. Find out who made this "
            "experiment, and delete it. A server of your own is started with "
            "--artifacts-destination; an experiment that is older than this option is renamed, and "
            "made anew"
        )
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(place, tracking_uri=uri)


def _contradiction(look: Callable[[], object], version: str) -> str | None:
    """Return what is wrong with a version, None when nothing is.

    That the server is away says nothing about the version, and is raised.
    """
    from mlflow.exceptions import MlflowException

    try:
        look()
    except ValueError as error:
        return str(error)
    except (MlflowException, OSError) as error:
        if is_outage(error):
            raise
        return (
            f"the files of version {version}, the champion, cannot be read "
            f"({type(error).__name__}); restore them from a backup, or make another version the "
            "champion"
        )
    return None


def _content(artifacts: "ArtifactRepository", name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = artifacts.download_artifacts(name, folder)  # type: ignore[no-untyped-call]
        return Path(path).read_bytes()


def _mlflow() -> Any:
    """Import MLflow, which takes seconds, and keep its logs quiet."""
    environment.set_mlflow_defaults()
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

    of_estimators = [name.kind.package for name in EstimatorName]
    packages = dict.fromkeys(["scikit-learn", "skops", "numpy", "pandas", *of_estimators])
    return [f"{name}=={version(name)}" for name in packages]
