"""Drift by segment of the data: amounts, hours, and each column of categories."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.drift.encoding import Column
from fraud_assets.drift.profile import HOUR, NO_HOUR
from fraud_assets.metrics import ranking_figures
from fraud_assets.records.drift import SegmentDrift

REFERENCE_BANDS = 4
LARGEST_CATEGORIES = 10
MIN_ROWS = 50
"""Rows of reference and batch each, below which a part has no drift score of its own."""
BUILT_IN = ("amount_band", "hour")


def label_segments(
    sample: pd.DataFrame, columns: Sequence[Column], amount: str | None, segments: Sequence[str]
) -> dict[str, NDArray[np.object_]]:
    """Label each row of a sample with its part of each segment.

    Parameters
    ----------
    sample : DataFrame of shape (n_rows, n_columns)
        As of a profile.
    columns : sequence of Column
        Columns of the reference profile, with their cuts or categories.
    amount : str or None
        The column of amounts.
    segments : sequence of {"amount_band", "hour"}
        In addition to each column of categories.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        Labels by segment, without the segments that the data cannot give.

    Raises
    ------
    ValueError
        When a segment has another name.

    See Also
    --------
    drifted_segments : compares the parts.
    """
    unknown = sorted(set(segments) - set(BUILT_IN))
    if unknown:
        raise ValueError(
            f"segments: unknown: {', '.join(unknown)}; choose from {', '.join(BUILT_IN)}. Columns "
            "of categories are always included"
        )
    labels = {}
    for column in columns:
        codes = sample[column.name].to_numpy()
        if column.kind == "category":
            labels[column.name] = _categories(codes, column)
        elif column.name == amount and column.cuts and "amount_band" in segments:
            labels["amount_band"] = _reference_bands(codes, column)
    hours = sample[HOUR].to_numpy()
    if "hour" in segments and (hours != NO_HOUR).any():
        names = [f"{hour:02d}" if hour != NO_HOUR else "missing" for hour in hours]
        labels["hour"] = np.array(names, dtype=object)
    return labels


def _categories(codes: NDArray[np.uint8], column: Column) -> NDArray[np.object_]:
    names = [*column.categories[:LARGEST_CATEGORIES], "other"]
    labels = np.array([*names, "missing"], dtype=object)
    indices = np.minimum(codes, len(names) - 1)
    chosen: NDArray[np.object_] = labels[np.where(codes >= column.missing, len(names), indices)]
    return chosen


def _reference_bands(codes: NDArray[np.uint8], column: Column) -> NDArray[np.object_]:
    """Label amounts by the quartiles of the reference, approximately.

    Not the bands of the evaluation, which are the exact quartiles of the test rows: drift compares
    two batches by the same bounds, of which the profile has a sketch only.
    """
    counts = np.array(column.counts[:-1], dtype=float)
    cumulative = np.cumsum(counts) / max(counts.sum(), 1)
    quartiles = np.arange(1, REFERENCE_BANDS) / REFERENCE_BANDS
    edges = np.searchsorted(cumulative, quartiles) + 1
    ends = [column.cuts[min(edge, len(column.cuts) - 1) - 1] for edge in edges]
    names = [f"under {ends[0]:,.2f}"]
    names += [f"{low:,.2f} to {high:,.2f}" for low, high in pairwise(ends)]
    labels = np.array([*names, f"from {ends[-1]:,.2f}", "missing"], dtype=object)
    bands = np.searchsorted(edges, codes, side="right")
    chosen: NDArray[np.object_] = labels[np.where(codes >= column.missing, REFERENCE_BANDS, bands)]
    return chosen


def drifted_segments(
    labels: Mapping[str, ArrayLike],
    is_batch: ArrayLike,
    probabilities: ArrayLike,
    significance: float,
) -> list[SegmentDrift]:
    """Rank the parts of the segments that drifted.

    Parameters
    ----------
    labels : mapping of str to array-like of shape (n_rows,)
        As from `label_segments`.
    is_batch : array-like of shape (n_rows,)
        1 for rows of the batch, 0 for those of the reference.
    probabilities : array-like of shape (n_rows,)
        As of `classifier.TwoSampleTest`.
    significance : float
        Largest p-value, corrected over the parts after Benjamini and Hochberg (1995), of a part
        that is listed.

    Returns
    -------
    list of SegmentDrift
        Largest drift first: the larger of the change in share and the drift score.

    See Also
    --------
    label_segments : divides the rows into parts.

    Examples
    --------
    >>> import numpy as np
    >>> is_batch = np.repeat([0, 1], 200)
    >>> hours = np.where((np.arange(400) % 10) < 2 + 6 * is_batch, "night", "day").astype(object)
    >>> drifts = drifted_segments({"hour": hours}, is_batch, np.full(400, 0.5), 0.01)
    >>> [(drift.part, drift.share_reference, drift.share_batch) for drift in drifts]
    [('day', 0.8, 0.2), ('night', 0.2, 0.8)]
    """
    from scipy.stats import false_discovery_control

    is_batch = as_array("is_batch", is_batch, "label")
    probabilities = as_array("probabilities", probabilities, "probability", len(is_batch))
    parts = {
        segment: as_array("labels", of_row, "text", len(is_batch))
        for segment, of_row in labels.items()
    }
    drifts = [
        _part_drift(segment, str(part), of_row == part, is_batch, probabilities)
        for segment, of_row in parts.items()
        for part in sorted(set(of_row), key=str)
    ]
    if not drifts:
        return []
    corrected = false_discovery_control([drift.p_value for drift in drifts])
    significant = [
        drift.model_copy(update={"p_value": float(p_value)})
        for drift, p_value in zip(drifts, corrected, strict=True)
        if p_value <= significance
    ]
    return sorted(significant, key=lambda drift: (-_size(drift), drift.segment, drift.part))


def _size(drift: SegmentDrift) -> float:
    return max(abs(drift.share_batch - drift.share_reference), drift.drift_score or 0.0)


def _part_drift(
    segment: str,
    part: str,
    inside: NDArray[np.bool_],
    is_batch: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> SegmentDrift:
    from scipy.stats import fisher_exact, norm

    m, n = np.bincount(is_batch, minlength=2)
    of_reference, of_batch = np.bincount(is_batch[inside], minlength=2)
    table = np.array([[of_batch, n - of_batch], [of_reference, m - of_reference]])
    p_values, score = [float(fisher_exact(table)[1])], None
    if min(of_reference, of_batch) >= MIN_ROWS:
        labels = is_batch[inside]
        _, area = ranking_figures(labels, probabilities[inside], np.ones(len(labels)))
        error = np.sqrt((len(labels) + 1) / (12 * of_reference * of_batch))
        p_values.append(float(norm.sf((area - 0.5) / error)))
        score = max(0.0, 2 * area - 1)
    return SegmentDrift(
        segment=segment,
        part=part,
        share_reference=float(of_reference / m),
        share_batch=float(of_batch / n),
        drift_score=score,
        p_value=min(1.0, len(p_values) * min(p_values)),
    )
