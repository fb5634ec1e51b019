"""The classifier two-sample test: how well the batch can be distinguished from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.drift.correlations import Numbers, ranks, strongest_pairs
from fraud_assets.drift.encoding import Column
from fraud_assets.metrics import ranking_figures
from fraud_assets.records.drift import Giveaway

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

PAIRS = 20
"""Pairs of columns whose product the classifier sees next to the columns."""
SHUFFLED_ROWS = 1_500
"""Rows on which importance is measured, approximately."""
LISTED = 10
"""Giveaways listed, at most."""
DEPENDENCE = 1.5
"""Folds share training rows, so their mean varies more than that of independent folds."""
PARAMETERS = {"max_iter": 30, "max_leaf_nodes": 8, "learning_rate": 0.1, "early_stopping": False}
"""Small trees: a weak change needs no more, and a strong one is detected anyway."""


@dataclass(frozen=True)
class TwoSampleTest:
    """How well a classifier distinguishes a batch from the reference, on held-out rows.

    Attributes
    ----------
    score : float
        max(0, 2 AUC - 1), in [0, 1]. 0: no better than guessing; 1: always right.
    p_value : float
        Of the null hypothesis that it is guessing.
    smallest_visible : float
        Score that is distinguished from 0 in 95 of 100 batches of this size.
    probabilities : ndarray of shape (n_reference + n_batch,)
        That a row is of the batch, by the classifier of the fold that held the row out.
    model : HistGradientBoostingClassifier
        That of the last fold.
    held_out : ndarray of shape (n_held_out,)
        Indices of the rows that the last fold held out.

    See Also
    --------
    two_sample_test : computes it.
    """

    score: float
    p_value: float
    smallest_visible: float
    probabilities: NDArray[np.float64]
    model: "HistGradientBoostingClassifier"
    held_out: NDArray[np.int64]


def two_sample_test(inputs: ArrayLike, is_batch: ArrayLike, folds: int, seed: int) -> TwoSampleTest:
    """Cross-validate a classifier that distinguishes the batch from the reference.

    Parameters
    ----------
    inputs : array-like of shape (n_rows, n_inputs)
        Finite; as from `classifier_inputs`.
    is_batch : array-like of shape (n_rows,)
        1 for rows of the batch, 0 for those of the reference.
    folds : int
        Number of folds.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    TwoSampleTest

    See Also
    --------
    giveaways : the columns that the classifier relied on.

    Notes
    -----
    D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, 2017. A fold's AUC is a
    Mann-Whitney statistic of held-out rows, so its variance under the null hypothesis is
    (n + m + 1) / (12 n m). The standard error of the mean over folds is assumed to be
    `DEPENDENCE` times that of independent folds (1.0 to 1.5 times was measured).

    Examples
    --------
    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(size=(200, 1))
    >>> is_batch = np.repeat([0, 1], 100)
    >>> values[is_batch == 1] += 100
    >>> round(two_sample_test(values, is_batch, folds=2, seed=0).score, 2)
    1.0
    """
    from scipy.stats import norm
    from sklearn.model_selection import StratifiedKFold

    inputs = as_array("inputs", inputs, "number", dimensions=2)
    is_batch = as_array("is_batch", is_batch, "label", len(inputs))
    probabilities = np.zeros(len(is_batch))
    areas, variances = [], []
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fit, held_out in splitter.split(inputs, is_batch):
        model = _classifier(seed).fit(inputs[fit], is_batch[fit])
        scores = model.predict_proba(inputs[held_out])[:, 1]
        probabilities[held_out] = scores
        labels = is_batch[held_out]
        _, area = ranking_figures(labels, scores, np.ones(len(labels)))
        m, n = np.bincount(labels, minlength=2)
        areas.append(area)
        variances.append((n + m + 1) / (12 * n * m))
    area, error = float(np.mean(areas)), DEPENDENCE * float(np.sqrt(np.sum(variances))) / folds
    return TwoSampleTest(
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
    codes: pd.DataFrame, is_batch: ArrayLike, columns: Sequence[Column]
) -> tuple[Numbers, list[tuple[str, ...]]]:
    """Return the classifier's inputs: the columns, and products of pairs of columns.

    Trees learn products slowly, so those of the most correlated pairs are inputs, too. The pairs
    are chosen from the reference alone.

    Parameters
    ----------
    codes : DataFrame of shape (n_rows, n_columns)
        Of reference and batch.
    is_batch : array-like of shape (n_rows,)
        1 for rows of the batch, 0 for those of the reference.
    columns : sequence of Column
        Columns of the reference profile, with their cuts or categories.

    Returns
    -------
    inputs : ndarray of shape (n_rows, n_inputs)
        A missing value is a column's largest code.
    names : list of tuple of str
        The columns that each input is made of.

    See Also
    --------
    two_sample_test : uses these inputs.
    """
    is_batch = as_array("is_batch", is_batch, "label", len(codes))
    ranked = ranks(codes, columns)
    pairs = strongest_pairs(ranked[is_batch == 0], PAIRS)
    plain = codes[[c.name for c in columns]].to_numpy(dtype=float)
    # Rounded: scikit-learn's quantiles of weighted rows are slow beyond 255 values.
    products = [np.round(ranked[:, i] * ranked[:, j], 2) for i, j in pairs]
    names: list[tuple[str, ...]] = [(c.name,) for c in columns]
    names += [(columns[i].name, columns[j].name) for i, j in pairs]
    return np.column_stack([plain, *products]), names


def giveaways(
    test: TwoSampleTest,
    inputs: ArrayLike,
    is_batch: ArrayLike,
    names: Sequence[tuple[str, ...]],
    seed: int,
) -> list[Giveaway]:
    """Rank what gives the batch away to the classifier, by permutation importance.

    Parameters
    ----------
    test : TwoSampleTest
        As from `two_sample_test`.
    inputs : array-like of shape (n_rows, n_inputs)
        As given to `two_sample_test`.
    is_batch : array-like of shape (n_rows,)
        1 for rows of the batch, 0 for those of the reference.
    names : sequence of tuple of str
        The columns that each input is made of, as from `classifier_inputs`.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    list of Giveaway
        Most important first.

    See Also
    --------
    two_sample_test : the test itself.

    Notes
    -----
    L. Breiman, Random forests, 2001; on held-out rows.
    """
    from sklearn.inspection import permutation_importance

    inputs = as_array("inputs", inputs, "number", len(test.probabilities), dimensions=2)
    is_batch = as_array("is_batch", is_batch, "label", len(inputs))
    rows = test.held_out[:: max(1, len(test.held_out) // SHUFFLED_ROWS)]
    importances = permutation_importance(
        test.model,
        inputs[rows],
        is_batch[rows],
        scoring="roc_auc",
        n_repeats=1,
        random_state=seed,
    ).importances_mean
    order = np.argsort(-importances, kind="stable")[:LISTED]
    return [
        Giveaway(feature=" with ".join(names[k]), importance=float(importances[k]))
        for k in order
        if importances[k] > 0
    ]
