"""Prevalence of frauds, and expected and realized performance of the champion's alerts."""

import numpy as np
import pandas as pd

from fraud_assets.arrays import as_array
from fraud_assets.metrics import CONFIDENCE, ratio, share_interval
from fraud_assets.records.drift import ExpectedPerformance, PrevalenceChange, RealizedPerformance


def prevalence_change(
    frauds: int, rows: int, reference_frauds: int, reference_rows: int
) -> PrevalenceChange:
    """Compare the share of frauds with that of the reference.

    Parameters
    ----------
    frauds, rows : int
        Of the batch.
    reference_frauds, reference_rows : int
        Of the reference.

    Returns
    -------
    PrevalenceChange

    See Also
    --------
    realized_performance : precision and recall by the labels.

    Notes
    -----
    Given the sum of both, the batch's count of a rare event is binomial; its Clopper-Pearson
    interval (1934) gives that of the ratio (J. Przyborowski and H. Wilenski, 1940).

    Examples
    --------
    >>> change = prevalence_change(60, 2_000, 200, 20_000)
    >>> round(change.ratio, 6), change.changed
    (3.0, True)
    """
    from scipy.stats import binomtest

    share, before = ratio(frauds, rows), ratio(reference_frauds, reference_rows)
    low, high, p_value = 0.0, None, 1.0
    if frauds + reference_frauds and rows and reference_rows:
        test = binomtest(frauds, frauds + reference_frauds, rows / (rows + reference_rows))
        p_value, interval = float(test.pvalue), test.proportion_ci(CONFIDENCE, method="exact")
        sizes = reference_rows / rows
        low = float(interval.low / (1 - interval.low) * sizes)
        high = float(interval.high / (1 - interval.high) * sizes) if interval.high < 1 else None
    return PrevalenceChange(
        reference=before,
        batch=share,
        ratio=share / before if before else None,
        interval=(low, high),
        p_value=p_value,
        changed=low > 1 or (high is not None and high < 1),
    )


def expected_performance(scored: pd.DataFrame, threshold: float) -> ExpectedPerformance:
    """Estimate precision and recall from calibrated scores alone.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        With `score`: the fraud probability of each row.
    threshold : float
        Score from which a row is an alert.

    Returns
    -------
    ExpectedPerformance
        Number of alerts, and precision and recall between 0 and 1.

    See Also
    --------
    realized_performance : measured by the labels.

    Notes
    -----
    The sum of the probabilities is the expected number of frauds, and the share of this sum above
    the threshold is the expected recall (confidence-based performance estimation).

    Examples
    --------
    >>> import pandas as pd
    >>> expected = expected_performance(pd.DataFrame({"score": [0.9, 0.7, 0.4]}), threshold=0.5)
    >>> expected.alerts, expected.precision, expected.recall
    (2, 0.8, 0.8)
    """
    scores = as_array("score", scored["score"], "probability")
    above = scores[scores >= threshold]
    return ExpectedPerformance(
        alerts=len(above),
        frauds=float(scores.sum()),
        precision=ratio(float(above.sum()), len(above)),
        recall=ratio(float(above.sum()), float(scores.sum())),
    )


def realized_performance(
    scored: pd.DataFrame, threshold: float, now_us: int | None
) -> RealizedPerformance:
    """Return precision and recall on the rows whose label is known by now.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        With `score`, `label` and `label_known_us` (in microseconds; null where the data has no
        timestamps, which counts as known).
    threshold : float
        Score from which a row is an alert, between 0 and 1.
    now_us : int or None
        The current time in the data's own clock, in microseconds, as from `newest_time`; None:
        all labels are known.

    Returns
    -------
    RealizedPerformance
        Precision and recall are between 0 and 1.

    See Also
    --------
    expected_performance : estimated without labels.
    """
    known_us = as_array("label_known_us", scored["label_known_us"], "value")
    known = np.isnan(known_us) | (now_us is None)
    if now_us is not None:
        known |= known_us <= now_us
    rows = scored[known]
    alerts = as_array("score", rows["score"], "probability") >= threshold
    frauds = as_array("label", rows["label"], "label") == 1
    caught = int((alerts & frauds).sum())

    def share(whole: int) -> float | None:
        return caught / whole if whole else None

    return RealizedPerformance(
        labels_known=ratio(len(rows), len(scored)),
        precision=share(int(alerts.sum())),
        precision_interval=share_interval(caught, int(alerts.sum())),
        recall=share(int(frauds.sum())),
        recall_interval=share_interval(caught, int(frauds.sum())),
        expected=expected_performance(rows, threshold),
    )


def newest_time(scored: pd.DataFrame) -> int | None:
    """Return the newest timestamp of a batch.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        With `known_us`, in microseconds; null where the data has no timestamps.

    Returns
    -------
    int or None
        In microseconds; None when no row has a timestamp.

    See Also
    --------
    realized_performance : takes it as the current time.
    """
    known = as_array("known_us", scored["known_us"], "value")
    return None if np.isnan(known).all() else int(np.nanmax(known))
