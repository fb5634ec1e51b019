"""The model registry: versions, aliases, and their comparison with the decision log."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cachetools import LRUCache

from fraud_assets.config import environment
from fraud_assets.platform.outages import is_outage
from fraud_assets.records.decisions import LogEntry
from fraud_assets.records.models import ModelFacts, TrainedModel
from fraud_assets.store import paths
from fraud_assets.store.decision_log import (
    is_decided,
    read_entries,
    recorded_artifacts,
    recorded_model_hash,
    recorded_run,
)
from fraud_assets.tracking.artifacts import (
    MODEL_FACTS,
    TRAINING_FILES,
    downloaded,
    read_artifact,
)
from fraud_assets.tracking.model_files import MODEL_FILE, cached_model, log_model, opened
from fraud_assets.tracking.runs import BATCH_TAG
from fraud_assets.tracking.server import Server, equals

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion
    from sklearn.base import BaseEstimator

CHAMPION, CHALLENGER = "champion", "challenger"
DECISION_TAG, HASH_TAG = "fraud.decision", "fraud.model_sha256"
LOGGED_MODEL = "models:/"

Entries = Sequence[LogEntry]

_cached_facts: LRUCache[tuple[str, str], ModelFacts] = LRUCache(32)
"""Facts of models that this process has read, by server and run."""


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
        Score from which a transaction is an alert, between 0 and 1.
    features : tuple of str
        The columns that it reads, in order.
    """

    version: str
    run_id: str
    batch: str
    decision_threshold: float
    features: tuple[str, ...]


@dataclass(frozen=True)
class ModelRegistry:
    """The versions of one registered model.

    The decision log is trusted; tags and aliases, which everybody with an MLflow login can
    change, are compared with it.

    Attributes
    ----------
    server : Server
    name : str
        Of the registered model.
    """

    server: Server
    name: str

    def register(
        self, run_id: str, model: "BaseEstimator", example: "pd.DataFrame", tags: Mapping[str, str]
    ) -> tuple[str, str]:
        """Log a fitted model to a run and register it as the challenger.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        model : BaseEstimator
            Fitted classifier with `predict_proba`.
        example : DataFrame of shape (n_rows, n_features)
            Made-up rows of features, for the signature of the model.
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
        fraud_assets.tracking.model_files.log_model : logs the model.
        """
        client = self.server.client
        model_id, model_hash = log_model(self.server, run_id, model, example)
        if not client.search_registered_models(equals("name", self.name)):
            client.create_registered_model(self.name)
        created = client.create_model_version(
            self.name, f"{LOGGED_MODEL}{model_id}", run_id, tags=dict(tags), model_id=model_id
        )
        version = str(created.version)
        self.tag(version, {HASH_TAG: model_hash})
        client.set_registered_model_alias(self.name, CHALLENGER, version)
        return version, model_hash

    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.
        tags : mapping of str to str
            Values by name; other tags of the version are kept.
        """
        for name, value in tags.items():
            self.server.client.set_model_version_tag(self.name, version, name, value)

    def get(self, version: str) -> ModelVersion:
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
        registered : without a comparison with the decision log.
        """
        from mlflow.exceptions import MlflowException

        try:
            registered = self.registered(version)
        except MlflowException as error:
            raise ValueError(
                f"there is no version {version!r} of {self.name} in "
                f"{environment.mlflow_url()}; look up the versions there"
            ) from error
        entries = decision_log()
        self._require_decided_run(registered, entries)
        run_id = str(registered.run_id or "")
        facts = self.facts(run_id, entries) if run_id else None
        if facts is None:
            raise ValueError(
                f"version {version} of {self.name} has no {MODEL_FACTS}, so it was not "
                "trained here; choose a version that the asset trained_model registered"
            )
        features = tuple(facts.features)
        return ModelVersion(version, run_id, facts.batch, facts.decision_threshold, features)

    def registered(self, version: str) -> "RegisteredVersion":
        """Return a version as MLflow has it.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Returns
        -------
        mlflow.entities.model_registry.ModelVersion
            Its tags and aliases are not compared with the decision log.

        Raises
        ------
        mlflow.exceptions.MlflowException
            When there is no such version, or the server does not answer.

        See Also
        --------
        get : compares the version with the decision log.
        """
        return self.server.client.get_model_version(self.name, version)

    def champion_alias(self) -> str | None:
        """Return the version that has the alias `champion`; None when there is none.

        Returns
        -------
        str or None
            Number of the version.

        Raises
        ------
        mlflow.exceptions.MlflowException
            When the server does not answer.
        """
        from mlflow.exceptions import MlflowException

        try:
            champion = self.server.client.get_model_version_by_alias(self.name, CHAMPION)
        except MlflowException as error:
            # An unreachable server does not mean that there is no champion.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return str(champion.version)

    def facts(self, run_id: str, entries: Entries | None = None) -> ModelFacts | None:
        """Return what a model was made from; None when its run logged no facts.

        Facts that were read once are cached: they do not change, and the exporter needs them every
        few seconds.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        entries : sequence of LogEntry, optional
            The decision log; default: it is read.

        Returns
        -------
        ModelFacts or None

        Raises
        ------
        ValueError
            When the artifact was altered since the decision, or is of another format.
        """
        key = self.server.uri, run_id
        facts = _cached_facts.get(key)
        if facts is not None:
            return facts
        entries = decision_log() if entries is None else entries
        content = read_artifact(self.server, run_id, MODEL_FACTS, entries)
        if content is None:
            return None
        facts = ModelFacts.from_json(content, f"{MODEL_FACTS} of MLflow run {run_id}")
        _cached_facts[key] = facts
        return facts

    def artifact_hashes(
        self, run_id: str, names: Sequence[str], entries: Entries | None = None
    ) -> dict[str, str]:
        """Return the SHA-256 of artifacts of a run, after comparing them with the decision log.

        Parameters
        ----------
        run_id : str
            Id of the MLflow run.
        names : sequence of str
            Paths in the run's artifacts.
        entries : sequence of LogEntry, optional
            The decision log; default: it is read.

        Returns
        -------
        dict of str to str
            In hexadecimal, by name; without artifacts that the run does not have.

        Raises
        ------
        ValueError
            When one was altered since the decision.
        """
        entries = decision_log() if entries is None else entries
        contents = {name: read_artifact(self.server, run_id, name, entries) for name in names}
        return {
            name: hashlib.sha256(content).hexdigest()
            for name, content in contents.items()
            if content is not None
        }

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
        entries = decision_log()
        for run_id, version in self._versions_of_runs(dagster_runs):
            model_hash = recorded_model_hash(entries, version)
            if recorded_run(entries, version) != run_id or model_hash is None:
                continue
            facts = self.facts(run_id, entries)
            if facts is not None:
                return TrainedModel(
                    **dict(facts),
                    run_id=run_id,
                    version=version,
                    model_hash=model_hash,
                    artifacts=self.artifact_hashes(run_id, TRAINING_FILES, entries),
                )
        return None

    def _versions_of_runs(self, dagster_runs: Set[str]) -> Iterator[tuple[str, str]]:
        for run in self.server.runs_of(dagster_runs):
            run_id = str(run.info.run_id)
            for registered in self.server.client.search_model_versions(equals("run_id", run_id)):
                yield run_id, str(registered.version)

    def load(self, version: str, expected: str | None = None) -> "BaseEstimator":
        """Load the fitted model of a version, after comparing the hash of its file.

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
        model_file : the bytes, without a comparison.
        """
        decided = recorded_model_hash(decision_log(), version)
        trusted = expected or decided
        if trusted is None:
            raise ValueError(
                f"no decision about version {version} of {self.name} is in "
                f"{paths.decisions_path()}, so its file cannot be verified; restore the log, or "
                f"run `fraud-assets champion {version} --reason ...` if you trust the version"
            )
        tagged = str(self.registered(version).tags.get(HASH_TAG, ""))
        recorded = {trusted, decided or trusted, tagged}
        if recorded == {trusted} and (model := cached_model(trusted)) is not None:
            return model
        content = self.model_file(version)
        sha256 = hashlib.sha256(content).hexdigest()
        if recorded != {sha256}:
            raise ValueError(
                f"{MODEL_FILE} of version {version} of {self.name} was altered since it was "
                f"registered: its SHA-256 is {sha256}, but "
                f"{', '.join(sorted(recorded - {sha256}))} was "
                "recorded. It was not opened; restore the artifact, or make another version the "
                "champion"
            )
        return opened(content)

    def model_file(self, version: str) -> bytes:
        """Return the model file of a version; no other file is fetched.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Returns
        -------
        bytes
            Not compared with any hash.

        Raises
        ------
        ValueError
            When the version was not trained here.

        See Also
        --------
        load : compares the hash and opens the file.
        """
        logged = self._logged_model(self.registered(version))
        return downloaded(self.server.artifacts_at(logged.artifact_location), MODEL_FILE)

    def _logged_model(self, registered: "RegisteredVersion") -> "LoggedModel":
        source = str(registered.source)
        if not source.startswith(LOGGED_MODEL):
            raise ValueError(
                f"version {registered.version} of {self.name} was not trained here: its source is "
                "no logged model; choose a version that the asset trained_model registered"
            )
        return self.server.client.get_logged_model(source.removeprefix(LOGGED_MODEL))

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
        client = self.server.client
        run_ids = {
            str(registered.version): str(registered.run_id)
            for registered in client.search_model_versions(equals("name", self.name))
        }
        return {
            version: list(self.registered(version).aliases)
            for version, run_id in run_ids.items()
            if client.get_run(run_id).data.tags.get(BATCH_TAG) == batch
        }

    def delete(self, version: str) -> None:
        """Delete a version with its model files, and its MLflow run with all artifacts.

        Parameters
        ----------
        version : str
            Number of the version in the registry, such as `3`.

        Raises
        ------
        ValueError
            When its files are in a location that the server does not serve; nothing is deleted
            then.
        """
        client, registered = self.server.client, self.registered(version)
        logged, run = self._logged_model(registered), client.get_run(str(registered.run_id))
        places = (logged.artifact_location, run.info.artifact_uri)
        repositories = [self.server.artifacts_at(place) for place in places]
        client.delete_model_version(self.name, version)
        for artifacts in repositories:
            artifacts.delete_artifacts()  # type: ignore[no-untyped-call]
        client.delete_logged_model(logged.model_id)
        client.delete_run(run.info.run_id)

    def roll_back(self, run: "Run") -> None:
        """Close a run that was killed, and delete its version unless a decision was made about it.

        Tags are not consulted: a decision is in the log before it is a tag, and everybody with an
        MLflow login can write tags.

        Parameters
        ----------
        run : mlflow.entities.Run
            A training run that is not in progress any more.

        See Also
        --------
        fraud_assets.tracking.runs.abandoned_runs : finds such runs.
        """
        client, entries, champion = self.server.client, decision_log(), self.champion_alias()
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

    def findings(self) -> list[str]:
        """Compare the champion's run, model file and artifacts with the decision log.

        Returns
        -------
        list of str
            Contradictions to the log, one sentence each with its remedy; empty without a champion.
        """
        version = self.champion_alias()
        if version is None:
            return []
        registered, entries = self.registered(version), decision_log()
        run_id = str(registered.run_id)
        artifacts = recorded_artifacts(entries, run_id) or {}
        comparisons: list[Callable[[], object]] = [
            partial(self._require_decided_run, registered, entries),
            partial(self._require_decided_model, version, entries),
            *(partial(self._require_artifact, run_id, name, entries) for name in sorted(artifacts)),
        ]
        texts = (_contradiction(comparison, version) for comparison in comparisons)
        return list(dict.fromkeys(text for text in texts if text is not None))

    def _require_decided_run(self, registered: "RegisteredVersion", entries: Entries) -> None:
        decided = recorded_run(entries, str(registered.version))
        if decided not in (None, registered.run_id):
            raise ValueError(
                f"version {registered.version} of {self.name} is not the one that was decided "
                f"about: the registry names run {registered.run_id}, the decision log run "
                f"{decided}. Restore MLflow's database from a backup; a registry that was created "
                "anew needs a log of its own: set another FRAUD_HOME"
            )

    def _require_decided_model(self, version: str, entries: Entries) -> None:
        decided = recorded_model_hash(entries, version)
        sha256 = hashlib.sha256(self.model_file(version)).hexdigest()
        if decided not in (None, sha256):
            raise ValueError(
                f"{MODEL_FILE} of version {version} of {self.name} was altered since it was "
                f"decided about: its SHA-256 is {sha256}, the decision log says {decided}; restore "
                "the file, or make another version the champion"
            )

    def _require_artifact(self, run_id: str, name: str, entries: Entries) -> None:
        if read_artifact(self.server, run_id, name, entries) is None:
            raise ValueError(
                f"{name} of MLflow run {run_id} is gone, which the decision log has; restore it "
                "from a backup, or make another version the champion"
            )


def decision_log() -> Entries:
    """Return the entries of the decision log.

    Returns
    -------
    sequence of LogEntry
        Oldest first.

    See Also
    --------
    fraud_assets.store.decision_log.read_entries : for any path.
    """
    return read_entries(paths.decisions_path())


def _contradiction(comparison: Callable[[], object], version: str) -> str | None:
    """Return what is wrong with a version, None when nothing is.

    An outage of the server says nothing about the version, and is raised.
    """
    from mlflow.exceptions import MlflowException

    try:
        comparison()
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
