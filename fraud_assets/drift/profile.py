"""The reference profile: the champion's training data in a few numbers by feature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.config import MIN_PROFILE_ROWS, PROFILE_BINS


def make_profile(
    rows: pd.DataFrame, features: Sequence[str], warm_up_days: Mapping[str, float]
) -> dict[str, Any]:
    """Summarize the rows that a model was trained on.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Features, and `days_known_`: the days of history before each row.
    features : sequence of str
    warm_up_days : mapping of str to float
        Days of history that a feature needs. Rows with less do not count for it: a window
        that fills up looks like drift and is none.

    Returns
    -------
    dict
        `rows`, and by feature `edges` (quantiles; the outer bins are open) and `counts`:
        one by bin, the missing values last. A feature of few values has fewer bins; one of
        too few settled rows has neither.
    """
    profile = {}
    for name in features:
        values = settled_values(rows, name, warm_up_days)
        present = values[~np.isnan(values)]
        quantiles = np.linspace(0, 1, PROFILE_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(present, quantiles)) if len(present) else np.array([])
        enough = len(values) >= MIN_PROFILE_ROWS or name not in warm_up_days
        profile[name] = {
            "edges": edges.tolist() if enough else [],
            "counts": bin_counts(values, edges).tolist() if enough else [],
        }
    return {"rows": len(rows), "features": profile}


def settled_values(
    rows: pd.DataFrame, feature: str, warm_up_days: Mapping[str, float]
) -> np.ndarray:
    """Return a feature's values at the rows with enough history for it."""
    values = rows[feature].to_numpy(dtype=float)
    if feature not in warm_up_days:
        return values
    settled: np.ndarray = values[rows["days_known_"].to_numpy() >= warm_up_days[feature]]
    return settled


def bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count values by bin, missing ones in a last bin.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
    edges : ndarray of shape (n_edges,)
        Ascending. Bin i holds `edges[i-1] < value <= edges[i]`; the first and the last bin
        are open.

    Returns
    -------
    ndarray of shape (n_edges + 2,)
    """
    missing = np.isnan(values)
    bins = np.searchsorted(edges, values[~missing], side="left")
    return np.append(np.bincount(bins, minlength=len(edges) + 1), missing.sum())
