"""Fits an estimator on the train rows and chooses its threshold on the validation rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fraud_assets.config import Costs, TrainingSettings
from fraud_assets.metrics import (
    Floats,
    class_figures,
    confusion,
    fraud_losses,
    net_savings,
    ranking_figures,
)
from fraud_assets.training.estimators import build, fit
from fraud_assets.training.threshold import choose_threshold

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class FittedModel:
    """A fitted pipeline and what was chosen for it.

    Attributes
    ----------
    pipeline : Pipeline
    features : list of str
        The columns that it reads: those with a value in at least one train row.
    decision_threshold : float
        A row with at least this score is an alert.
    iterations : int
    converged : bool
    validation_figures : dict of str to float
        On the rows that chose the threshold, hence too good: named `validation_…`.
    """

    pipeline: "Pipeline"
    features: list[str]
    decision_threshold: float
    iterations: int
    converged: bool
    validation_figures: dict[str, float]


def train(
    rows: pd.DataFrame, validation: pd.DataFrame, columns: Sequence[str], settings: TrainingSettings
) -> FittedModel:
    """Fit an estimator and choose its threshold.

    Parameters
    ----------
    rows, validation : DataFrame
        As from `training.window.load_rows`.
    columns : sequence of str
        The features.
    settings : TrainingSettings

    Returns
    -------
    FittedModel
    """
    pipeline = build(settings.estimator, settings.parameters, settings.seed)
    features = [name for name in columns if rows[name].notna().any()]
    iterations, converged = fit(pipeline, rows[features], rows["fraud_"])
    scores = fraud_scores(pipeline, validation, features)
    labels = validation["fraud_"].to_numpy()
    losses = losses_of(validation, settings.costs)
    threshold = choose_threshold(labels, scores, losses, settings.costs, settings.threshold_rule)
    alerts = scores >= threshold
    average_precision, _ = ranking_figures(labels, scores, np.ones(len(labels)))
    figures = class_figures(confusion(labels, alerts))
    return FittedModel(
        pipeline,
        features,
        threshold,
        iterations,
        converged,
        {
            "validation_fraud_f1": figures["test_fraud_f1"],
            "validation_fraud_precision": figures["test_fraud_precision"],
            "validation_fraud_recall": figures["test_fraud_recall"],
            "validation_average_precision": average_precision,
            "validation_net_savings": net_savings(labels, alerts, losses, settings.costs),
        },
    )


def fraud_scores(pipeline: "Pipeline", rows: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Return the fraud probability of each row, shape (n_rows,)."""
    return np.asarray(pipeline.predict_proba(rows[list(columns)])[:, 1], dtype=float)


def losses_of(rows: pd.DataFrame, costs: Costs) -> Floats:
    """Return what each row would cost as a missed fraud, in money, shape (n_rows,)."""
    amounts = rows["amount_"]
    known = None if amounts.isna().all() else amounts.to_numpy(dtype=float)
    return fraud_losses(known, len(rows), costs)
