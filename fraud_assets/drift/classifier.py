"""The classifier two-sample test: whether anybody could tell the batch from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.drift.correlations import Numbers, ranks, strongest_pairs
from fraud_assets.drift.encoding import Column
from fraud_assets.metrics import ranking_figures

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

PAIRS = 20
"""Pairs of columns whose product the classifier sees beside the columns."""
SHUFFLED_ROWS = 1_500
"""Rows on which it is measured what gives the batch away, about."""
NAMED = 10
"""Columns that are named at most."""
DEPENDENCE = 1.5
"""Folds share what they were fitted on, so that their mean varies more than if they did not."""
PARAMETERS = {"max_iter": 30, "max_leaf_nodes": 8, "learning_rate": 0.1, "early_stopping": False}
"""Small trees: a weak change needs no more, and a strong one is seen anyway."""


@dataclass(frozen=True)
class ToldApart:
    """How well a classifier tells a batch from the reference, on rows it did not see.

    Attributes
    ----------
    score : float
        max(0, 2 AUC - 1), in [0, 1]. 0: as good as guessing; 1: always.
    p_value : float
        Of guessing.
    smallest_visible : float
        Score that is told from 0 in 95 of 100 batches of this size.
    probabilities : ndarray of shape (n_reference + n_batch,)
        That a row is of the batch, by the classifier of the folds it is not in.
    model : HistGradientBoostingClassifier
        That of the last fold.
    held_out : ndarray of shape (n_held_out,)
        The rows which it did not see.
    """

    score: float
    p_value: float
    smallest_visible: float
    probabilities: NDArray[np.float64]
    model: "HistGradientBoostingClassifier"
    held_out: NDArray[np.int64]


def tell_apart(inputs: Numbers, is_batch: NDArray[np.int64], folds: int, seed: int) -> ToldApart:
    """Cross-validate a classifier that tells the batch from the reference.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_inputs)
        Finite.
    is_batch : ndarray of shape (n_rows,)
        1 for rows of the batch, 0 for those of the reference.
    folds : int
    seed : int

    Returns
    -------
    ToldApart

    Notes
    -----
    D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, 2017. A fold's AUC is a
    Mann-Whitney statistic of rows that its classifier did not see, so that its variance under
    the null hypothesis is (n + m + 1) / (12 n m). The standard error of their mean is taken
    `DEPENDENCE` times as large as that of independent ones (1.0 to 1.5 times was measured).
    """
    from scipy.stats import norm
    from sklearn.model_selection import StratifiedKFold

    probabilities = np.zeros(len(is_batch))
    areas, variances = [], []
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fit, held_out in parts.split(inputs, is_batch):
        model = _classifier(seed).fit(inputs[fit], is_batch[fit])
        scores = model.predict_proba(inputs[held_out])[:, 1]
        probabilities[held_out] = scores
        labels = is_batch[held_out]
        _, area = ranking_figures(labels, scores, np.ones(len(labels)))
        m, n = np.bincount(labels, minlength=2)
        areas.append(area)
        variances.append((n + m + 1) / (12 * n * m))
    area, error = float(np.mean(areas)), DEPENDENCE * float(np.sqrt(np.sum(variances))) / folds
    return ToldApart(
        score=max(0.0, 2 * area - 1),
        p_value=float(norm.sf((area - 0.5) / error)),
        smallest_visible=float(min(1.0, 2 * error * (norm.ppf(0.99) + norm.ppf(0.95)))),
        probabilities=probabilities,
        model=model,
        held_out=held_out,
    )


def _classifier(seed: int) -> "HistGradientBoostingClassifier":
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**PARAMETERS, class_weight="balanced", random_state=seed)


def classifier_inputs(
    codes: pd.DataFrame, is_batch: NDArray[np.int64], columns: Sequence[Column]
) -> tuple[Numbers, list[tuple[str, ...]]]:
    """Return what the classifier sees: the columns, and products of pairs.

    Trees find products slowly; those of the pairs that the reference correlates most are given
    to them. The batch has no say in which.

    Parameters
    ----------
    codes : DataFrame of shape (n_rows, n_columns)
        Of both sides.
    is_batch : ndarray of shape (n_rows,)
    columns : sequence of Column

    Returns
    -------
    inputs : ndarray of shape (n_rows, n_inputs)
        A missing value is a column's largest code.
    names : list of tuple of str
        By input the columns that it is made of.
    """
    placed = ranks(codes, columns)
    pairs = strongest_pairs(placed[is_batch == 0], PAIRS)
    plain = codes[[c.name for c in columns]].to_numpy(dtype=float)
    # Rounded: the library's quantiles of weighted rows are slow beyond 255 values.
    products = [np.round(placed[:, i] * placed[:, j], 2) for i, j in pairs]
    names: list[tuple[str, ...]] = [(c.name,) for c in columns]
    names += [(columns[i].name, columns[j].name) for i, j in pairs]
    return np.column_stack([plain, *products]), names


def giveaways(
    apart: ToldApart,
    inputs: Numbers,
    is_batch: NDArray[np.int64],
    names: Sequence[tuple[str, ...]],
    seed: int,
) -> list[dict[str, object]]:
    """Name what gives the batch away: by how much the AUC falls when it is shuffled.

    Parameters
    ----------
    apart : ToldApart
    inputs : ndarray of shape (n_rows, n_inputs)
    is_batch : ndarray of shape (n_rows,)
    names : sequence of tuple of str
    seed : int

    Returns
    -------
    list of dict
        `feature` and `importance` (the fall, above 0), largest first.

    Notes
    -----
    L. Breiman, Random forests, 2001; on rows that the classifier did not see.
    """
    from sklearn.inspection import permutation_importance

    seen = apart.held_out[:: max(1, len(apart.held_out) // SHUFFLED_ROWS)]
    found = permutation_importance(
        apart.model,
        inputs[seen],
        is_batch[seen],
        scoring="roc_auc",
        n_repeats=1,
        random_state=seed,
    ).importances_mean
    order = np.argsort(-found, kind="stable")[:NAMED]
    return [
        {"feature": " with ".join(names[k]), "importance": float(found[k])}
        for k in order
        if found[k] > 0
    ]
