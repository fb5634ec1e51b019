"""Where a batch has moved: the parts of the data, ranked."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.drift.encoding import Column
from fraud_assets.drift.profile import HOUR, NO_HOUR
from fraud_assets.metrics import ranking_figures

BANDS = 4
LARGEST = 10
FEWEST = 50
"""Rows of each side below which a part's own drift is not measured."""
BUILT_IN = ("amount_band", "hour")


def parts_of(
    sample: pd.DataFrame, columns: Sequence[Column], amount: str | None, segments: Sequence[str]
) -> dict[str, NDArray[np.object_]]:
    """Say for each segment to which part of it each row of a sample belongs.

    Parameters
    ----------
    sample : DataFrame of shape (n_rows, n_columns)
        As of a profile.
    columns : sequence of Column
    amount : str or None
        The column of amounts.
    segments : sequence of {"amount_band", "hour"}
        Beside each column of categories.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        When a segment has another name.
    """
    unknown = sorted(set(segments) - set(BUILT_IN))
    if unknown:
        raise ValueError(
            f"segments: {', '.join(unknown)} is not one; choose of {', '.join(BUILT_IN)}. Columns "
            "of categories are looked at anyway"
        )
    found = {}
    for column in columns:
        codes = sample[column.name].to_numpy()
        if column.kind == "category":
            names = [*column.categories[:LARGEST], "other"]
            labels = np.array([*names, "missing"], dtype=object)
            places = np.minimum(codes, len(names) - 1)
            found[column.name] = labels[np.where(codes >= column.missing, len(names), places)]
        elif column.name == amount and column.cuts and "amount_band" in segments:
            found["amount_band"] = _bands(codes, column)
    hours = sample[HOUR].to_numpy()
    if "hour" in segments and (hours != NO_HOUR).any():
        found["hour"] = np.array([f"{h:02d}" if h != NO_HOUR else "missing" for h in hours], object)
    return found


def _bands(codes: NDArray[np.uint8], column: Column) -> NDArray[np.object_]:
    """Cut the amounts at the quartiles of the reference."""
    counts = np.array(column.counts[:-1], dtype=float)
    place = np.cumsum(counts) / max(counts.sum(), 1)
    edges = np.searchsorted(place, np.arange(1, BANDS) / BANDS) + 1
    ends = [column.cuts[min(edge, len(column.cuts) - 1) - 1] for edge in edges]
    names = [f"under {ends[0]:,.2f}"]
    names += [f"{low:,.2f} to {high:,.2f}" for low, high in pairwise(ends)]
    labels = np.array([*names, f"from {ends[-1]:,.2f}", "missing"], dtype=object)
    bands = np.searchsorted(edges, codes, side="right")
    chosen: NDArray[np.object_] = labels[np.where(codes >= column.missing, BANDS, bands)]
    return chosen


def moved_segments(
    parts: dict[str, NDArray[np.object_]],
    is_batch: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    significance: float,
) -> list[dict[str, Any]]:
    """Rank the parts of the data by how far they have moved.

    Parameters
    ----------
    parts : dict of str to ndarray of shape (n_rows,)
        As from `parts_of`.
    is_batch : ndarray of shape (n_rows,)
    probabilities : ndarray of shape (n_rows,)
        As of `classifier.ToldApart`.
    significance : float
        Largest p-value, corrected over the parts after Benjamini and Hochberg (1995), of a part
        that is named.

    Returns
    -------
    list of dict
        `segment`, `part`, `share_reference`, `share_batch`, `drift_score` (max(0, 2 AUC - 1) of
        the part's rows; None when they are few), `p_value`; the farthest first, by the larger of
        the change in share and the drift score.
    """
    from scipy.stats import false_discovery_control

    found = [
        _part(segment, str(part), labels == part, is_batch, probabilities)
        for segment, labels in parts.items()
        for part in sorted(set(labels), key=str)
    ]
    if not found:
        return []
    corrected = false_discovery_control([part["p_value"] for part in found])
    for part, p_value in zip(found, corrected, strict=True):
        part["p_value"] = float(p_value)
    named = [part for part in found if part["p_value"] <= significance]
    return sorted(named, key=lambda part: (-_moved(part), part["segment"], part["part"]))


def _moved(part: dict[str, Any]) -> float:
    change = abs(part["share_batch"] - part["share_reference"])
    return float(max(change, part["drift_score"] or 0.0))


def _part(
    segment: str,
    part: str,
    inside: NDArray[np.bool_],
    is_batch: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> dict[str, Any]:
    from scipy.stats import fisher_exact, norm

    m, n = np.bincount(is_batch, minlength=2)
    of_reference, of_batch = np.bincount(is_batch[inside], minlength=2)
    table = np.array([[of_batch, n - of_batch], [of_reference, m - of_reference]])
    chances, score = [float(fisher_exact(table)[1])], None
    if min(of_reference, of_batch) >= FEWEST:
        labels = is_batch[inside]
        _, area = ranking_figures(labels, probabilities[inside], np.ones(len(labels)))
        error = np.sqrt((len(labels) + 1) / (12 * of_reference * of_batch))
        chances.append(float(norm.sf((area - 0.5) / error)))
        score = max(0.0, 2 * area - 1)
    return {
        "segment": segment,
        "part": part,
        "share_reference": float(of_reference / m),
        "share_batch": float(of_batch / n),
        "drift_score": score,
        "p_value": min(1.0, len(chances) * min(chances)),
    }
