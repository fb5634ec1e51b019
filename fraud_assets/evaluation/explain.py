"""Why a model gives a transaction its score: additive contributions, and reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.features.reason_codes import in_words

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from fraud_assets.training.calibration import CalibratedModel

EXPLAINED_ROWS = 1000
SHOWN_FEATURES = 30
REASONS = 3
BACKGROUND_ROWS = 30
PERMUTED_ROWS = 60
"""Rows that are explained when SHAP has to permute the features, which is slow."""


@dataclass(frozen=True)
class Explanation:
    """Contributions of the features to scores.

    Attributes
    ----------
    features : list of str
        Names of the features.
    values : ndarray of shape (n_rows, n_features)
        The features' values, unscaled.
    contributions : ndarray of shape (n_rows, n_features)
        In log-odds of the score; positive: towards fraud.
    base : ndarray of shape (n_rows,)
        Base and contributions of a row add up to the log-odds of its score.

    See Also
    --------
    explain : computes it.
    """

    features: list[str]
    values: np.ndarray
    contributions: np.ndarray
    base: np.ndarray

    def importance(self) -> pd.Series:
        """Return the mean absolute contribution of each feature, largest first.

        Returns
        -------
        Series of shape (n_features,)
            In log-odds, by feature.

        See Also
        --------
        reasons : contributions row by row.
        """
        means = np.abs(self.contributions).mean(axis=0)
        return pd.Series(means, index=self.features).sort_values(ascending=False, kind="stable")

    def reasons(self) -> list[str]:
        """Return the strongest reasons for fraud of each row, in words.

        Returns
        -------
        list of str
            The features that contribute most towards fraud, with their contributions in log-odds;
            empty for a row without any.

        See Also
        --------
        importance : contributions over all rows.
        fraud_assets.features.reason_codes.in_words : the phrase of one feature.
        """
        return [
            _in_words(self.features, values, contributions)
            for values, contributions in zip(self.values, self.contributions, strict=True)
        ]


def _in_words(features: Sequence[str], values: np.ndarray, contributions: np.ndarray) -> str:
    largest = np.argsort(-contributions, kind="stable")[:REASONS]
    return "; ".join(
        f"{in_words(features[i], values[i])} ({contributions[i]:+.2f})"
        for i in largest
        if contributions[i] > 0
    )


def importance_of_highest(
    model: "CalibratedModel", rows: pd.DataFrame, scores: ArrayLike, columns: Sequence[str]
) -> dict[str, float]:
    """Return the features that matter most to the highest scores, which are the alerts.

    Parameters
    ----------
    model : CalibratedModel
        A fitted model.
    rows : DataFrame of shape (n_rows, n_columns)
        Rows with at least the model's features.
    scores : array-like of shape (n_rows,)
        Fraud probabilities by the model.
    columns : sequence of str
        The model's features.

    Returns
    -------
    dict of str to float
        Mean absolute contribution in log-odds by feature, largest first; empty when SHAP is needed
        and not installed.

    See Also
    --------
    explain : contributions row by row.
    """
    highest = np.argsort(-as_array("scores", scores, "number", len(rows)), kind="stable")[
        :EXPLAINED_ROWS
    ]
    explanation = explain(model, rows.iloc[highest], columns)
    if explanation is None:
        return {}
    largest = explanation.importance().head(SHOWN_FEATURES)
    return {str(name): float(value) for name, value in largest.items()}


def explain(
    model: "CalibratedModel", rows: pd.DataFrame, columns: Sequence[str]
) -> Explanation | None:
    """Return the contributions of the features to the scores of some rows.

    Parameters
    ----------
    model : CalibratedModel
        A fitted model.
    rows : DataFrame of shape (n_rows, n_columns)
        Rows with at least the model's features.
    columns : sequence of str
        The model's features.

    Returns
    -------
    Explanation or None
        By the booster's own tree contributions (XGBoost, LightGBM), by coefficients (logistic
        regression), or by SHAP; None when SHAP is needed and not installed. Where SHAP has to
        permute the features, of the first `PERMUTED_ROWS` rows only.

    See Also
    --------
    importance_of_highest : the mean over the highest scores.

    Notes
    -----
    S. M. Lundberg and S.-I. Lee, A unified approach to interpreting model predictions, 2017.
    """
    from fraud_assets.training.anomaly import SCORE

    inputs = rows[list(columns)]
    pipeline = model.model
    transformed = pipeline[:-1].transform(inputs) if len(pipeline.steps) > 1 else inputs
    names = [*columns, SCORE] if "anomaly" in pipeline.named_steps else list(columns)
    explained = _by_estimator(pipeline.named_steps["estimator"], transformed)
    if explained is None:
        inputs = inputs.head(PERMUTED_ROWS)
        explained = _by_permutation(pipeline, inputs)
        names = list(columns)
    if explained is None:
        return None
    values = inputs.to_numpy(dtype=float)
    if SCORE in names:
        values = np.column_stack([values, np.asarray(transformed)[:, -1]])
    contributions, base = explained
    return Explanation(
        names, values, model.slope * contributions, model.slope * base + model.intercept
    )


def _by_estimator(estimator: "BaseEstimator", rows: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return contributions and base from the estimator itself; None when it has none."""
    kind = type(estimator).__name__
    if kind == "LogisticRegression":
        contributions = np.asarray(rows) * estimator.coef_[0]
        return contributions, np.full(len(contributions), float(estimator.intercept_[0]))
    if kind == "HistGradientBoostingClassifier":
        return _by_tree_explainer(estimator, rows)
    if kind not in ("XGBClassifier", "LGBMClassifier", "FocalBoosting"):
        return None
    start = 0.0
    booster = estimator.get_booster() if kind == "XGBClassifier" else estimator.booster_
    if kind == "FocalBoosting":
        start = estimator.start_
    if type(booster).__module__.startswith("xgboost"):
        from xgboost import DMatrix

        terms = booster.predict(DMatrix(rows), pred_contribs=True)
    else:
        terms = booster.predict(rows, pred_contrib=True)
    terms = np.asarray(terms, dtype=float)
    return terms[:, :-1], terms[:, -1] + start


def _by_tree_explainer(
    estimator: "BaseEstimator", rows: Any
) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        from shap import TreeExplainer
    except ModuleNotFoundError:
        return None
    explainer = TreeExplainer(estimator)
    base = float(np.ravel(explainer.expected_value)[0])
    contributions = explainer.shap_values(np.asarray(rows, dtype=float), check_additivity=False)
    return np.asarray(contributions), np.full(len(rows), base)


def _by_permutation(pipeline: Any, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Explain any model by its scores of permuted features, slowly."""
    try:
        from shap import PermutationExplainer
        from shap.maskers import Independent
    except ModuleNotFoundError:
        return None

    from fraud_assets.training.calibration import log_odds

    def scored(values: np.ndarray) -> np.ndarray:
        frame = pd.DataFrame(values, columns=rows.columns)
        return log_odds(pipeline.predict_proba(frame)[:, 1])

    background = rows.iloc[
        np.linspace(0, len(rows) - 1, min(BACKGROUND_ROWS, len(rows))).astype(int)
    ]
    masker = Independent(background.to_numpy(dtype=float))
    explainer = PermutationExplainer(scored, masker, seed=0)
    explained = explainer(rows.to_numpy(dtype=float), max_evals=2 * rows.shape[1] + 1, silent=True)
    return np.asarray(explained.values), np.ravel(np.broadcast_to(explained.base_values, len(rows)))
