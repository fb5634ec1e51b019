"""The tuned parameters of each estimator: where they are kept, and the settings that use them."""

from pathlib import Path

from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.settings import TrainingSettings
from fraud_assets.records.models import TunedParameters
from fraud_assets.store import files, paths


def tuned_path(estimator: EstimatorName) -> Path:
    """Return the file that keeps the best parameters of an estimator.

    Parameters
    ----------
    estimator : EstimatorName
        Name of the estimator in the settings.

    Returns
    -------
    Path
        The file need not exist.

    See Also
    --------
    save_tuned : writes the file.
    """
    return paths.tuning_folder() / f"{estimator}.json"


def save_tuned(tuned: TunedParameters) -> Path:
    """Keep tuned parameters for the next trainings of their estimator; return their file.

    Parameters
    ----------
    tuned : TunedParameters
        The result of a search.

    Returns
    -------
    Path
        The file that was written.

    See Also
    --------
    with_tuned : uses them in a training.
    """
    path = tuned_path(tuned.estimator)
    files.write_atomically(path, tuned.to_json())
    return path


def with_tuned(settings: TrainingSettings) -> tuple[TrainingSettings, str | None]:
    """Return the settings with the tuned parameters of their estimator.

    Parameters
    ----------
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.

    Returns
    -------
    settings : TrainingSettings
        Values given in `parameters` take precedence over tuned ones.
    tuned_on : str or None
        The batch that the parameters were tuned on; None when none were used.

    Raises
    ------
    ValueError
        When the file of tuned parameters is not of this release's format, or holds a parameter
        that no estimator may be given.

    See Also
    --------
    save_tuned : writes them.
    """
    path = tuned_path(settings.estimator)
    if not settings.use_tuned or not path.exists():
        return settings, None
    tuned = TunedParameters.from_json(path.read_bytes(), str(path))
    parameters = tuned.parameters | settings.parameters
    # Validated again rather than copied: a person can edit the file.
    return TrainingSettings(**{**settings.model_dump(), "parameters": parameters}), tuned.batch
