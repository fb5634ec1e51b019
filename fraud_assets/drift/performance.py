"""Scores and labels: prevalence, and how good the champion's alerts are likely to be."""

from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.metrics import CONFIDENCE, ratio, share_interval


def prevalence_change(
    frauds: int, rows: int, reference_frauds: int, reference_rows: int
) -> dict[str, Any]:
    """Compare the share of frauds with that of the reference.

    Parameters
    ----------
    frauds, rows : int
        Of the batch.
    reference_frauds, reference_rows : int

    Returns
    -------
    dict
        `reference` and `batch` (shares), `ratio` (batch over reference; None without a fraud in
        the reference), `interval` (95%, exact; the upper end is None where it has no bound), and
        `p_value` of an unchanged share, and `changed`: whether 1 lies outside the interval.

    Notes
    -----
    Given the sum of both, the batch's count of a rare event is binomial; its Clopper-Pearson
    interval (1934) gives the one of the ratio (J. Przyborowski and H. Wilenski, 1940).
    """
    from scipy.stats import binomtest

    share, before = ratio(frauds, rows), ratio(reference_frauds, reference_rows)
    low, high, p_value = 0.0, None, 1.0
    if frauds + reference_frauds and rows and reference_rows:
        test = binomtest(frauds, frauds + reference_frauds, rows / (rows + reference_rows))
        p_value, found = float(test.pvalue), test.proportion_ci(CONFIDENCE, method="exact")
        sizes = reference_rows / rows
        low = float(found.low / (1 - found.low) * sizes)
        high = float(found.high / (1 - found.high) * sizes) if found.high < 1 else None
    return {
        "reference": before,
        "batch": share,
        "ratio": share / before if before else None,
        "interval": [low, high],
        "p_value": p_value,
        "changed": low > 1 or (high is not None and high < 1),
    }


def expected_performance(scored: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """Return what precision and recall are to be expected, from calibrated scores alone.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        With `score`: the fraud probability of each row.
    threshold : float
        Score from which a row is an alert.

    Returns
    -------
    dict
        `alerts`; `frauds`, `precision` and `recall` as expected.

    Notes
    -----
    The sum of the probabilities is the expected number of frauds; the share of it above the
    threshold the expected recall (confidence-based performance estimation).
    """
    scores = scored["score"].to_numpy()
    above = scores[scores >= threshold]
    return {
        "alerts": len(above),
        "frauds": float(scores.sum()),
        "precision": ratio(float(above.sum()), len(above)),
        "recall": ratio(float(above.sum()), float(scores.sum())),
    }


def came_true(scored: pd.DataFrame, threshold: float, now_us: int | None) -> dict[str, Any]:
    """Return precision and recall of the rows whose label is known by now.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        With `score`, `label` and `label_known_us` (null where the data has no times: known).
    threshold : float
    now_us : int or None
        The moment, in the data's own clock; None: all labels are known.

    Returns
    -------
    dict
        `labels_known` (share), `precision` and `recall`, their 95% intervals
        (`precision_interval`, `recall_interval`), and `expected`: as from `expected_performance`
        for the same rows. Figures without a row to stand on are None.
    """
    known = scored["label_known_us"].isna() | (now_us is None)
    if now_us is not None:
        known |= scored["label_known_us"] <= now_us
    rows = scored[known]
    alerts, frauds = rows["score"] >= threshold, rows["label"] == 1
    caught = int((alerts & frauds).sum())

    def share(whole: int) -> float | None:
        return caught / whole if whole else None

    return {
        "labels_known": ratio(len(rows), len(scored)),
        "precision": share(int(alerts.sum())),
        "precision_interval": list(share_interval(caught, int(alerts.sum()))),
        "recall": share(int(frauds.sum())),
        "recall_interval": list(share_interval(caught, int(frauds.sum()))),
        "expected": expected_performance(rows, threshold),
    }


def clock(scored: pd.DataFrame) -> int | None:
    """Return the newest moment of a batch, None when it has no times."""
    known = scored["known_us"]
    return None if known.isna().all() else int(np.nanmax(known.to_numpy(dtype=float)))
