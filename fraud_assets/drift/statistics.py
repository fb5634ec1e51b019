"""Drift of one column: distances over the reference's groups, and significance tests."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.drift.encoding import Column, Counts
from fraud_assets.records.drift import ColumnDrift

Numbers = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""Expected count below which a group is pooled before the chi-square test."""
NO_DRIFT = ColumnDrift(
    distance=0.0, psi=0.0, ks=None, missing_change=0.0, outside=0.0, p_value=1.0, noise=1.0
)


def compare_column(column: Column, batch: ArrayLike) -> ColumnDrift:
    """Compare the distribution of a column in the reference with that in a batch.

    Parameters
    ----------
    column : Column
        The column of the reference, with its counts.
    batch : array-like of shape (n_codes,)
        As from `Column.count`.

    Returns
    -------
    ColumnDrift
        No drift when the reference or the batch has no value that counts.

    See Also
    --------
    compare_scores : the same for the champion's scores.

    Notes
    -----
    Distance and significance are computed over the groups of `Column.groups`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from fraud_assets.drift.encoding import number_column
    >>> column = number_column("amount", np.arange(1000.0))
    >>> same = column.count(column.encode(pd.Series(np.arange(1000.0))))
    >>> compare_column(column, same).distance
    0.0
    """
    reference = np.array(column.counts, dtype=np.int64)
    batch = as_array("batch", batch, "weight", len(reference)).astype(np.int64)
    if not reference.sum() or not batch.sum():
        return NO_DRIFT
    grouped = _grouped(column, reference), _grouped(column, batch)
    ks = _ks(reference, batch) if column.kind == "number" else None
    outside = [(int(batch[code]), int(reference[code])) for code in column.outside]
    missing = int(batch[-1]), int(reference[-1])
    # A code that occurs on neither side cannot differ; testing it would weaken the other tests.
    p_values = [
        _chi_square(*grouped),
        *(_excess_p_value(cases, batch, reference) for cases in outside if any(cases)),
        *([_share_p_value(missing, batch, reference)] if any(missing) else []),
        *([] if ks is None else [_ks_p_value(ks, reference, batch)]),
    ]
    return ColumnDrift(
        distance=_distance(*grouped),
        psi=population_stability_index(*grouped),
        ks=ks,
        missing_change=float(batch[-1] / batch.sum() - reference[-1] / reference.sum()),
        outside=sum(of_batch for of_batch, _ in outside) / int(batch.sum()),
        p_value=min(1.0, len(p_values) * min(p_values)),
        noise=_noise(*grouped),
    )


def _grouped(column: Column, counts: Counts) -> Numbers:
    return np.bincount(column.groups(), weights=counts).astype(float)


def _distance(reference: Numbers, batch: Numbers) -> float:
    """Return the Jensen-Shannon distance, base 2, of two distributions given as counts.

    Notes
    -----
    J. Lin, Divergence measures based on the Shannon entropy, 1991.
    """
    from scipy.spatial.distance import jensenshannon

    return float(np.nan_to_num(jensenshannon(reference, batch, base=2)))


def population_stability_index(reference: ArrayLike, batch: ArrayLike) -> float:
    """Return the population stability index of two distributions, in nats.

    Half a count is added to each group, so that an empty group does not make it infinite.

    Parameters
    ----------
    reference, batch : array-like of shape (n_groups,)
        Counts by group.

    Returns
    -------
    float
        0 or more; 0 for equal distributions.

    See Also
    --------
    compare_column : the distances of a column.

    Notes
    -----
    N. Siddiqi, Credit risk scorecards, 2006: the sum of (q - p) ln(q / p).

    Examples
    --------
    >>> import numpy as np
    >>> population_stability_index(np.array([50, 50]), np.array([50, 50]))
    0.0
    """
    reference = as_array("reference", reference, "weight")
    batch = as_array("batch", batch, "weight", len(reference))
    used = (reference + batch) > 0
    p, q = (counts[used] + 0.5 for counts in (reference, batch))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _ks(reference: Counts, batch: Counts) -> float | None:
    """Return the largest difference of the cumulative shares, without missing values."""
    present = reference[:-1].sum(), batch[:-1].sum()
    if not all(present):
        return None
    steps = np.cumsum(reference[:-1]) / present[0] - np.cumsum(batch[:-1]) / present[1]
    return float(np.abs(steps).max())


def _ks_p_value(ks: float, reference: Counts, batch: Counts) -> float:
    from scipy.stats import kstwo

    n, m = int(batch[:-1].sum()), int(reference[:-1].sum())
    return float(kstwo.sf(ks, max(1, round(n * m / (n + m)))))


def _chi_square(reference: Numbers, batch: Numbers) -> float:
    """Return the p-value of a chi-square test; groups too small for it are pooled."""
    from scipy.stats import chi2_contingency

    table = np.array([reference, batch])
    # By the reference alone: the choice of groups must not depend on the batch.
    expected = reference * min(1.0, batch.sum() / reference.sum())
    small = expected < LEAST_EXPECTED
    pooled = np.column_stack([table[:, ~small], table[:, small].sum(axis=1)])
    if expected[small].sum() < LEAST_EXPECTED and pooled.shape[1] > 1:
        pooled[:, -2] += pooled[:, -1]
        pooled = pooled[:, :-1]
    if pooled.shape[1] < 2 or not pooled.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(pooled, correction=False).pvalue)


def _excess_p_value(cases: tuple[int, int], batch: Counts, reference: Counts) -> float:
    """Return the p-value of more cases in the batch (Fisher's exact test, one-sided).

    Parameters
    ----------
    cases : (int, int)
        Of the batch, of the reference.
    batch, reference : ndarray of shape (n_codes,)
    """
    from scipy.stats import hypergeom

    of_batch, of_reference = cases
    n, m = int(batch.sum()), int(reference.sum())
    return float(hypergeom.sf(of_batch - 1, n + m, of_batch + of_reference, n))


def _share_p_value(cases: tuple[int, int], batch: Counts, reference: Counts) -> float:
    """Return the p-value of a different share of cases (Fisher's exact test, doubled tail)."""
    more = _excess_p_value(cases, batch, reference)
    fewer = _excess_p_value((cases[1], cases[0]), reference, batch)
    return min(1.0, 2 * min(more, fewer))


def _noise(reference: Numbers, batch: Numbers) -> float:
    """Return the distance that chance alone exceeds in one batch of this size in a hundred.

    Notes
    -----
    For small differences the divergence is chi-square / (8 ln 2) * (1/n + 1/m), in bits.
    """
    from scipy.stats import chi2

    freedom = max(1, int(((reference + batch) > 0).sum()) - 1)
    both = 1 / reference.sum() + 1 / batch.sum()
    return float(min(1.0, np.sqrt(chi2.ppf(0.99, freedom) * both / (8 * np.log(2)))))


def compare_scores(reference: Column | None, scores: ArrayLike) -> ColumnDrift | None:
    """Compare the scores of a batch with those on rows that the model was not fitted on.

    Parameters
    ----------
    reference : Column or None
        Distribution of the latter; None: not known.
    scores : array-like of shape (n_rows,)
        Fraud probabilities between 0 and 1.

    Returns
    -------
    ColumnDrift or None
        None without a reference.

    See Also
    --------
    compare_column : the same for a feature.
    """
    if reference is None:
        return None
    checked = as_array("scores", scores, "number")
    return compare_column(reference, reference.count(reference.encode(checked)))
