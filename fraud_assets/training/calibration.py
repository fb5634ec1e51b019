"""Calibrates probabilities that resampling, class weights or a custom loss has distorted."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin

from fraud_assets.arrays import as_array
from fraud_assets.metrics import Floats

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1, where log-odds are infinite."""


def log_odds(probabilities: ArrayLike) -> Floats:
    """Return ln(p / (1 - p)), finite also at 0 and 1.

    Parameters
    ----------
    probabilities : array-like of shape (n_rows,)
        Between 0 and 1; both ends are clipped.

    Returns
    -------
    ndarray of shape (n_rows,)

    See Also
    --------
    CalibratedModel : a line on the log-odds.

    Examples
    --------
    >>> log_odds(np.array([0.5, 0.9])).round(3).tolist()
    [0.0, 2.197]
    """
    p = np.clip(as_array("probabilities", probabilities, "probability"), SMALLEST, 1 - SMALLEST)
    result: Floats = np.log(p) - np.log1p(-p)
    return result


class CalibratedModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted pipeline with a line on its log-odds.

    Parameters
    ----------
    model : Pipeline
        A fitted pipeline.
    slope, intercept : float
        The log-odds become `slope * log-odds + intercept`; 1 and 0 change nothing. The ranking of
        rows is the same for any positive slope.

    See Also
    --------
    divide_odds, fit_sigmoid : choose slope and intercept.
    """

    def __init__(self, model: Any = None, slope: float = 1.0, intercept: float = 0.0) -> None:
        self.model = model
        self.slope = slope
        self.intercept = intercept

    def __sklearn_is_fitted__(self) -> bool:
        """Report as fitted: it wraps a fitted pipeline."""
        return self.model is not None

    def fit(self, X: pd.DataFrame, y: Any) -> "CalibratedModel":  # noqa: N803
        """Fit the pipeline alone; slope and intercept do not change.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.
        y : array-like of shape (n_rows,)
            0 or 1.

        Returns
        -------
        CalibratedModel
            The same object.
        """
        self.model.fit(X, y)
        return self

    @property
    def classes_(self) -> np.ndarray:
        """0 for genuine, 1 for fraud."""
        return np.array([0, 1])

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the calibrated probabilities of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Probabilities of genuine and of fraud; each row sums to 1.
        """
        scores = np.asarray(self.model.predict_proba(X)[:, 1], dtype=float)
        if (self.slope, self.intercept) != (1.0, 0.0):
            scores = 1 / (1 + np.exp(-(self.slope * log_odds(scores) + self.intercept)))
        return np.column_stack([1 - scores, scores])

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Classify rows by a fraud probability of at least one half.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        ndarray of int, shape (n_rows,)
            0 or 1.

        Notes
        -----
        Decisions use the model's own threshold instead; this method serves tools that expect it.
        """
        return np.asarray(self.predict_proba(X)[:, 1] >= 0.5, dtype=int)


def divide_odds(model: "Pipeline", odds_factor: float) -> CalibratedModel:
    """Undo the factor by which resampling raised the odds of a fraud.

    Parameters
    ----------
    model : Pipeline
        A fitted pipeline.
    odds_factor : float
        As from `imbalance.rebalance`; positive.

    Returns
    -------
    CalibratedModel

    See Also
    --------
    fit_sigmoid : used when the factor is not known.

    Notes
    -----
    The posterior odds are divided by the factor: A. Dal Pozzolo et al., Calibrating probability
    with undersampling for unbalanced classification, 2015. With SMOTE this is an approximation.
    """
    return CalibratedModel(model, 1.0, float(np.log(1 / odds_factor)))


def fit_sigmoid(model: "Pipeline", labels: ArrayLike, scores: ArrayLike) -> CalibratedModel:
    """Fit slope and intercept on rows that the model was not fitted on.

    Parameters
    ----------
    model : Pipeline
        A fitted pipeline.
    labels, scores : array-like of shape (n_rows,)
        Of the validation rows: 0 or 1, and between 0 and 1.

    Returns
    -------
    CalibratedModel

    See Also
    --------
    divide_odds : used when the factor of the odds is known.

    Notes
    -----
    J. Platt, Probabilistic outputs for support vector machines, 1999. A slope of zero or less
    would reverse the ranking; then only the intercept is fitted.
    """
    from sklearn.linear_model import LogisticRegression

    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "probability", len(labels))
    margins = log_odds(scores).reshape(-1, 1)
    fitted = LogisticRegression(C=np.inf).fit(margins, labels)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        return divide_odds(model, float(scores.mean()) / max(float(labels.mean()), SMALLEST))
    return CalibratedModel(model, slope, float(fitted.intercept_[0]))
