"""The model file: a format that holds no code, opened with our own list of types."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

TRUSTED_TYPES = (
    "collections.OrderedDict",
    "fraud_assets.training.anomaly.AnomalyClassifier",
    "fraud_assets.training.anomaly.AnomalyScore",
    "fraud_assets.training.calibration.CalibratedModel",
    "fraud_assets.training.focal.FocalBoosting",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""Types of our estimators that skops does not trust by default.

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

    Raises
    ------
    skops.io.exceptions.UntrustedTypesFoundException
        When the file asks for a type that is not on the list; nothing of it was built then.

    See Also
    --------
    fraud_assets.tracking.Tracking.load : verifies the file's hash first.
    """
    import skops.io

    model: BaseEstimator = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    return model
