"""An isolation forest: as a detector by itself, and as a feature of other estimators."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import IsolationForest

SCORE = "anomaly_score"


class _Forest(BaseEstimator):  # type: ignore[misc]
    """The parameters of an isolation forest, and how it is fitted."""

    def __init__(
        self, n_estimators: int = 200, max_samples: Any = "auto", random_state: int = 0
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.random_state = random_state

    def _fitted_forest(self, rows: pd.DataFrame) -> IsolationForest:
        forest = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=self.max_samples,
            random_state=self.random_state,
        )
        return forest.fit(rows)


class AnomalyClassifier(ClassifierMixin, _Forest):  # type: ignore[misc]
    """An isolation forest, which uses no labels, with the interface of a classifier.

    Parameters
    ----------
    n_estimators : int
        Number of trees.
    max_samples : int or float or "auto"
        Rows that each tree is fitted on: a number, a share, or at most 256 with "auto".
    random_state : int
        Seed of the random numbers.

    See Also
    --------
    AnomalyScore : adds the score as a feature.

    Notes
    -----
    The score is 2^(-E[h(x)] / c(n)), in (0, 1): F. T. Liu, K. M. Ting and Z.-H. Zhou, Isolation
    forest, 2008. It is not a probability; `calibration.fit_sigmoid` turns it into one.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> "AnomalyClassifier":  # noqa: N803
        """Fit the forest; labels are ignored.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.
        y : object, optional
            Ignored.

        Returns
        -------
        AnomalyClassifier
            The same object, fitted.
        """
        del y
        self.classes_ = np.array([0, 1])
        self.forest_ = self._fitted_forest(X)
        self.n_rounds = self.n_estimators
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the anomaly score of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            1 - score, and the score, in (0, 1); the higher, the more unusual the row.
        """
        scores = -self.forest_.score_samples(X)
        return np.column_stack([1 - scores, scores])

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Classify rows by an anomaly score of at least one half.

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


class AnomalyScore(TransformerMixin, _Forest):  # type: ignore[misc]
    """Adds the column `anomaly_score` to a frame, from a forest fitted on the train rows.

    Parameters
    ----------
    n_estimators : int
        Number of trees.
    max_samples : int or float or "auto"
        Rows that each tree is fitted on: a number, a share, or at most 256 with "auto".
    random_state : int
        Seed of the random numbers.

    See Also
    --------
    AnomalyClassifier : the forest as a detector by itself.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> "AnomalyScore":  # noqa: N803
        """Fit the forest; labels are ignored.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.
        y : object, optional
            Ignored.

        Returns
        -------
        AnomalyScore
            The same object, fitted.
        """
        del y
        self.forest_ = self._fitted_forest(X)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Add the anomaly score of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numeric features.

        Returns
        -------
        DataFrame of shape (n_rows, n_features + 1)
            A copy with the column `anomaly_score`, in (0, 1).

        Examples
        --------
        >>> rows = pd.DataFrame({"amount": [10.0] * 99 + [9000.0]})
        >>> scores = AnomalyScore().fit(rows).transform(rows)["anomaly_score"]
        >>> int(scores.argmax())
        99
        """
        return X.assign(**{SCORE: -self.forest_.score_samples(X)})
