"""The Dagster resource through which assets reach MLflow."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from fraud_assets.config import environment, names
from fraud_assets.records.base import to_json
from fraud_assets.records.models import ModelFacts, TrainedModel
from fraud_assets.text import fitting_lines
from fraud_assets.tracking import artifacts, runs
from fraud_assets.tracking.artifacts import READ_LATER, TRAINING_KEYS
from fraud_assets.tracking.registry import CHAMPION, ModelRegistry, ModelVersion, decision_log
from fraud_assets.tracking.server import NAME_PATTERN, Server, connect

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from sklearn.base import BaseEstimator

DESCRIPTION_LENGTH = 5000
"""Characters of a version's description that MLflow's table holds."""


class Tracking(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where models are tracked and registered.

    Attributes
    ----------
    tracking_uri : str or None
        Address of the MLflow server.
    ui_url : str or None
        Address at which a person opens MLflow.
    experiment : str
        Name of the MLflow experiment.
    model_name : str
        Name of the registered model.

    Examples
    --------
    >>> tracking = Tracking(ui_url="https://mlflow.example")
    >>> tracking.version_link("3").value
    'https://mlflow.example/#/models/fraud_detector/versions/3'
    """

    tracking_uri: str | None = Field(
        default=None,
        description="Address of the MLflow server; default: `MLFLOW_TRACKING_URI`, else SQLite and "
        "local artifacts below `FRAUD_HOME`.",
    )
    ui_url: str | None = Field(
        default=None,
        description="Address of the MLflow UI in links; default: `MLFLOW_UI_URL`, else that of "
        "`make mlflow`.",
    )
    experiment: str = Field(
        default=names.EXPERIMENT_NAME,
        pattern=NAME_PATTERN,
        description="Name of the MLflow experiment.",
    )
    model_name: str = Field(
        default=names.MODEL_NAME,
        pattern=NAME_PATTERN,
        description="Name of the registered model.",
    )

    # --- the connection -----------------------------------------------------------------

    def server(self) -> Server:
        """Return the connection to MLflow, with the experiment.

        Returns
        -------
        Server

        Raises
        ------
        ConnectionError
            When MLflow does not answer.
        """
        return connect(self.tracking_uri or environment.tracking_uri(), self.experiment)

    def client(self) -> "MlflowClient":
        """Return MLflow's client; the experiment exists."""
        return self.server().client

    def registry(self) -> ModelRegistry:
        """Return the versions of the registered model."""
        return ModelRegistry(self.server(), self.model_name)

    # --- runs ---------------------------------------------------------------------------

    @contextmanager
    def training_run(
        self, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open the one MLflow run of a model, and end it with the right status.

        A retry of the step continues the run; a new Dagster run opens a new one. Runs that a
        killed process left running are closed first, and the versions that they may have
        registered are deleted: no later step has seen them.

        Parameters
        ----------
        context : AssetExecutionContext
        batch : str
        tags : mapping of str to str

        Yields
        ------
        str
            Id of the MLflow run.
        """
        registry = self.registry()
        for run in runs.abandoned_runs(registry.server, context, batch):
            registry.roll_back(run)
        with runs.open_training_run(registry.server, context, batch, tags) as run_id:
            yield run_id

    @contextmanager
    def group_run(
        self, context: dg.AssetExecutionContext, name: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open an MLflow run that holds others, such as the trials of a tuning; yield its id.

        Parameters
        ----------
        context : AssetExecutionContext
        name : str
        tags : mapping of str to str
        """
        with runs.open_group_run(self.server(), context, name, tags) as run_id:
            yield run_id

    def log_child(
        self,
        parent: str,
        name: str,
        parameters: Mapping[str, Any],
        figures: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """Log a finished run inside another.

        Parameters
        ----------
        parent : str
            Id of the run that holds it.
        name : str
        parameters : mapping of str to object
        figures : mapping of str to float
            Metrics.
        tags : mapping of str to str
        """
        runs.log_child_run(self.server(), parent, name, parameters, figures, tags)

    def log_parameters(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        """Log parameters to a run."""
        runs.log_parameters(self.server(), run_id, parameters)

    def log_figures(self, run_id: str, figures: Mapping[str, float], step: int = 0) -> None:
        """Log metrics to a run that may have ended."""
        runs.log_metrics(self.server(), run_id, figures, step)

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
        registry = self.registry()
        kept = [str(registry.registered(version).run_id) for version in kept_versions]
        return runs.delete_runs(registry.server, batch, kept)

    # --- artifacts ----------------------------------------------------------------------

    def log_text(self, run_id: str, name: str, text: str) -> None:
        """Log a text as an artifact of a run that may have ended."""
        artifacts.log_content(self.server(), run_id, name, text.encode())

    def log_files(self, run_id: str, files: Sequence[Path], folder: str | None = None) -> None:
        """Log files as artifacts of a run that may have ended."""
        artifacts.log_files(self.server(), run_id, files, folder)

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
        return artifacts.log_content(self.server(), run_id, name, to_json(value).encode())

    def read_json(self, run_id: str, name: str) -> Any:
        """Read a JSON artifact of a run; None when there is no such artifact.

        Raises
        ------
        ValueError
            When it was altered since the decision about its model.
        """
        content = self._read_artifact(run_id, name)
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
        content = frame.to_parquet(index=False)
        return artifacts.log_content(self.server(), run_id, name, content)

    def read_frame(self, run_id: str, name: str) -> "pd.DataFrame":
        """Read a table that was logged as an artifact.

        Parameters
        ----------
        run_id, name : str

        Returns
        -------
        DataFrame of shape (n_rows, n_columns)

        Raises
        ------
        ValueError
            When there is none, or it was altered since the decision about its model.
        """
        import pandas as pd

        content = self._read_artifact(run_id, name)
        if content is None:
            raise ValueError(
                f"MLflow run {run_id} has no artifact {name}; restore it from a backup, or make "
                "another version the champion"
            )
        return pd.read_parquet(io.BytesIO(content))

    def artifact_hashes(self, run_id: str, names: Sequence[str] = READ_LATER) -> dict[str, str]:
        """Return the SHA-256 of the artifacts of a run that later runs read, by name.

        Parameters
        ----------
        run_id : str
        names : sequence of str, optional
            Of artifacts.

        Returns
        -------
        dict of str to str
            In hexadecimal; without artifacts that the run does not have.

        Raises
        ------
        ValueError
            When one was altered since the decision about its model.
        """
        return self.registry().artifact_hashes(run_id, names)

    def log_training_keys(self, run_id: str, keys: "pd.Series") -> str:
        """Log the content keys of the rows that a model was trained or tuned on.

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
        return self.log_frame(run_id, TRAINING_KEYS, artifacts.keys_frame(keys))

    def training_keys(self, run_id: str) -> "pd.Series":
        """Return the content keys of the rows that a model was trained or tuned on.

        Parameters
        ----------
        run_id : str

        Returns
        -------
        Series of uint64 of shape (n_rows,)
            Keyed hashes, also of a model from an earlier release, which hashed without a key.

        Raises
        ------
        AnotherKeyError
            When they were hashed with another key.
        """
        return artifacts.keys_of(self.read_frame(run_id, TRAINING_KEYS), run_id)

    def _read_artifact(self, run_id: str, name: str) -> bytes | None:
        return artifacts.read_artifact(self.server(), run_id, name, decision_log())

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
        example : DataFrame of shape (n_rows, n_features)
            Rows of features that are nobody's; with the scores they give, the signature.
        tags : mapping of str to str
            Tags of the version.

        Returns
        -------
        version : str
        model_hash : str
            SHA-256 of the model file, in hexadecimal.
        """
        return self.registry().register(run_id, model, example, tags)

    def load(self, version: str, expected: str | None = None) -> "BaseEstimator":
        """Load the fitted model of a version.

        Only the model's own file is read, and only after its hash was compared with one that is
        recorded outside MLflow; MLflow's description of the model next to it is never followed,
        since whoever can write artifacts can write there what to run.

        Parameters
        ----------
        version : str
        expected : str, optional
            SHA-256 of the model file, in hexadecimal. Default: that in the decision log.

        Returns
        -------
        BaseEstimator

        Raises
        ------
        ValueError
            When no hash of the version is recorded outside MLflow, or its file has another one:
            it is not opened then.
        """
        return self.registry().load(version, expected)

    def model_hash(self, version: str) -> str:
        """Return the SHA-256 of a version's model file, in hexadecimal."""
        return hashlib.sha256(self.registry().model_file(version)).hexdigest()

    def model_facts(self, run_id: str) -> ModelFacts | None:
        """Return what a model was made from; None when its run logged no facts.

        Parameters
        ----------
        run_id : str

        Returns
        -------
        ModelFacts or None

        Raises
        ------
        ValueError
            When the artifact was altered since the decision, or is of another format.
        """
        return self.registry().facts(run_id)

    def decided_model(self, dagster_runs: Set[str]) -> TrainedModel | None:
        """Return the model that one of some Dagster runs trained and decided about.

        Parameters
        ----------
        dagster_runs : set of str

        Returns
        -------
        TrainedModel or None
            With the hash in the decision log; None when it names no model of these runs.

        Raises
        ------
        ValueError
            When an artifact was altered since the decision.
        """
        return self.registry().decided_model(dagster_runs)

    # --- versions -----------------------------------------------------------------------

    def version(self, version: str) -> ModelVersion:
        """Return a version.

        Parameters
        ----------
        version : str

        Returns
        -------
        ModelVersion

        Raises
        ------
        ValueError
            When there is no such version, it was not trained here, or the registry names another
            run for it than the decision log.
        """
        return self.registry().get(version)

    def champion(self) -> ModelVersion | None:
        """Return the champion; None when there is none."""
        registry = self.registry()
        version = registry.champion_alias()
        return None if version is None else registry.get(version)

    def champion_alias(self) -> str | None:
        """Return the version with the alias of the champion; None when there is none."""
        return self.registry().champion_alias()

    def make_champion(self, version: str) -> None:
        """Make a version the champion."""
        self.client().set_registered_model_alias(self.model_name, CHAMPION, version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Tag a version."""
        self.registry().tag(version, tags)

    def describe_version(self, version: str, text: str, whole: str) -> None:
        """Set the description that MLflow shows on a version's page.

        Parameters
        ----------
        version : str
        text : str
            Markdown. Whole lines are left out at the end when MLflow has no room for them.
        whole : str
            The artifact of the run that holds the whole text.
        """
        fitting = fitting_lines(text, DESCRIPTION_LENGTH, f"\nThe rest is in the run's {whole}.\n")
        self.client().update_model_version(self.model_name, version, fitting)

    def findings(self) -> list[str]:
        """Compare the champion's run, model file and artifacts with the decision log.

        Returns
        -------
        list of str
            What contradicts the log, one sentence each with its remedy; none without a champion.
        """
        return self.registry().findings()

    def versions_of(self, batch: str) -> dict[str, list[str]]:
        """Return the versions that were trained for a batch, with the aliases of each.

        Parameters
        ----------
        batch : str

        Returns
        -------
        dict of str to list of str
        """
        return self.registry().versions_of(batch)

    def delete_version(self, version: str) -> None:
        """Delete a version with its model files, and its MLflow run with all artifacts.

        MLflow only marks metrics and parameters as deleted, until `mlflow gc`.

        Parameters
        ----------
        version : str

        Raises
        ------
        ValueError
            When its files are where the server does not serve them: nothing is deleted then.
        """
        self.registry().delete(version)

    # --- links --------------------------------------------------------------------------

    def run_link(self, run_id: str) -> dg.MetadataValue:
        """Return a link to a run in the MLflow UI."""
        experiment = self.client().get_run(run_id).info.experiment_id
        return dg.MetadataValue.url(f"{self._ui_url()}/#/experiments/{experiment}/runs/{run_id}")

    def version_link(self, version: str) -> dg.MetadataValue:
        """Return a link to a model version in the MLflow UI."""
        return dg.MetadataValue.url(
            f"{self._ui_url()}/#/models/{self.model_name}/versions/{version}"
        )

    def _ui_url(self) -> str:
        return (self.ui_url or environment.mlflow_url()).rstrip("/")
