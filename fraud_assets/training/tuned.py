"""The best parameters that tuning found for each estimator, and the settings that use them."""

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.store import paths, reports


def with_tuned(settings: TrainingSettings) -> tuple[TrainingSettings, str | None]:
    """Return the settings with the best parameters found for their estimator.

    Parameters
    ----------
    settings : TrainingSettings

    Returns
    -------
    settings : TrainingSettings
        Values given in `parameters` take precedence over tuned ones.
    tuned_on : str or None
        The batch that the parameters were tuned on; None when none were used.

    Raises
    ------
    ValueError
        When the file of tuned parameters holds one that no estimator may be given.
    """
    tuned = reports.read_json(paths.tuning_folder() / f"{settings.estimator}.json")
    if not settings.use_tuned or tuned is None:
        return settings, None
    parameters = tuned["parameters"] | settings.parameters
    # Validated anew rather than copied: a person can edit the file.
    return TrainingSettings(**{**settings.model_dump(), "parameters": parameters}), tuned["batch"]
