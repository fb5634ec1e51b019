"""The connection to MLflow: a tracking server, or SQLite and a local folder."""

import logging
import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from filelock import FileLock

from fraud_assets.config import environment
from fraud_assets.platform.outages import is_outage
from fraud_assets.store.files import private_folder
from fraud_assets.text import named

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"
"""Names that are safe in MLflow's search conditions and addresses, and in PromQL."""
SERVED_PLACE = r"mlflow-artifacts:(/(?!\.{1,2}(/|$))[^/%?#\\\s]+)+/?"
"""Artifact locations that the tracking server serves itself, without a host name."""
PLACE_LENGTH = 200
"""Characters of a location that a message shows."""

_known_experiments: set[tuple[str, str]] = set()
"""Experiments that this process has seen, by server: asking costs a round trip each time."""


@dataclass(frozen=True)
class Server:
    """A connection to MLflow, with an experiment that exists.

    Attributes
    ----------
    client : MlflowClient
    uri : str
        The tracking URI.
    experiment : str
        Name of the experiment.

    See Also
    --------
    connect : makes one.
    """

    client: "MlflowClient"
    uri: str
    experiment: str

    def experiment_id(self) -> str:
        """Return the id of the experiment.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            When the artifacts of the experiment are stored where the server does not serve them.
        """
        experiment = self.client.get_experiment_by_name(self.experiment)
        assert experiment is not None, "connect() creates it"
        self.artifacts_at(experiment.artifact_location)
        return str(experiment.experiment_id)

    def search_runs(self, condition: str) -> "list[Run]":
        """Return the runs of the experiment that meet a condition.

        Parameters
        ----------
        condition : str
            As returned by `equals`.

        Returns
        -------
        list of mlflow.entities.Run

        Raises
        ------
        ValueError
            When the artifacts of the experiment are stored where the server does not serve them.

        See Also
        --------
        equals : makes a condition.
        """
        return list(self.client.search_runs([self.experiment_id()], condition))

    def runs_of(self, dagster_runs: Set[str]) -> "list[Run]":
        """Return the MLflow runs of some Dagster runs.

        Parameters
        ----------
        dagster_runs : set of str
            Ids of Dagster runs.

        Returns
        -------
        list of mlflow.entities.Run
            Empty when none of them opened an MLflow run.
        """
        conditions = [equals("tags.dagster_run_id", run_id) for run_id in dagster_runs]
        return [run for condition in conditions for run in self.search_runs(condition)]

    def artifacts_of(self, run_id: str) -> "ArtifactRepository":
        """Return the artifacts of a run.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.

        Returns
        -------
        ArtifactRepository
            Reads, writes and deletes artifacts.

        Raises
        ------
        ValueError
            When they are stored where the server does not serve them.

        See Also
        --------
        artifacts_at : for any location.
        """
        return self.artifacts_at(self.client.get_run(run_id).info.artifact_uri)

    def artifacts_at(self, place: str) -> "ArtifactRepository":
        """Return the artifacts at a location of an experiment, a run or a logged model.

        Parameters
        ----------
        place : str
            Location as MLflow returns it.

        Returns
        -------
        ArtifactRepository
            Reads, writes and deletes artifacts.

        Raises
        ------
        ValueError
            When MLflow is a server, and it does not serve the location itself.

        See Also
        --------
        artifacts_of : for a run.
        """
        return artifacts_at(place, self.uri)


def connect(uri: str, experiment: str) -> Server:
    """Connect to MLflow, and create the database and the experiment if they are missing.

    Parameters
    ----------
    uri : str
        MLflow's tracking URI, such as `http://host:port` or `sqlite:///path`.
    experiment : str
        Name of the experiment.

    Returns
    -------
    Server

    Raises
    ------
    ConnectionError
        When the server does not answer.

    See Also
    --------
    fraud_assets.tracking.Tracking.server : takes both from the settings.
    """
    mlflow = mlflow_library()
    mlflow.set_tracking_uri(uri)
    artifacts = _local_artifacts(uri)
    client: MlflowClient = mlflow.MlflowClient()
    if (uri, experiment) not in _known_experiments:
        try:
            if client.get_experiment_by_name(experiment) is None:
                client.create_experiment(experiment, artifact_location=artifacts)
        except mlflow.MlflowException as error:
            if not is_outage(error):
                raise
            raise ConnectionError(
                f"MLflow at {uri} does not answer; look at its log and start it. The run is "
                "resumed automatically, up to five times; after that, touch the batch's file. "
                "Steps that were completed are not repeated"
            ) from error
        _known_experiments.add((uri, experiment))
    return Server(client, uri, experiment)


def mlflow_library() -> Any:
    """Import MLflow, which takes seconds, and keep its logs quiet.

    Returns
    -------
    module
        The package `mlflow`.
    """
    environment.set_mlflow_defaults()
    import mlflow

    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return mlflow


def equals(attribute: str, value: str) -> str:
    """Return an MLflow search condition: an attribute has a value.

    Parameters
    ----------
    attribute : str
        A constant of this package, never read from data.
    value : str
        A name or an id.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When the value could end the quotes around it; MLflow has no escape for them.

    Examples
    --------
    >>> equals("run_id", "a1")
    "run_id = 'a1'"
    """
    if not re.fullmatch(NAME_PATTERN, value):
        raise ValueError(f"{value[:100]!r} is no name or id in MLflow ({attribute})")
    return f"{attribute} = '{value}'"


def artifacts_at(place: str, uri: str) -> "ArtifactRepository":
    """Return the repository of the artifacts at a location; all access goes through it.

    With a tracking server, only locations that the server itself serves are allowed. Anyone with an
    MLflow login can create an experiment with any other location, and a client would access it with
    its own rights and keys.

    Parameters
    ----------
    place : str
        Location of an experiment, a run or a logged model, as MLflow returns it.
    uri : str
        MLflow's tracking URI.

    Returns
    -------
    ArtifactRepository

    Raises
    ------
    ValueError
        When MLflow is a server, and the location is not one that it serves itself.
    """
    if urlsplit(uri).scheme in ("http", "https") and not re.fullmatch(SERVED_PLACE, place):
        raise ValueError(
            f"artifacts at {named(place, PLACE_LENGTH)} are neither read nor written: with a "
            "tracking server they are below mlflow-artifacts:/ only. Find out who created this "
            "experiment, and delete it. Start a server of your own with "
            "--artifacts-destination; rename an experiment that is older than this option, and "
            "create it anew"
        )
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(place, tracking_uri=uri)


def _local_artifacts(uri: str) -> str | None:
    """Create MLflow's SQLite database if it is missing; return where its artifacts are stored."""
    if not uri.startswith("sqlite:///"):
        return None
    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.is_relative_to(environment.home_folder()):
        private_folder(database.parent, environment.home_folder())
    _create_database(database)
    return (database.parent / "artifacts").as_uri()


def _create_database(path: Path) -> None:
    """Create MLflow's SQLite database completely, or not at all.

    MLflow creates its tables one by one; a process that is killed in between would leave a
    database that no later one can open.
    """
    if path.exists():
        return
    with FileLock(path.with_suffix(".lock")):
        for leftover in path.parent.glob("new-*.db*"):
            leftover.unlink()
        if not path.exists():
            new = path.with_name(f"new-{uuid4().hex}.db")
            mlflow_library().MlflowClient(f"sqlite:///{new}").search_experiments()
            new.replace(path)
