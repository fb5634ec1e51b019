"""Fits an estimator on the train rows and chooses its threshold on the validation rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from fraud_assets.config.settings import (
    Costs,
    Imbalance,
    SplitMode,
    SplitSettings,
    TrainingSettings,
)
from fraud_assets.features.availability import MICROSECONDS_PER_DAY
from fraud_assets.metrics import (
    Floats,
    Labels,
    class_figures,
    confusion,
    fraud_losses,
    net_savings,
    ranking_figures,
)
from fraud_assets.records.models import ThresholdPoint
from fraud_assets.training.estimators import build, fit
from fraud_assets.training.imbalance import odds, rebalance
from fraud_assets.training.threshold import choose_threshold

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from fraud_assets.training.calibration import CalibratedModel

DISTORTING = (Imbalance.class_weight, Imbalance.focal_loss)
"""Treatments after which scores are no probabilities, with no known factor to divide by."""


class FittedPipeline(NamedTuple):
    """A pipeline fitted on train rows, before its scores are calibrated.

    Attributes
    ----------
    pipeline : Pipeline
        The fitted pipeline.
    odds_factor : float
        By how much resampling raised the odds of a fraud, as from `imbalance.rebalance`.
    iterations : int
        Boosting rounds, trees or solver steps; of an ensemble, those of its longest member.
    converged : bool
        Whether an iterative fit converged before `max_iter`.

    See Also
    --------
    fit_model : fits it.
    """

    pipeline: "Pipeline"
    odds_factor: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class FittedModel:
    """A fitted model, its threshold and its figures on the validation rows.

    Attributes
    ----------
    model : CalibratedModel
        The fitted pipeline with calibrated probabilities.
    features : list of str
        The columns that it reads: those with a value in at least one train row.
    decision_threshold : float
        A row with at least this score is an alert.
    neighbours : list of ThresholdPoint
        What other thresholds would give on the validation rows; as of
        `threshold.ThresholdChoice`.
    iterations : int
        Boosting rounds, trees or solver steps; of an ensemble, those of its longest member.
    converged : bool
        Whether an iterative fit converged before `max_iter`.
    validation_figures : dict of str to float
        Measured on the rows that the threshold was chosen on, hence optimistic; named
        `validation_…`.
    validation_scores : ndarray of shape (n_validation_rows,)
        Fraud probabilities, 0 to 1, of rows that the model was not fitted on.

    See Also
    --------
    train : fits it.
    """

    model: "CalibratedModel"
    features: list[str]
    decision_threshold: float
    neighbours: list[ThresholdPoint]
    iterations: int
    converged: bool
    validation_figures: dict[str, float]
    validation_scores: Floats


def train(
    rows: pd.DataFrame,
    validation: pd.DataFrame,
    columns: Sequence[str],
    settings: TrainingSettings,
    days: float | None = None,
) -> FittedModel:
    """Fit an estimator, calibrate its probabilities, and choose its threshold.

    Parameters
    ----------
    rows, validation : DataFrame
        As from `training.window.load_rows`.
    columns : sequence of str
        The features.
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.
    days : float, optional
        Days of transactions that the validation rows stand for.

    Returns
    -------
    FittedModel

    Raises
    ------
    ValueError
        When the settings do not fit the estimator or the rows, or no validation row is a fraud.

    See Also
    --------
    fit_model : fits the pipeline alone.
    fraud_assets.evaluation.evaluate.evaluate : measures the model on test rows.
    """
    from fraud_assets.training.calibration import divide_odds, fit_sigmoid

    features = [name for name in columns if rows[name].notna().any()]
    fitted = fit_model(rows, features, settings)
    labels = validation["fraud_"].to_numpy()
    if settings.imbalance in DISTORTING or not settings.estimator.kind.scores_are_probabilities:
        raw = fraud_scores(fitted.pipeline, validation, features)
        model = fit_sigmoid(fitted.pipeline, labels, raw)
    else:
        model = divide_odds(fitted.pipeline, fitted.odds_factor)
    scores = fraud_scores(model, validation, features)
    losses = losses_of(validation, settings.costs)
    choice = choose_threshold(labels, scores, losses, settings, days)
    return FittedModel(
        model,
        features,
        choice.threshold,
        choice.neighbours,
        fitted.iterations,
        fitted.converged,
        _validation_figures(labels, scores, losses, choice.threshold, settings.costs),
        scores,
    )


def validation_days(
    settings: SplitSettings, mode: SplitMode, rows: pd.DataFrame, validation: pd.DataFrame
) -> float | None:
    """Return the days of transactions that the validation rows stand for.

    Parameters
    ----------
    settings : SplitSettings
        How rows are split, and how many batches the window has.
    mode : SplitMode
        How the rows were split.
    rows, validation : DataFrame
        As from `training.window.load_rows`.

    Returns
    -------
    float or None
        None without timestamps.

    See Also
    --------
    train : needs them for the rule `max_alerts`.
    """
    moments = pd.concat([rows["known_us_"], validation["known_us_"]]) / MICROSECONDS_PER_DAY
    if moments.isna().all():
        return None
    temporal = mode is SplitMode.temporal
    share = 1.0 if temporal else settings.train_share + settings.validation_share
    return float(moments.max() - moments.min()) * len(validation) / len(moments) * share


def fit_model(
    rows: pd.DataFrame, features: Sequence[str], settings: TrainingSettings
) -> FittedPipeline:
    """Fit a pipeline on train rows, after the settings' treatment of imbalance.

    Parameters
    ----------
    rows : DataFrame
        Train rows, as from `training.window.load_rows`.
    features : sequence of str
        The columns to read.
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.

    Returns
    -------
    FittedPipeline

    Raises
    ------
    ValueError
        When the settings do not fit the estimator or the rows.

    See Also
    --------
    train : also calibrates, and chooses the threshold.
    """
    pipeline = build(settings, 1 / odds(rows["fraud_"]))
    resampled, labels, odds_factor = rebalance(rows[list(features)], rows["fraud_"], settings)
    iterations, converged = fit(pipeline, resampled, labels)
    return FittedPipeline(pipeline, odds_factor, iterations, converged)


def _validation_figures(
    labels: Labels, scores: Floats, losses: Floats, threshold: float, costs: Costs
) -> dict[str, float]:
    alerts = scores >= threshold
    average_precision, _ = ranking_figures(labels, scores, np.ones(len(labels)))
    figures = class_figures(confusion(labels, alerts))
    return {
        "validation_fraud_f1": figures["test_fraud_f1"],
        "validation_fraud_precision": figures["test_fraud_precision"],
        "validation_fraud_recall": figures["test_fraud_recall"],
        "validation_average_precision": average_precision,
        "validation_net_savings": net_savings(labels, alerts, losses, costs),
    }


def example_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return made-up rows that resemble those a model was fitted on, without being any of them.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_features)
        The rows that the model was fitted on.

    Returns
    -------
    DataFrame of shape (3, n_features)
        The quartiles of each column by itself, to two digits: an input example for the model's
        page.

    Examples
    --------
    >>> example_of(pd.DataFrame({"amount": [1.0, 2.0, 3.0, 4.0, 5.0]}))["amount"].tolist()
    [2.0, 3.0, 4.0]
    """
    quartiles = rows.quantile([0.25, 0.5, 0.75]).fillna(0.0).reset_index(drop=True)
    return quartiles.map(lambda value: float(f"{value:.2g}"))


def fraud_scores(
    model: "CalibratedModel | Pipeline", rows: pd.DataFrame, columns: Sequence[str]
) -> Floats:
    """Return the fraud probability of each row.

    Parameters
    ----------
    model : CalibratedModel or Pipeline
        A fitted model.
    rows : DataFrame of shape (n_rows, n_columns)
        Rows with at least the model's features.
    columns : sequence of str
        The features of the model, in its order.

    Returns
    -------
    ndarray of shape (n_rows,)
        Between 0 and 1.
    """
    return np.asarray(model.predict_proba(rows[list(columns)])[:, 1], dtype=float)


def losses_of(rows: pd.DataFrame, costs: Costs) -> Floats:
    """Return the loss of each row if it were a missed fraud.

    Parameters
    ----------
    rows : DataFrame
        As from `training.window.load_rows`.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    ndarray of shape (n_rows,)
        In the currency of the amount.

    See Also
    --------
    fraud_assets.metrics.fraud_losses : the same from an array of amounts.
    """
    amounts = rows["amount_"]
    known = None if amounts.isna().all() else amounts.to_numpy(dtype=float)
    return fraud_losses(known, len(rows), costs)
