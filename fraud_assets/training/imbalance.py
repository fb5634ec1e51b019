"""Resamples the train rows where frauds are few, and reports the effect on the odds."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import Imbalance, TrainingSettings


def odds(labels: ArrayLike) -> float:
    """Return the odds of a fraud.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        0 or 1.

    Returns
    -------
    float
        Frauds for each genuine row.

    Examples
    --------
    >>> odds(pd.Series([1, 0, 0, 0, 0]))
    0.25
    """
    labels = as_array("labels", labels, "label")
    frauds = float(labels.sum())
    return frauds / (len(labels) - frauds)


def rebalance(
    features: pd.DataFrame, labels: ArrayLike, settings: TrainingSettings
) -> tuple[pd.DataFrame, pd.Series, float]:
    """Resample the train rows as the settings say.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_features)
        Numeric features; NaN where a value is missing.
    labels : array-like of shape (n_rows,)
        0 or 1.
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.

    Returns
    -------
    features, labels : DataFrame, Series
        After resampling; with SMOTE, missing values are the column's median.
    odds_factor : float
        Odds of a fraud after resampling, divided by those before; `calibration.divide_odds`
        undoes it. 1 when nothing was resampled.

    Raises
    ------
    ValueError
        When SMOTE has only one fraud to start from.

    See Also
    --------
    fraud_assets.training.calibration.divide_odds : undoes the effect on probabilities.

    Notes
    -----
    SMOTE: N. V. Chawla et al., SMOTE: synthetic minority over-sampling technique, 2002.
    """
    labels = pd.Series(as_array("labels", labels, "label", len(features)), index=features.index)
    before = odds(labels)
    wanted = 1 / settings.genuine_per_fraud
    # Resampling must add or remove at least one row.
    enough = int((labels == 0).sum() * wanted) <= int((labels == 1).sum())
    if settings.imbalance not in (Imbalance.undersample, Imbalance.smote) or enough:
        return features, labels, 1.0
    if settings.imbalance is Imbalance.undersample:
        resampled = _undersample(features, labels, wanted, settings.seed)
    else:
        resampled = _smote(features, labels, wanted, settings.seed)
    return *resampled, odds(resampled[1]) / before


def _undersample(
    features: pd.DataFrame, labels: pd.Series, wanted: float, seed: int
) -> tuple[pd.DataFrame, pd.Series]:
    from imblearn.under_sampling import RandomUnderSampler

    sampler = RandomUnderSampler(sampling_strategy=wanted, random_state=seed)
    sampler.fit_resample(np.zeros((len(labels), 1)), labels)
    # Restore the time order, which stacking relies on.
    kept = np.sort(sampler.sample_indices_)
    return features.iloc[kept], labels.iloc[kept]


def _smote(
    features: pd.DataFrame, labels: pd.Series, wanted: float, seed: int
) -> tuple[pd.DataFrame, pd.Series]:
    from imblearn.over_sampling import SMOTE
    from sklearn.impute import SimpleImputer

    neighbours = min(5, int((labels == 1).sum()) - 1)
    if neighbours < 1:
        raise ValueError(
            "smote interpolates between two frauds, and the train rows have only one; choose "
            "another imbalance, or drop more transactions with labels"
        )
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).set_output(
        transform="pandas"
    )
    sampler = SMOTE(sampling_strategy=wanted, k_neighbors=neighbours, random_state=seed)
    more, more_labels = sampler.fit_resample(imputer.fit_transform(features), labels)
    return more, more_labels
