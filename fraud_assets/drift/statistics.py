"""How far one column has moved: distances over the reference's groups, and tests for chance."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.drift.encoding import Column, Counts

Numbers = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""Expected count below which a group is pooled before the chi-square test."""


@dataclass(frozen=True)
class Moved:
    """How far a column has moved, and whether chance would do that.

    Attributes
    ----------
    distance : float
        Jensen-Shannon distance, base 2, in [0, 1].
    psi : float
        Population stability index, in nats, not negative.
    ks : float or None
        Kolmogorov-Smirnov statistic over the reference's quantiles, in [0, 1]; None for
        categories.
    missing_change : float
        Share of missing values, batch minus reference, in [-1, 1].
    outside : float
        Share of the batch out of the reference's range or in categories it never had, in [0, 1].
    p_value : float
        Of the null hypothesis that both sides are alike; the smallest of the column's tests,
        corrected for their number.
    noise : float
        Distance that chance alone passes in one batch of a hundred.
    """

    distance: float
    psi: float
    ks: float | None
    missing_change: float
    outside: float
    p_value: float
    noise: float


def compare_column(column: Column, batch: Counts) -> Moved:
    """Compare the reference's counts of a column with those of a batch.

    Parameters
    ----------
    column : Column
    batch : ndarray of shape (n_codes,)
        As from `Column.count`.

    Returns
    -------
    Moved
        Nothing moved when one of the sides has no value that counts.
    """
    reference = np.array(column.counts, dtype=np.int64)
    if not reference.sum() or not batch.sum():
        return Moved(0.0, 0.0, None, 0.0, 0.0, 1.0, 1.0)
    grouped = _grouped(column, reference), _grouped(column, batch)
    ks = _ks(reference, batch) if column.kind == "number" else None
    outside = [(int(batch[code]), int(reference[code])) for code in column.outside]
    missing = int(batch[-1]), int(reference[-1])
    # What neither side has cannot differ: such a test would only make the others weaker.
    tests = [
        _chi_square(*grouped),
        *(_more(found, batch, reference) for found in outside if any(found)),
        *([_other_share(missing, batch, reference)] if any(missing) else []),
        *([] if ks is None else [_ks_chance(ks, reference, batch)]),
    ]
    return Moved(
        distance=_distance(*grouped),
        psi=population_stability_index(*grouped),
        ks=ks,
        missing_change=float(batch[-1] / batch.sum() - reference[-1] / reference.sum()),
        outside=sum(found for found, _ in outside) / int(batch.sum()),
        p_value=min(1.0, len(tests) * min(tests)),
        noise=_noise(*grouped),
    )


def _grouped(column: Column, counts: Counts) -> Numbers:
    return np.bincount(column.groups(), weights=counts).astype(float)


def _distance(reference: Numbers, batch: Numbers) -> float:
    """Return the Jensen-Shannon distance, base 2, of two rows of counts.

    Notes
    -----
    J. Lin, Divergence measures based on the Shannon entropy, 1991.
    """
    from scipy.spatial.distance import jensenshannon

    return float(np.nan_to_num(jensenshannon(reference, batch, base=2)))


def population_stability_index(reference: Numbers, batch: Numbers) -> float:
    """Return the population stability index of two rows of counts, in nats.

    Half a count is added to each group, so that an empty one does not make it infinite.

    Parameters
    ----------
    reference, batch : ndarray of shape (n_groups,)

    Notes
    -----
    N. Siddiqi, Credit risk scorecards, 2006: the sum of (q - p) ln(q / p).
    """
    used = (reference + batch) > 0
    p, q = (counts[used] + 0.5 for counts in (reference, batch))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def _ks(reference: Counts, batch: Counts) -> float | None:
    """Return the largest difference of the cumulated shares of present values."""
    present = reference[:-1].sum(), batch[:-1].sum()
    if not all(present):
        return None
    steps = np.cumsum(reference[:-1]) / present[0] - np.cumsum(batch[:-1]) / present[1]
    return float(np.abs(steps).max())


def _ks_chance(ks: float, reference: Counts, batch: Counts) -> float:
    from scipy.stats import kstwo

    n, m = int(batch[:-1].sum()), int(reference[:-1].sum())
    return float(kstwo.sf(ks, max(1, round(n * m / (n + m)))))


def _chi_square(reference: Numbers, batch: Numbers) -> float:
    """Return the p-value of a chi-square test on groups that are large enough for it."""
    from scipy.stats import chi2_contingency

    table = np.array([reference, batch])
    # By the reference alone: which groups count must not depend on what the batch has in them.
    expected = reference * min(1.0, batch.sum() / reference.sum())
    small = expected < LEAST_EXPECTED
    pooled = np.column_stack([table[:, ~small], table[:, small].sum(axis=1)])
    if expected[small].sum() < LEAST_EXPECTED and pooled.shape[1] > 1:
        pooled[:, -2] += pooled[:, -1]
        pooled = pooled[:, :-1]
    if pooled.shape[1] < 2 or not pooled.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(pooled, correction=False).pvalue)


def _more(found: tuple[int, int], batch: Counts, reference: Counts) -> float:
    """Return the chance of so many of all cases in the batch (Fisher's exact test, one-sided)."""
    from scipy.stats import hypergeom

    of_batch, of_reference = found
    n, m = int(batch.sum()), int(reference.sum())
    return float(hypergeom.sf(of_batch - 1, n + m, of_batch + of_reference, n))


def _other_share(found: tuple[int, int], batch: Counts, reference: Counts) -> float:
    """Return the chance of so different a share, either way."""
    fewer = found[1], found[0]
    return min(1.0, 2 * min(_more(found, batch, reference), _more(fewer, reference, batch)))


def _noise(reference: Numbers, batch: Numbers) -> float:
    """Return the distance that chance passes in one of a hundred batches of this size.

    Notes
    -----
    For small differences the divergence is chi-square / (8 ln 2) * (1/n + 1/m), in bits.
    """
    from scipy.stats import chi2

    freedom = max(1, int(((reference + batch) > 0).sum()) - 1)
    both = 1 / reference.sum() + 1 / batch.sum()
    return float(min(1.0, np.sqrt(chi2.ppf(0.99, freedom) * both / (8 * np.log(2)))))


def compare_scores(reference: Column | None, scores: pd.Series) -> dict[str, Any] | None:
    """Compare the scores of a batch with those that the model gave to rows it was not fitted on.

    Parameters
    ----------
    reference : Column or None
        None: nothing is known of them.
    scores : Series of shape (n_rows,)

    Returns
    -------
    dict or None
        All of `Moved`.
    """
    if reference is None:
        return None
    return asdict(compare_column(reference, reference.count(reference.encode(scores))))
