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

        See Also
        --------
        fraud_assets.tracking.server.connect : makes the connection.
        """
        return connect(self.tracking_uri or environment.tracking_uri(), self.experiment)

    def client(self) -> "MlflowClient":
        """Return MLflow's client; the experiment exists.

        Returns
        -------
        MlflowClient

        Raises
        ------
        ConnectionError
            When MLflow does not answer.

        See Also
        --------
        server : the whole connection.
        """
        return self.server().client

    def registry(self) -> ModelRegistry:
        """Return the versions of the registered model.

        Returns
        -------
        ModelRegistry

        Raises
        ------
        ConnectionError
            When MLflow does not answer.
        """
        return ModelRegistry(self.server(), self.model_name)

    # --- runs ---------------------------------------------------------------------------

    @contextmanager
    def training_run(
        self, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
    ) -> Iterator[str]:
        """Open the one MLflow run of a model, and end it with the right status.

        A retry of the step continues the run; a new Dagster run opens a new one. Runs that a killed
        process left open are closed first, and versions that they may have registered are deleted:
        no later step has used them.

        Parameters
        ----------
        context : AssetExecutionContext
            Context of the step that opens the run.
        batch : str
            Name of the batch, which is its partition.
        tags : mapping of str to str
            Tags of the MLflow run, by name.

        Yields
        ------
        str
            Id of the MLflow run.

        See Also
        --------
        group_run : for runs that hold others.
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
        """Open an MLflow run that holds others, such as the trials of a tuning.

        Parameters
        ----------
        context : AssetExecutionContext
            Context of the step that opens the run.
        name : str
            Name that MLflow shows for the run.
        tags : mapping of str to str
            Tags of the MLflow run, by name.

        Yields
        ------
        str
            Id of the MLflow run.

        See Also
        --------
        log_child : logs a run inside it.
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
            Name that MLflow shows for the run.
        parameters : mapping of str to object
            Values by name; they are stored as text.
        figures : mapping of str to float
            Values by metric name.
        tags : mapping of str to str
            Tags of the MLflow run, by name.

        See Also
        --------
        group_run : opens the parent.
        """
        runs.log_child_run(self.server(), parent, name, parameters, figures, tags)

    def log_parameters(self, run_id: str, parameters: Mapping[str, Any]) -> None:
        """Log parameters to a run.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        parameters : mapping of str to object
            Values by name; they are stored as text.

        See Also
        --------
        log_figures : logs metrics.
        """
        runs.log_parameters(self.server(), run_id, parameters)

    def log_figures(self, run_id: str, figures: Mapping[str, float], step: int = 0) -> None:
        """Log metrics to a run that may have ended.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        figures : mapping of str to float
            Values by metric name.
        step : int, optional
            Position on the horizontal axis of MLflow's charts.

        See Also
        --------
        log_parameters : logs parameters.
        """
        runs.log_metrics(self.server(), run_id, figures, step)

    def delete_runs_of(self, batch: str, kept_versions: Sequence[str]) -> int:
        """Delete the MLflow runs of a batch: tunings, their trials, and trainings that failed.

        Their artifacts and the models that they logged are deleted, too. MLflow only marks the rest
        as deleted until `mlflow gc`.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.
        kept_versions : sequence of str
            Model versions whose runs are kept.

        Returns
        -------
        int
            Number of deleted runs.
        """
        registry = self.registry()
        kept = [str(registry.registered(version).run_id) for version in kept_versions]
        return runs.delete_runs(registry.server, batch, kept)

    # --- artifacts ----------------------------------------------------------------------

    def log_text(self, run_id: str, name: str, text: str) -> None:
        """Log a text as an artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        name : str
            Path in the run's artifacts.
        text : str
            Stored as UTF-8.

        See Also
        --------
        log_json : for JSON-like values.
        """
        artifacts.log_content(self.server(), run_id, name, text.encode())

    def log_files(self, run_id: str, files: Sequence[Path], folder: str | None = None) -> None:
        """Log files as artifacts of a run that may have ended.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        files : sequence of Path
            Local files; each keeps its name.
        folder : str, optional
            Folder in the run's artifacts; default: the top level.
        """
        artifacts.log_files(self.server(), run_id, files, folder)

    def log_json(self, run_id: str, name: str, value: Any) -> str:
        """Log a JSON-like value as an artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        name : str
            Path in the run's artifacts.
        value : JSON-like
            Without infinite numbers and NaN.

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.

        Raises
        ------
        ValueError
            When a number is infinite or not a number.

        See Also
        --------
        read_json : reads it back.
        """
        return artifacts.log_content(self.server(), run_id, name, to_json(value).encode())

    def read_json(self, run_id: str, name: str) -> Any:
        """Read a JSON artifact of a run; None when there is no such artifact.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        name : str
            Path in the run's artifacts.

        Returns
        -------
        object
            The parsed value; None when there is no such artifact.

        Raises
        ------
        ValueError
            When it was altered since the decision about its model.

        See Also
        --------
        log_json : logs one.
        """
        content = self._read_artifact(run_id, name)
        return None if content is None else json.loads(content)

    def log_frame(self, run_id: str, name: str, frame: "pd.DataFrame") -> str:
        """Log a table as a Parquet artifact of a run that may have ended.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        name : str
            Path in the run's artifacts.
        frame : DataFrame of shape (n_rows, n_columns)
            Stored without its index. Everybody with access to MLflow can read it, so nothing in it
            may identify a card, a person or a transaction.

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.

        See Also
        --------
        read_frame : reads it back.
        """
        content = frame.to_parquet(index=False)
        return artifacts.log_content(self.server(), run_id, name, content)

    def read_frame(self, run_id: str, name: str) -> "pd.DataFrame":
        """Read a table that was logged as an artifact.

        Parameters
        ----------
        run_id, name : str
            Id of the MLflow run, and the path among its artifacts.

        Returns
        -------
        DataFrame of shape (n_rows, n_columns)

        Raises
        ------
        ValueError
            When there is none, or it was altered since the decision about its model.

        See Also
        --------
        log_frame : logs one.
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
            Id of the MLflow run.
        names : sequence of str, optional
            Paths in the run's artifacts.

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
            Id of the MLflow run.
        keys : Series of uint64 of shape (n_rows,)
            Keyed hashes, with the key of this platform.

        Returns
        -------
        str
            SHA-256 of the artifact, in hexadecimal.

        See Also
        --------
        training_keys : reads them back.
        """
        return self.log_frame(run_id, TRAINING_KEYS, artifacts.keys_frame(keys))

    def training_keys(self, run_id: str) -> "pd.Series":
        """Return the content keys of the rows that a model was trained or tuned on.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.

        Returns
        -------
        Series of uint64 of shape (n_rows,)
            Keyed hashes, also of a model from an earlier release, which hashed without a key.

        Raises
        ------
        AnotherKeyError
            When they were hashed with another key.
        ValueError
            When the run has none, or they were altered since the decision about the model.

        See Also
        --------
        log_training_keys : logs them.
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
            Id of the MLflow run.
        model : BaseEstimator
            Fitted classifier with `predict_proba`.
        example : DataFrame of shape (n_rows, n_features)
            Made-up rows of features. MLflow stores them as the input example, and derives the
            signature from them and their scores.
        tags : mapping of str to str
            Tags of the version.

        Returns
        -------
        version : str
            Number of the new version.
        model_hash : str
            SHA-256 of the model file, in hexadecimal.

        See Also
        --------
        load : loads the model of a version.
        """
        return self.registry().register(run_id, model, example, tags)

    def load(self, version: str, expected: str | None = None) -> "BaseEstimator":
        """Load the fitted model of a version.

        Only the model's own file is read, and only after comparing its hash with one that is
        recorded outside MLflow. MLflow's description of the model next to it is never followed,
        since anyone who can write artifacts could name code to run there.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.
        expected : str, optional
            SHA-256 of the model file, in hexadecimal. Default: that in the decision log.

        Returns
        -------
        BaseEstimator
            Possibly the same object as in an earlier call.

        Raises
        ------
        ValueError
            When no hash of the version is recorded outside MLflow, or its file has another one:
            it is not opened then.

        See Also
        --------
        model_hash : the hash of the file.
        """
        return self.registry().load(version, expected)

    def model_hash(self, version: str) -> str:
        """Return the SHA-256 of a version's model file, in hexadecimal.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Returns
        -------
        str
            Of the file that MLflow serves now.

        Raises
        ------
        ValueError
            When the version was not trained here.
        """
        return hashlib.sha256(self.registry().model_file(version)).hexdigest()

    def model_facts(self, run_id: str) -> ModelFacts | None:
        """Return what a model was made from; None when its run logged no facts.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.

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
            Ids of Dagster runs.

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
            Number of the version in the registry, such as `3`.

        Returns
        -------
        ModelVersion

        Raises
        ------
        ValueError
            When there is no such version, it was not trained here, or the registry names another
            run for it than the decision log.

        See Also
        --------
        champion : the version that scores batches.
        """
        return self.registry().get(version)

    def champion(self) -> ModelVersion | None:
        """Return the champion; None when there is none.

        Returns
        -------
        ModelVersion or None

        Raises
        ------
        ValueError
            When the version was not trained here, or the registry names another run for it than the
            decision log.

        See Also
        --------
        champion_alias : the number alone, without a comparison.
        """
        registry = self.registry()
        version = registry.champion_alias()
        return None if version is None else registry.get(version)

    def champion_alias(self) -> str | None:
        """Return the version that has the alias `champion`; None when there is none.

        Returns
        -------
        str or None
            Number of the version.

        See Also
        --------
        champion : the version, compared with the decision log.
        """
        return self.registry().champion_alias()

    def make_champion(self, version: str) -> None:
        """Give a version the alias `champion`.

        The caller records the decision in the decision log.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        See Also
        --------
        champion_alias : the version that has it.
        """
        self.client().set_registered_model_alias(self.model_name, CHAMPION, version)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.
        tags : mapping of str to str
            Values by name; other tags of the version are kept.
        """
        self.registry().tag(version, tags)

    def describe_version(self, version: str, text: str, whole: str) -> None:
        """Set the description that MLflow shows on a version's page.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.
        text : str
            Markdown. Lines at the end are left out if it exceeds MLflow's limit.
        whole : str
            Name of the run's artifact that holds the whole text.
        """
        fitting = fitting_lines(text, DESCRIPTION_LENGTH, f"\nThe rest is in the run's {whole}.\n")
        self.client().update_model_version(self.model_name, version, fitting)

    def findings(self) -> list[str]:
        """Compare the champion's run, model file and artifacts with the decision log.

        Returns
        -------
        list of str
            Contradictions to the log, one sentence each with its remedy; empty without a champion.
        """
        return self.registry().findings()

    def versions_of(self, batch: str) -> dict[str, list[str]]:
        """Return the versions that were trained for a batch, with the aliases of each.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        dict of str to list of str
            Aliases by version; an empty list for a version without any.
        """
        return self.registry().versions_of(batch)

    def delete_version(self, version: str) -> None:
        """Delete a version with its model files, and its MLflow run with all artifacts.

        MLflow only marks metrics and parameters as deleted, until `mlflow gc`.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Raises
        ------
        ValueError
            When its files are in a location that the server does not serve; nothing is deleted
            then.

        See Also
        --------
        delete_runs_of : deletes the other runs of a batch.
        """
        self.registry().delete(version)

    # --- links --------------------------------------------------------------------------

    def run_link(self, run_id: str) -> dg.MetadataValue:
        """Return a link to a run in the MLflow UI.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.

        Returns
        -------
        dagster.MetadataValue
            A URL.

        See Also
        --------
        version_link : a link to a version.
        """
        experiment = self.client().get_run(run_id).info.experiment_id
        return dg.MetadataValue.url(f"{self._ui_url()}/#/experiments/{experiment}/runs/{run_id}")

    def version_link(self, version: str) -> dg.MetadataValue:
        """Return a link to a model version in the MLflow UI.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Returns
        -------
        dagster.MetadataValue
            A URL; whether the version exists is not checked.

        See Also
        --------
        run_link : a link to a run.
        """
        return dg.MetadataValue.url(
            f"{self._ui_url()}/#/models/{self.model_name}/versions/{version}"
        )

    def _ui_url(self) -> str:
        return (self.ui_url or environment.mlflow_url()).rstrip("/")
