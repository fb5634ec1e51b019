"""The model file: a format that holds no code, opened with our own list of trusted types."""

from typing import TYPE_CHECKING

from fraud_assets.config.estimators import EstimatorName

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

COMMON_TYPES = (
    "fraud_assets.training.anomaly.AnomalyScore",
    "fraud_assets.training.calibration.CalibratedModel",
    "fraud_assets.training.focal.FocalBoosting",
    "numpy.dtype",
)
"""Types that a model of any estimator may hold."""
TRUSTED_TYPES = tuple(
    sorted({*COMMON_TYPES, *(of for name in EstimatorName for of in name.kind.trusted_types)})
)
"""Types of our models that skops does not trust by default.

A booster is stored as the bytes of its library's own model format, which holds no code.
"""


def open_model(content: bytes) -> "BaseEstimator":
    """Return the model that a file holds.

    Parameters
    ----------
    content : bytes
        A file in the skops format.

    Returns
    -------
    BaseEstimator
        The fitted model.

    Raises
    ------
    skops.io.exceptions.UntrustedTypesFoundException
        When the file holds a type that is not on the list; nothing of it was built then.

    See Also
    --------
    fraud_assets.tracking.Tracking.load : verifies the file's hash first.
    """
    import skops.io

    model: BaseEstimator = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    return model
