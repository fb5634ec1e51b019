"""Artifacts of MLflow runs, compared with the hashes that the decision log recorded."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fraud_assets.platform.masking import masking
from fraud_assets.records.decisions import LogEntry
from fraud_assets.store.decision_log import recorded_artifacts

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    from fraud_assets.tracking.server import Server

MODEL_FACTS = "model_facts.json"
REFERENCE_PROFILE, REFERENCE_SAMPLE = "reference_profile.json", "reference_sample.parquet"
TRAINING_KEYS = "training_keys.parquet"
TRAINING_FILES = (MODEL_FACTS, TRAINING_KEYS)
"""Artifacts that `trained_model` logs to the run of a model."""
READ_LATER = (*TRAINING_FILES, REFERENCE_PROFILE, REFERENCE_SAMPLE)
"""Artifacts of the run of a model that later runs read."""
KEYED_COLUMN, UNKEYED_COLUMN = "keyed:", "content_key"
"""The column of the training keys: keyed hashes, followed by the id of the key; and the name in
earlier releases, whose hashes had no key."""


def read_artifact(
    server: "Server", run_id: str, name: str, entries: Sequence[LogEntry]
) -> bytes | None:
    """Return an artifact of a run, after comparing its hash with the recorded one.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    name : str
        Path in the run's artifacts.
    entries : sequence of LogEntry
        The decision log.

    Returns
    -------
    bytes or None
        None when the run has no such artifact.

    Raises
    ------
    ValueError
        When it is not the artifact that the decision was about.

    See Also
    --------
    fraud_assets.store.decision_log.recorded_artifacts : the recorded hashes.
    """
    artifacts = server.artifacts_of(run_id)
    folder = name.rpartition("/")[0] or None
    if name not in {file.path for file in artifacts.list_artifacts(folder)}:
        return None
    content = downloaded(artifacts, name)
    recorded = recorded_artifacts(entries, run_id)
    sha256 = hashlib.sha256(content).hexdigest()
    if recorded is not None and recorded.get(name) != sha256:
        expected = recorded.get(name, "that there was none")
        raise ValueError(
            f"{name} of MLflow run {run_id} was altered since its model was decided about: its "
            f"SHA-256 is {sha256}, the decision log says {expected}; restore the artifact, or "
            "make another version the champion"
        )
    return content


def downloaded(artifacts: "ArtifactRepository", name: str) -> bytes:
    """Return the content of one artifact.

    Parameters
    ----------
    artifacts : ArtifactRepository
        As returned by `Server.artifacts_of`.
    name : str
        Path in the repository.

    Returns
    -------
    bytes

    See Also
    --------
    read_artifact : also verifies the content.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = artifacts.download_artifacts(name, folder)  # type: ignore[no-untyped-call]
        return Path(path).read_bytes()


def log_content(server: "Server", run_id: str, name: str, content: bytes) -> str:
    """Log an artifact of a run that may have ended.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    name : str
        Path in the run's artifacts.
    content : bytes
        Stored unchanged.

    Returns
    -------
    str
        SHA-256 of the artifact, in hexadecimal.

    See Also
    --------
    log_files : for files on disk.
    """
    folder, _, file_name = name.rpartition("/")
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / file_name
        file.write_bytes(content)
        log_files(server, run_id, [file], folder or None)
    return hashlib.sha256(content).hexdigest()


def log_files(
    server: "Server", run_id: str, files: Sequence[Path], folder: str | None = None
) -> None:
    """Log files as artifacts of a run that may have ended.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    files : sequence of Path
        Local files; each keeps its name.
    folder : str, optional
        Folder in the run's artifacts.

    See Also
    --------
    log_content : for content in memory.
    """
    artifacts = server.artifacts_of(run_id)
    for file in files:
        artifacts.log_artifact(str(file), folder)  # type: ignore[no-untyped-call]


def keys_frame(keys: "pd.Series") -> "pd.DataFrame":
    """Return the content keys of training rows as a table that names the key of their hashes.

    Parameters
    ----------
    keys : Series of uint64 of shape (n_rows,)
        Keyed hashes, with the key of this platform.

    Returns
    -------
    DataFrame of shape (n_rows, 1)
        The name of its column ends in the id of the key.

    See Also
    --------
    keys_of : the inverse.
    """
    return keys.to_frame(KEYED_COLUMN + masking().key_id)


def keys_of(frame: "pd.DataFrame", run_id: str) -> "pd.Series":
    """Return the content keys of training rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, 1)
        As of `keys_frame`, or from an earlier release, whose hashes had no key.
    run_id : str
        The run that logged it, for messages.

    Returns
    -------
    Series of uint64 of shape (n_rows,)
        Keyed hashes.

    Raises
    ------
    AnotherKeyError
        When they were hashed with another key.

    See Also
    --------
    keys_frame : the inverse.
    """
    import pandas as pd

    if UNKEYED_COLUMN in frame:
        return pd.Series(masking().keys(frame[UNKEYED_COLUMN].to_numpy()))
    (column,) = frame.columns
    masking().require(column.removeprefix(KEYED_COLUMN), f"the training rows of run {run_id}")
    return frame[column]
