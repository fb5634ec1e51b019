"""The reference profile: the champion's training data in a few numbers by feature."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.config import PROFILE_BINS


def make_profile(rows: pd.DataFrame, features: Sequence[str]) -> dict[str, Any]:
    """Summarize the rows that a model was trained on.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
    features : sequence of str

    Returns
    -------
    dict
        `rows`, and by feature `edges` (quantiles; the outer bins are open) and `counts`:
        one by bin, the missing values last. A feature of few values has fewer bins.
    """
    profile = {}
    for name in features:
        values = rows[name].to_numpy(dtype=float)
        present = values[~np.isnan(values)]
        quantiles = np.linspace(0, 1, PROFILE_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(present, quantiles)) if len(present) else np.array([])
        profile[name] = {
            "edges": edges.tolist(),
            "counts": bin_counts(values, edges).tolist(),
        }
    return {"rows": len(rows), "features": profile}


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


def profiled_features(profile: Mapping[str, Any]) -> list[str]:
    """Return the features that a profile describes."""
    return list(profile["features"])
