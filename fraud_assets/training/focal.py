"""Gradient boosting with focal loss, fitted by XGBoost or LightGBM."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin

from fraud_assets.arrays import as_array

SMALLEST_HESSIAN = 1e-6
"""Focal loss is not convex; a boosting step needs a positive second derivative."""


def focal_derivatives(
    labels: ArrayLike, margins: ArrayLike, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and second derivative of the focal loss with respect to the margin.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        0 or 1.
    margins : array-like of shape (n_rows,)
        Log-odds.
    gamma : float
        0 or more; 0 gives the log loss.

    Returns
    -------
    gradient, hessian : ndarray of shape (n_rows,)

    See Also
    --------
    FocalBoosting : uses them.

    Notes
    -----
    The loss of a row whose true class is given probability q is -(1 - q)^gamma ln q: T.-Y. Lin
    et al., Focal loss for dense object detection, 2017.

    Examples
    --------
    >>> gradient, hessian = focal_derivatives(np.array([1.0, 0.0]), np.zeros(2), gamma=0.0)
    >>> gradient.round(3).tolist(), hessian.round(3).tolist()
    ([-0.5, 0.5], [0.25, 0.25])
    """
    checked = as_array("labels", labels, "label")
    return _derivatives(checked, as_array("margins", margins, "number", len(checked)), gamma)


def _derivatives(
    labels: np.ndarray, margins: np.ndarray, gamma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives for arrays that were checked: boosting asks for them each round."""
    sign = np.where(labels == 1, 1.0, -1.0)
    q = 1 / (1 + np.exp(-np.clip(sign * margins, -30, 30)))
    easy, log_q = 1 - q, np.log(q)
    gradient = easy**gamma * (gamma * q * log_q + q - 1)
    hessian = (
        q * easy**gamma * (easy * (gamma * log_q + gamma + 1) - gamma * (gamma * q * log_q + q - 1))
    )
    return sign * gradient, np.maximum(hessian, SMALLEST_HESSIAN)


class FocalBoosting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A boosting model fitted with focal loss.

    Parameters
    ----------
    library : {"xgboost", "lightgbm"}
        The library that fits the trees.
    parameters : dict
        As of the library's own classifier.
    gamma : float
        Focusing parameter, 0 or more; 0 gives the log loss.
    random_state : int
        Seed of the random numbers.

    See Also
    --------
    focal_derivatives : the loss.

    Notes
    -----
    Its probabilities are underconfident by design; `calibration.fit_sigmoid` corrects them.
    """

    def __init__(
        self,
        library: str = "xgboost",
        parameters: dict[str, Any] | None = None,
        gamma: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.library = library
        self.parameters = parameters
        self.gamma = gamma
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> "FocalBoosting":  # noqa: N803
        """Fit the booster, starting from the log-odds of fraud among the train rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.
        y : array-like of shape (n_rows,)
            0 or 1.

        Returns
        -------
        FocalBoosting
            The same object, fitted.
        """
        labels = np.asarray(y, dtype=float)
        parameters = dict(self.parameters or {})
        self.classes_ = np.array([0, 1])
        self.n_rounds = int(parameters.pop("n_estimators", 100))
        self.start_ = float(np.log(labels.mean() / (1 - labels.mean())))

        def loss(margins: np.ndarray, train: Any) -> tuple[np.ndarray, np.ndarray]:
            return _derivatives(train.get_label(), margins, self.gamma)

        start = np.full(len(labels), self.start_)
        self.booster_: Any
        parameters["seed"] = self.random_state
        if self.library == "xgboost":
            import xgboost

            matrix = xgboost.DMatrix(X, labels, base_margin=start)
            parameters |= {"base_score": 0.0, "disable_default_eval_metric": True}
            self.booster_ = xgboost.train(parameters, matrix, self.n_rounds, obj=loss)
        else:
            import lightgbm

            train_set = lightgbm.Dataset(X, labels, init_score=start)
            parameters |= {"objective": loss, "verbose": -1}
            parameters |= {"deterministic": True, "force_col_wise": True}
            self.booster_ = lightgbm.train(parameters, train_set, self.n_rounds)
        return self

    def margins(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the log-odds of fraud of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        ndarray of shape (n_rows,)

        See Also
        --------
        predict_proba : the same as probabilities.
        """
        if self.library == "xgboost":
            from xgboost import DMatrix

            raw = self.booster_.predict(DMatrix(X), output_margin=True)
        else:
            raw = self.booster_.predict(X, raw_score=True)
        return np.asarray(raw, dtype=float) + self.start_

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the probabilities of each row, before calibration.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Probabilities of genuine and of fraud; each row sums to 1.

        See Also
        --------
        margins : the same as log-odds.
        """
        fraud = 1 / (1 + np.exp(-self.margins(X)))
        return np.column_stack([1 - fraud, fraud])

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
        """
        return np.asarray(self.predict_proba(X)[:, 1] >= 0.5, dtype=int)
