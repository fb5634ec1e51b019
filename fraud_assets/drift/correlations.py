"""How columns move together: rank correlations of pairs, reference against batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.drift.encoding import Column

Numbers = NDArray[np.float64]

LEAST_CORRELATION = 0.15
PLAIN = 6.0
"""Standard errors by which a correlation of the reference stands out plainly."""


def ranks(codes: pd.DataFrame, columns: Sequence[Column]) -> Numbers:
    """Return the place of each value in the reference, from -1 to 1; 0 where it is missing.

    Parameters
    ----------
    codes : DataFrame of shape (n_rows, n_columns)
        As from `encoding.encode_rows`.
    columns : sequence of Column

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    placed = np.zeros((len(codes), len(columns)))
    for place, column in enumerate(columns):
        known = np.append(2 * column.places() - 1, 0.0)
        placed[:, place] = known[np.minimum(codes[column.name].to_numpy(), column.missing)]
    return placed


def correlation_changes(reference: Numbers, batch: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Compare the correlations of all pairs of columns.

    Parameters
    ----------
    reference : ndarray of shape (n_reference, n_columns)
        As from `ranks`.
    batch : ndarray of shape (n_batch, n_columns)

    Returns
    -------
    before, after : ndarray of shape (n_columns, n_columns)
        Correlations; 0 where a column is constant.
    p_values : ndarray of shape (n_columns, n_columns)
        Of equal correlations, corrected for the number of pairs after Bonferroni.

    Notes
    -----
    The mean of the product of two standardized columns, compared as two means are, with the
    larger of the pooled and the separate standard error: where a product is rarely far from 0,
    one of them alone would take a few rows for a change.
    """
    from scipy.stats import norm

    (before, first), (after, second) = _products(reference), _products(batch)
    n, m = len(batch), len(reference)
    separate = first / m + second / n
    together = (m * first + n * second) / (n + m) * (1 / m + 1 / n)
    error = np.sqrt(np.maximum(separate, together))
    constant = ~(np.diag(before) * np.diag(after)).astype(bool)
    error[constant] = error[:, constant] = np.inf
    z = np.abs(after - before) / np.where(error > 0, error, np.inf)
    pairs = max(1, before.shape[0] * (before.shape[0] - 1) // 2)
    return before, after, np.minimum(1.0, 2 * norm.sf(z) * pairs)


def _products(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return mean and variance of the products of all pairs of standardized columns."""
    spread = values.std(axis=0)
    standard = (values - values.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    squares = standard**2
    mean = standard.T @ standard / len(values)
    return mean, np.maximum(squares.T @ squares / len(values) - mean**2, 0.0)


def changed_pairs(
    names: Sequence[str], reference: Numbers, batch: Numbers, significance: float
) -> tuple[list[dict[str, Any]], float]:
    """Name the pairs of columns that no longer move together as they did.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    reference, batch : ndarray of shape (n_rows, n_columns)
        As from `ranks`.
    significance : float
        Largest corrected p-value of a pair that is named.

    Returns
    -------
    pairs : list of dict
        `first`, `second`, `before` and `after` (correlations), `p_value`; most changed first.
    p_value : float
        The smallest corrected p-value.
    """
    if len(names) < 2:
        return [], 1.0
    before, after, p_values = correlation_changes(reference, batch)
    upper = np.triu_indices(len(names), k=1)
    pairs = [
        {
            "first": names[i],
            "second": names[j],
            "before": float(before[i, j]),
            "after": float(after[i, j]),
            "p_value": float(p_values[i, j]),
        }
        for i, j in zip(*(of.tolist() for of in upper), strict=True)
        if p_values[i, j] <= significance
    ]
    pairs.sort(key=lambda p: (-abs(p["after"] - p["before"]), p["first"], p["second"]))
    return pairs, float(p_values[upper].min())


def extremes(reference: Numbers, batch: Numbers) -> dict[str, float]:
    """Compare how far out the rows lie, over all columns: many small changes of spread or tails.

    Parameters
    ----------
    reference, batch : ndarray of shape (n_rows, n_columns)
        As from `ranks`.

    Returns
    -------
    dict
        `before` and `after`: mean square of the normal scores, 1 for the training data but for
        rounding; `p_value` of the same mean (Welch's t-test over rows).

    Notes
    -----
    Normal scores after B. L. van der Waerden, 1952.
    """
    from scipy.stats import norm, ttest_ind

    def of_rows(placed: Numbers) -> Numbers:
        squares: Numbers = norm.ppf(np.clip((placed + 1) / 2, 0.0005, 0.9995)) ** 2
        means: Numbers = squares.mean(axis=1)
        return means

    before, after = of_rows(reference), of_rows(batch)
    chance = float(ttest_ind(before, after, equal_var=False).pvalue)
    return {
        "before": float(before.mean()),
        "after": float(after.mean()),
        "p_value": chance if np.isfinite(chance) else 1.0,
    }


def strongest_pairs(reference: Numbers, most: int) -> list[tuple[int, int]]:
    """Return the places of the pairs of columns that the reference plainly correlates.

    Plainly: a pair that stands out by chance in these rows alone would tell them from any others.

    Parameters
    ----------
    reference : ndarray of shape (n_rows, n_columns)
        As from `ranks`.
    most : int
        Pairs at most, the strongest first.
    """
    correlations, _ = _products(reference)
    upper = np.triu_indices(len(correlations), k=1)
    strengths = np.abs(correlations[upper])
    plain = strengths >= max(LEAST_CORRELATION, PLAIN / np.sqrt(len(reference)))
    order = np.argsort(-strengths, kind="stable")[: min(most, int(plain.sum()))]
    return [(int(upper[0][k]), int(upper[1][k])) for k in order]
