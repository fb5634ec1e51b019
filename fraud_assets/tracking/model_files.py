"""Model files in MLflow: logged without code, and loaded only after their hash was compared."""

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cachetools import LRUCache

from fraud_assets.config.estimators import EstimatorName
from fraud_assets.store.model_file import TRUSTED_TYPES, open_model
from fraud_assets.tracking.server import Server, mlflow_library

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import Model
    from sklearn.base import BaseEstimator

MODEL_FILE = "model.skops"

_cached_models: "LRUCache[str, BaseEstimator]" = LRUCache(2)
"""Models that this process has loaded, by the SHA-256 of their file.

A run needs two, the champion and its own, each of them several times.
"""


def log_model(
    server: Server, run_id: str, model: "BaseEstimator", example: "pd.DataFrame"
) -> tuple[str, str]:
    """Log a fitted model to a run, as `mlflow.sklearn.log_model` does.

    The file is hashed before it leaves this process. MLflow does not load it again to try the
    example, which is not allowed here.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    model : BaseEstimator
        Fitted classifier with `predict_proba`.
    example : DataFrame of shape (n_rows, n_features)
        Made-up rows of features. MLflow stores them as the input example, and derives the signature
        from them and their scores.

    Returns
    -------
    model_id : str
        Id of the logged model.
    model_hash : str
        SHA-256 of the model file, in hexadecimal.

    See Also
    --------
    opened : opens such a file again.
    fraud_assets.store.model_file.open_model : the format of the file.
    """
    mlflow_library()
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    logged = server.client.create_logged_model(
        server.experiment_id(), name="model", source_run_id=run_id
    )
    artifacts = server.artifacts_at(logged.artifact_location)
    description = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        save_model(model, example, folder, description)
        model_hash = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
        artifacts.log_artifacts(str(folder))  # type: ignore[no-untyped-call]
    server.client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    server.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id), model_hash


def cached_model(sha256: str) -> "BaseEstimator | None":
    """Return a model that this process has opened before; None when it has not.

    Parameters
    ----------
    sha256 : str
        Hash of the model file, in hexadecimal.

    Returns
    -------
    BaseEstimator or None

    See Also
    --------
    opened : opens a model and adds it to the cache.
    """
    return _cached_models.get(sha256)


def opened(content: bytes) -> "BaseEstimator":
    """Open a model file, and keep the model for later calls.

    Parameters
    ----------
    content : bytes
        A model file in the skops format whose hash was compared.

    Returns
    -------
    BaseEstimator
        The fitted model.

    Raises
    ------
    skops.io.exceptions.UntrustedTypesFoundException
        When the file holds a type that is not trusted; nothing of it is built then.

    See Also
    --------
    fraud_assets.tracking.Tracking.load : compares the hash first.
    """
    model = open_model(content)
    _cached_models[hashlib.sha256(content).hexdigest()] = model
    return model


def save_model(
    model: "BaseEstimator",
    example: "pd.DataFrame",
    folder: Path,
    description: "Model | None" = None,
) -> None:
    """Save a fitted model to a folder in MLflow's layout, without a server.

    Parameters
    ----------
    model : BaseEstimator
        Fitted classifier with `predict_proba`.
    example : DataFrame of shape (n_rows, n_features)
        Made-up rows of features.
    folder : Path
        Must not exist.
    description : Model, optional
        What MLflow knows of the model so far.

    See Also
    --------
    log_model : saves a model and logs it to a run.
    """
    mlflow = mlflow_library()
    from mlflow.models import infer_signature

    mlflow.sklearn.save_model(
        model,
        str(folder),
        mlflow_model=description,
        signature=infer_signature(example, model.predict_proba(example)),
        input_example=example,
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED_TYPES),
        pip_requirements=_requirements(),
        pyfunc_predict_fn="predict_proba",
    )


def _requirements() -> list[str]:
    """Return the packages that loading a model needs: to infer them takes MLflow 10 s."""
    from importlib.metadata import version

    of_estimators = [name.kind.package for name in EstimatorName]
    packages = dict.fromkeys(["scikit-learn", "skops", "numpy", "pandas", *of_estimators])
    return [f"{name}=={version(name)}" for name in packages]
