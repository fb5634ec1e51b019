"""Why a model gives a transaction its score: additive contributions, and reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fraud_assets.features.reason_codes import in_words

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from fraud_assets.training.calibration import CalibratedModel

REASONS = 3
BACKGROUND_ROWS = 30
PERMUTED_ROWS = 60
"""Rows that are explained of a model that can only be asked for its scores, which is slow."""


@dataclass(frozen=True)
class Explanation:
    """Contributions of the features to scores.

    Attributes
    ----------
    features : list of str
    values : ndarray of shape (n_rows, n_features)
        The features' values, as the model's last step reads them unless it scales them.
    contributions : ndarray of shape (n_rows, n_features)
        In log-odds of the score; positive: towards fraud.
    base : ndarray of shape (n_rows,)
        With the contributions of a row, it adds up to the log-odds of its score.
    """

    features: list[str]
    values: np.ndarray
    contributions: np.ndarray
    base: np.ndarray

    def importance(self) -> pd.Series:
        """Return the mean absolute contribution of each feature, largest first."""
        means = np.abs(self.contributions).mean(axis=0)
        return pd.Series(means, index=self.features).sort_values(ascending=False, kind="stable")

    def reasons(self) -> list[str]:
        """Return for each row the features that speak most for a fraud, in words."""
        found = []
        for values, parts in zip(self.values, self.contributions, strict=True):
            largest = np.argsort(-parts, kind="stable")[:REASONS]
            found.append(
                "; ".join(
                    f"{in_words(self.features[i], values[i])} ({parts[i]:+.2f})"
                    for i in largest
                    if parts[i] > 0
                )
            )
        return found


def explain(
    model: "CalibratedModel", rows: pd.DataFrame, columns: Sequence[str]
) -> Explanation | None:
    """Return the contributions of the features to the scores of some rows.

    Parameters
    ----------
    model : CalibratedModel
    rows : DataFrame of shape (n_rows, n_columns)
    columns : sequence of str
        The model's features.

    Returns
    -------
    Explanation or None
        Of the first rows only (`PERMUTED_ROWS`) when the model can but be asked for scores.
        By the booster's own tree contributions (XGBoost, LightGBM), by coefficients (logistic
        regression), or by SHAP; None when that is needed and not installed.

    Notes
    -----
    S. M. Lundberg and S.-I. Lee, A unified approach to interpreting model predictions, 2017.
    """
    from fraud_assets.training.anomaly import SCORE

    inputs = rows[list(columns)]
    pipeline = model.model
    before = pipeline[:-1].transform(inputs) if len(pipeline.steps) > 1 else inputs
    names = [*columns, SCORE] if "anomaly" in pipeline.named_steps else list(columns)
    found = _of_estimator(pipeline.named_steps["estimator"], before)
    if found is None:
        inputs = inputs.head(PERMUTED_ROWS)
        found = _by_shap(pipeline, inputs)
        names = list(columns)
    if found is None:
        return None
    values = inputs.to_numpy(dtype=float)
    if SCORE in names:
        values = np.column_stack([values, np.asarray(before)[:, -1]])
    contributions, base = found
    return Explanation(
        names, values, model.slope * contributions, model.slope * base + model.intercept
    )


def _of_estimator(estimator: "BaseEstimator", rows: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return contributions and base by what the estimator itself can tell, else None."""
    kind = type(estimator).__name__
    if kind == "LogisticRegression":
        parts = np.asarray(rows) * estimator.coef_[0]
        return parts, np.full(len(parts), float(estimator.intercept_[0]))
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

        parts = booster.predict(DMatrix(rows), pred_contribs=True)
    else:
        parts = booster.predict(rows, pred_contrib=True)
    parts = np.asarray(parts, dtype=float)
    return parts[:, :-1], parts[:, -1] + start


def _by_tree_explainer(
    estimator: "BaseEstimator", rows: Any
) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        from shap import TreeExplainer
    except ModuleNotFoundError:
        return None
    explainer = TreeExplainer(estimator)
    base = float(np.ravel(explainer.expected_value)[0])
    parts = explainer.shap_values(np.asarray(rows, dtype=float), check_additivity=False)
    return np.asarray(parts), np.full(len(rows), base)


def _by_shap(pipeline: Any, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Ask for scores alone, over permutations of the features: any model, slowly."""
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
    found = explainer(rows.to_numpy(dtype=float), max_evals=2 * rows.shape[1] + 1, silent=True)
    return np.asarray(found.values), np.ravel(np.broadcast_to(found.base_values, len(rows)))
