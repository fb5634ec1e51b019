"""Rank correlations of pairs of columns, and how extreme rows are: reference against batch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.drift.encoding import Column
from fraud_assets.records.drift import CorrelationChange, Extremes

Numbers = NDArray[np.float64]

LEAST_CORRELATION = 0.15
CLEAR = 6.0
"""Standard errors from which a correlation of the reference is clearly not chance."""


def ranks(codes: pd.DataFrame, columns: Sequence[Column]) -> Numbers:
    """Return the rank of each value in the reference, from -1 to 1; 0 where it is missing.

    Parameters
    ----------
    codes : DataFrame of shape (n_rows, n_columns)
        As from `encoding.encode_rows`.
    columns : sequence of Column
        Columns of the reference profile, with their cuts or categories.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)

    See Also
    --------
    correlation_changes : compares correlations of ranks.
    """
    ranked = np.zeros((len(codes), len(columns)))
    for index, column in enumerate(columns):
        rank_of_code = np.append(2 * column.mid_quantiles() - 1, 0.0)
        ranked[:, index] = rank_of_code[np.minimum(codes[column.name].to_numpy(), column.missing)]
    return ranked


def correlation_changes(reference: ArrayLike, batch: ArrayLike) -> tuple[Numbers, Numbers, Numbers]:
    """Compare the correlations of all pairs of columns.

    Parameters
    ----------
    reference : array-like of shape (n_reference, n_columns)
        As from `ranks`.
    batch : array-like of shape (n_batch, n_columns)
        As from `ranks`, with the same columns.

    Returns
    -------
    before, after : ndarray of shape (n_columns, n_columns)
        Correlations; 0 where a column is constant.
    p_values : ndarray of shape (n_columns, n_columns)
        Of equal correlations, corrected for the number of pairs after Bonferroni.

    Raises
    ------
    ValueError
        When they do not have the same columns, or a value is missing.

    See Also
    --------
    changed_pairs : lists the significant changes.

    Notes
    -----
    Compares the means of the product of two standardized columns, with the larger of the pooled
    and the separate standard error: where a product is rarely far from 0, either of them alone
    would report a change because of a few rows.
    """
    from scipy.stats import norm

    reference = as_array("reference", reference, "number", dimensions=2)
    batch = as_array("batch", batch, "number", dimensions=2)
    if batch.shape[1] != reference.shape[1]:
        raise ValueError(
            f"batch has {batch.shape[1]} columns and reference {reference.shape[1]}; pass the same "
            "columns of both"
        )
    (before, first), (after, second) = _products(reference), _products(batch)
    n, m = len(batch), len(reference)
    separate = first / m + second / n
    pooled = (m * first + n * second) / (n + m) * (1 / m + 1 / n)
    error = np.sqrt(np.maximum(separate, pooled))
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
    names: Sequence[str], reference: ArrayLike, batch: ArrayLike, significance: float
) -> tuple[list[CorrelationChange], float]:
    """List the pairs of columns whose correlation changed.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    reference, batch : array-like of shape (n_rows, n_columns)
        As from `ranks`.
    significance : float
        Largest corrected p-value of a pair that is listed.

    Returns
    -------
    pairs : list of CorrelationChange
        Largest change first.
    p_value : float
        The smallest corrected p-value.

    See Also
    --------
    correlation_changes : the changes of all pairs.
    """
    if len(names) < 2:
        return [], 1.0
    before, after, p_values = correlation_changes(reference, batch)
    upper = np.triu_indices(len(names), k=1)
    pairs = [
        CorrelationChange(
            first=names[i],
            second=names[j],
            before=float(before[i, j]),
            after=float(after[i, j]),
            p_value=float(p_values[i, j]),
        )
        for i, j in zip(*(indices.tolist() for indices in upper), strict=True)
        if p_values[i, j] <= significance
    ]
    pairs.sort(key=lambda p: (-abs(p.after - p.before), p.first, p.second))
    return pairs, float(p_values[upper].min())


def extremes(reference: ArrayLike, batch: ArrayLike) -> Extremes:
    """Compare how extreme the rows are over all columns: many small changes in spread or tails.

    Parameters
    ----------
    reference, batch : array-like of shape (n_rows, n_columns)
        As from `ranks`.

    Returns
    -------
    Extremes

    See Also
    --------
    changed_pairs : changes in pairs of columns.

    Notes
    -----
    Normal scores after B. L. van der Waerden, 1952; their mean squares by row are compared with
    Welch's t-test.
    """
    from scipy.stats import norm, ttest_ind

    def mean_squares(ranked: Numbers) -> Numbers:
        squares: Numbers = norm.ppf(np.clip((ranked + 1) / 2, 0.0005, 0.9995)) ** 2
        means: Numbers = squares.mean(axis=1)
        return means

    before = mean_squares(as_array("reference", reference, "number", dimensions=2))
    after = mean_squares(as_array("batch", batch, "number", dimensions=2))
    p_value = float(ttest_ind(before, after, equal_var=False).pvalue)
    return Extremes(
        before=float(before.mean()),
        after=float(after.mean()),
        p_value=p_value if np.isfinite(p_value) else 1.0,
    )


def strongest_pairs(reference: ArrayLike, most: int) -> list[tuple[int, int]]:
    """Return the indices of the pairs of columns that are clearly correlated in the reference.

    A pair that is correlated by chance in these rows alone would distinguish them from any others.

    Parameters
    ----------
    reference : array-like of shape (n_rows, n_columns)
        As from `ranks`.
    most : int
        Number of pairs, at most.

    Returns
    -------
    list of (int, int)
        The strongest first.

    See Also
    --------
    fraud_assets.drift.classifier.classifier_inputs : uses them as products.
    """
    reference = as_array("reference", reference, "number", dimensions=2)
    correlations, _ = _products(reference)
    upper = np.triu_indices(len(correlations), k=1)
    strengths = np.abs(correlations[upper])
    clear = strengths >= max(LEAST_CORRELATION, CLEAR / np.sqrt(len(reference)))
    order = np.argsort(-strengths, kind="stable")[: min(most, int(clear.sum()))]
    return [(int(upper[0][k]), int(upper[1][k])) for k in order]
