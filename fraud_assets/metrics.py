"""Metrics and costs of a fraud detector: functions on arrays.

Throughout, `labels` holds 0 (genuine) and 1 (fraud) and has shape (n_rows,), `scores` holds fraud
probabilities in [0, 1] of the same shape, and a row is an alert when its score is at or above the
decision threshold. Arrays, Series, lists and tuples are accepted, with rows matched by position;
`arrays.as_array` refuses what does not fit. Accuracy is omitted on purpose: with 0.17% frauds it is
misleading.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import Costs

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]
CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Confusion:
    """Counts of the four outcomes.

    Attributes
    ----------
    frauds_detected, frauds_missed, false_alarms, genuine_passed : int
        True positives, false negatives, false positives and true negatives.

    See Also
    --------
    confusion : counts the outcomes.
    """

    frauds_detected: int
    frauds_missed: int
    false_alarms: int
    genuine_passed: int

    @property
    def frauds(self) -> int:
        """All frauds."""
        return self.frauds_detected + self.frauds_missed

    @property
    def genuine(self) -> int:
        """All genuine transactions."""
        return self.false_alarms + self.genuine_passed

    @property
    def alerts(self) -> int:
        """All rows at or above the threshold."""
        return self.frauds_detected + self.false_alarms


def confusion(labels: ArrayLike, alerts: ArrayLike) -> Confusion:
    """Count the four outcomes.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        0 or 1.
    alerts : array-like of bool, shape (n_rows,)
        Which rows have a score at or above the threshold.

    Returns
    -------
    Confusion

    See Also
    --------
    class_figures : precision, recall and F1 from these counts.

    Examples
    --------
    >>> confusion(np.array([1, 1, 0, 0]), np.array([True, False, True, False]))
    Confusion(frauds_detected=1, frauds_missed=1, false_alarms=1, genuine_passed=1)
    """
    fraud = as_array("labels", labels, "label") == 1
    alerts = as_array("alerts", alerts, "flag", len(fraud))
    return Confusion(
        frauds_detected=int(np.sum(fraud & alerts)),
        frauds_missed=int(np.sum(fraud & ~alerts)),
        false_alarms=int(np.sum(~fraud & alerts)),
        genuine_passed=int(np.sum(~fraud & ~alerts)),
    )


def ratio(part: float, whole: float) -> float:
    """Return part / whole, or 0 when the whole is 0.

    Parameters
    ----------
    part, whole : float

    Returns
    -------
    float

    Examples
    --------
    >>> ratio(1, 4), ratio(0, 0)
    (0.25, 0.0)
    """
    return part / whole if whole else 0.0


def f_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0 when both are 0.

    Parameters
    ----------
    precision, recall : float
        Between 0 and 1.

    Returns
    -------
    float
        Between 0 and 1.

    Notes
    -----
    The F1 score: 2 * precision * recall / (precision + recall).

    Examples
    --------
    >>> f_score(0.5, 1.0), f_score(0.0, 0.0)
    (0.6666666666666666, 0.0)
    """
    return ratio(2 * precision * recall, precision + recall)


def class_figures(counts: Confusion) -> dict[str, float]:
    """Return precision, recall and F1 of the fraud class, and macro and weighted means.

    Parameters
    ----------
    counts : Confusion
        As from `confusion`.

    Returns
    -------
    dict of str to float
        By metric name, each in [0, 1].

    See Also
    --------
    ranking_figures : figures that need no threshold.

    Examples
    --------
    >>> figures = class_figures(Confusion(8, 2, 4, 986))
    >>> figures["test_fraud_recall"], round(figures["test_fraud_precision"], 3)
    (0.8, 0.667)
    """
    fraud_precision = ratio(counts.frauds_detected, counts.alerts)
    fraud_recall = ratio(counts.frauds_detected, counts.frauds)
    genuine_precision = ratio(counts.genuine_passed, counts.genuine_passed + counts.frauds_missed)
    genuine_recall = ratio(counts.genuine_passed, counts.genuine)
    figures = {
        "precision": (fraud_precision, genuine_precision),
        "recall": (fraud_recall, genuine_recall),
        "f1": (
            f_score(fraud_precision, fraud_recall),
            f_score(genuine_precision, genuine_recall),
        ),
    }
    fraud_share = ratio(counts.frauds, counts.frauds + counts.genuine)
    result = {}
    for name, (fraud, genuine) in figures.items():
        result[f"test_fraud_{name}"] = fraud
        result[f"test_macro_{name}"] = (fraud + genuine) / 2
        result[f"test_weighted_{name}"] = fraud * fraud_share + genuine * (1 - fraud_share)
    return result


def ranking_figures(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike
) -> tuple[float, float]:
    """Return average precision and area under the ROC curve of weighted rows.

    Parameters
    ----------
    labels, scores, weights : array-like of shape (n_rows,)
        Weights are non-negative; a bootstrap resample is a vector of counts.

    Returns
    -------
    average_precision, roc_auc : float
        Both in [0, 1]; NaN when a class has no weight.

    See Also
    --------
    class_figures : figures at one threshold.

    Notes
    -----
    Average precision is the step-wise sum of (R_n - R_{n-1}) P_n over distinct scores; the
    area is the Mann-Whitney statistic, ties counting one half. Both agree with
    `sklearn.metrics`, and one sort serves them.

    Examples
    --------
    >>> labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])
    >>> average_precision, roc_auc = ranking_figures(labels, scores, np.ones(4))
    >>> round(average_precision, 3), roc_auc
    (0.833, 0.75)
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "number", len(labels))
    weights = as_array("weights", weights, "weight", len(labels))
    order = np.argsort(-scores, kind="stable")
    return _ranking_of_sorted(labels[order], weights[order], _last_of_ties(scores[order]))


def _last_of_ties(sorted_scores: Floats) -> NDArray[np.intp]:
    return np.flatnonzero(np.append(np.diff(sorted_scores) != 0, True))


def _ranking_of_sorted(
    labels: Labels, weights: Floats, ends: NDArray[np.intp]
) -> tuple[float, float]:
    frauds = np.cumsum(weights * labels)[ends]
    genuine = np.cumsum(weights * (1 - labels))[ends]
    if frauds[-1] == 0 or genuine[-1] == 0:
        return float("nan"), float("nan")
    alerts = frauds + genuine
    precision = np.divide(frauds, alerts, out=np.zeros_like(alerts), where=alerts > 0)
    average_precision = np.sum(np.diff(frauds, prepend=0) * precision) / frauds[-1]
    frauds_before = frauds - np.diff(frauds, prepend=0) / 2
    roc_auc = np.sum(np.diff(genuine, prepend=0) * frauds_before) / (frauds[-1] * genuine[-1])
    return float(average_precision), float(roc_auc)


def share_interval(part: int, whole: int) -> tuple[float, float]:
    """Return the 95% Wilson interval of a share.

    Parameters
    ----------
    part, whole : int
        0 <= part <= whole.

    Returns
    -------
    low, high : float
        In [0, 1]; (0, 1) when the whole is 0.

    See Also
    --------
    bootstrap_intervals : intervals of figures that are not shares.

    Notes
    -----
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    Examples
    --------
    >>> low, high = share_interval(76, 99)
    >>> round(low, 2), round(high, 2)
    (0.68, 0.84)
    """
    from scipy.stats import binomtest

    if whole == 0:
        return 0.0, 1.0
    interval = binomtest(part, whole).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap_intervals(
    labels: ArrayLike,
    scores: ArrayLike,
    alerts: ArrayLike,
    savings: ArrayLike,
    resamples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95% percentile intervals of F1, average precision, ROC AUC and net savings.

    Parameters
    ----------
    labels, scores, alerts : array-like of shape (n_rows,)
        Labels (0 or 1), fraud probabilities, and which rows are alerts.
    savings : array-like of shape (n_rows,)
        As from `row_savings`, in money.
    resamples : int
        Number of resamples; frauds and genuine rows are resampled separately, so that each
        resample has as many frauds as the data.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    dict of str to (low, high)
        By metric name; money for `net_savings`, otherwise between 0 and 1.

    See Also
    --------
    share_interval : intervals of shares, without resampling.
    paired_differences : intervals of the difference between two models.

    Notes
    -----
    The percentile bootstrap: B. Efron, Bootstrap methods: another look at the jackknife, 1979.
    Resampling each class separately is called stratified.
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "number", len(labels))
    alerts = as_array("alerts", alerts, "flag", len(labels))
    savings = as_array("savings", savings, "number", len(labels))
    order = np.argsort(-scores, kind="stable")
    labels, alerts, savings = labels[order], alerts[order], savings[order]
    ends = _last_of_ties(scores[order])
    draws = np.empty((resamples, 4))
    for draw, weights in zip(draws, _resamples(labels, resamples, seed), strict=True):
        detected = np.sum(weights * labels * alerts)
        f1 = ratio(2 * detected, np.sum(weights * labels) + np.sum(weights * alerts))
        draw[:] = f1, *_ranking_of_sorted(labels, weights, ends), np.sum(weights * savings)
    low, high = np.quantile(draws, TAILS, axis=0)
    names = ("test_fraud_f1", "test_average_precision", "test_roc_auc", "net_savings")
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(names)}


def _resamples(labels: Labels, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each row was drawn; frauds and genuine rows are drawn separately."""
    classes = [np.flatnonzero(labels == value) for value in (0, 1)]
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        weights = np.zeros(len(labels))
        for rows in classes:
            drawn = generator.integers(0, max(len(rows), 1), len(rows))
            weights[rows] = np.bincount(drawn, minlength=len(rows))
        yield weights


@dataclass(frozen=True)
class Difference:
    """The difference of a metric between two models, on the same rows.

    Attributes
    ----------
    value : float
        The metric of the first model minus that of the second.
    draws : ndarray of shape (n_resamples,)
        The same on resamples of the rows.

    See Also
    --------
    paired_differences : computes it.
    """

    value: float
    draws: Floats

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return the percentile interval of the difference at a confidence level.

        Parameters
        ----------
        confidence : float, optional
            Coverage of the interval, between 0 and 1.

        Returns
        -------
        low, high : float
            In the unit of the metric.

        See Also
        --------
        is_negative : a test that needs fewer resamples.
        """
        low, high = np.quantile(self.draws, ((1 - confidence) / 2, (1 + confidence) / 2))
        return float(low), float(high)

    def is_negative(self, confidence: float) -> bool:
        """Tell whether the difference is significantly below zero.

        Parameters
        ----------
        confidence : float
            Of the normal interval, which needs fewer resamples than an extreme percentile.

        Returns
        -------
        bool

        See Also
        --------
        interval : the percentile interval of the difference.
        """
        from scipy.stats import norm

        reach = float(norm.ppf((1 + confidence) / 2))
        return bool(self.value + reach * float(np.std(self.draws)) < 0)


def paired_differences(
    labels: ArrayLike,
    scores: tuple[ArrayLike, ArrayLike],
    savings: tuple[ArrayLike, ArrayLike],
    resamples: int,
    seed: int,
) -> tuple[Difference, Difference]:
    """Return the differences between two models in average precision and net savings.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        0 or 1.
    scores, savings : pair of array-like of shape (n_rows,)
        Of the first and the second model; savings as from `row_savings`.
    resamples : int
        Number of resamples; both models are evaluated on the same ones.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    average_precision, net_savings : Difference

    See Also
    --------
    bootstrap_intervals : intervals of a single model.
    """
    fraud = as_array("labels", labels, "label")
    n_rows = len(fraud)
    ranked = [as_array("scores", values, "number", n_rows) for values in scores]
    saved = [as_array("savings", values, "number", n_rows) for values in savings]

    def sorted_by(values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        order = np.argsort(-values, kind="stable")
        return order, _last_of_ties(values[order])

    orders = [sorted_by(values) for values in ranked]

    def differences(weights: Floats) -> tuple[float, float]:
        first, second = (
            _ranking_of_sorted(fraud[order], weights[order], ends)[0] for order, ends in orders
        )
        return first - second, float(np.sum(weights * (saved[0] - saved[1])))

    draws = np.array([differences(weights) for weights in _resamples(fraud, resamples, seed)])
    values = differences(np.ones(n_rows))
    return Difference(values[0], draws[:, 0]), Difference(values[1], draws[:, 1])


def fraud_losses(amounts: ArrayLike | None, n_rows: int, costs: Costs) -> Floats:
    """Return the loss of each row if it were a missed fraud.

    Parameters
    ----------
    amounts : array-like of shape (n_rows,) or None
        The amount column, where the data has one.
    n_rows : int
        Number of rows; used where the loss does not depend on the amount.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    ndarray of shape (n_rows,)
        Money. A missing, infinite or negative amount counts as zero.

    See Also
    --------
    row_savings : what an alert on each row saves.

    Examples
    --------
    >>> fraud_losses(np.array([9.5, -1.0, np.nan]), 3, Costs()).tolist()
    [9.5, 0.0, 0.0]
    """
    if costs.missed_fraud is not None:
        return np.full(n_rows, costs.missed_fraud)
    if amounts is None:
        return np.full(n_rows, costs.missed_fraud_without_amount)
    known = as_array("amounts", amounts, "value", n_rows)
    losses: Floats = np.clip(np.where(np.isfinite(known), known, 0.0), 0, None)
    return losses


def row_savings(labels: ArrayLike, alerts: ArrayLike, losses: ArrayLike, costs: Costs) -> Floats:
    """Return the money that each row saves, compared with no detection.

    Parameters
    ----------
    labels, alerts, losses : array-like of shape (n_rows,)
        Labels (0 or 1), which rows are alerts, and the loss of each row as a missed fraud, in
        money.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    ndarray of shape (n_rows,)
        0 without an alert. With an alert, the loss of a fraud minus the review; for a genuine row,
        minus the review and the disturbed customer.

    See Also
    --------
    net_savings : the sum over all rows.
    """
    fraud = as_array("labels", labels, "label") == 1
    alerts = as_array("alerts", alerts, "flag", len(fraud))
    losses = as_array("losses", losses, "weight", len(fraud))
    of_alert = np.where(fraud, losses, -costs.false_alarm) - costs.review
    result: Floats = np.where(alerts, of_alert, 0.0)
    return result


def net_savings(labels: ArrayLike, alerts: ArrayLike, losses: ArrayLike, costs: Costs) -> float:
    """Return the money saved, compared with no detection.

    Parameters
    ----------
    labels, alerts, losses : array-like of shape (n_rows,)
        Labels (0 or 1), which rows are alerts, and the loss of each row as a missed fraud, in
        money.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    float
        Losses of the detected frauds, minus the cost of reviewing every alert and of disturbing
        the customer of every false alarm. Negative when alerts cost more than they save.

    See Also
    --------
    row_savings : the same row by row.
    return_on_investment : relative to the money spent.

    Examples
    --------
    >>> labels, alerts = np.array([1, 0, 0]), np.array([True, True, False])
    >>> net_savings(labels, alerts, np.full(3, 100.0), Costs(review=2, false_alarm=5))
    91.0
    """
    return float(row_savings(labels, alerts, losses, costs).sum())


def return_on_investment(
    labels: ArrayLike, alerts: ArrayLike, losses: ArrayLike, costs: Costs
) -> float:
    """Return the net savings per unit of money spent on alerts; 0 without alerts.

    Parameters
    ----------
    labels, alerts, losses : array-like of shape (n_rows,)
        Labels (0 or 1), which rows are alerts, and the loss of each row as a missed fraud, in
        money.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    float
        Net savings divided by the cost of reviews and false alarms.

    See Also
    --------
    net_savings : the money itself.

    Examples
    --------
    >>> labels, alerts = np.array([1, 0, 0]), np.array([True, True, False])
    >>> costs = Costs(review=2, false_alarm=5)
    >>> round(return_on_investment(labels, alerts, np.full(3, 100.0), costs), 2)
    10.11
    """
    counts = confusion(labels, alerts)
    spent = costs.review * counts.alerts + costs.false_alarm * counts.false_alarms
    return ratio(net_savings(labels, alerts, losses, costs), spent)


def threshold_curve(
    labels: ArrayLike, scores: ArrayLike, losses: ArrayLike, costs: Costs
) -> dict[str, Floats]:
    """Return precision, recall, F1 and cost for every distinct score as the threshold.

    Parameters
    ----------
    labels, scores, losses : array-like of shape (n_rows,)
        Labels (0 or 1), fraud probabilities, and the loss of each row as a missed fraud, in money.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Returns
    -------
    dict of str to ndarray of shape (n_distinct_scores,)
        `threshold` in descending order, `alerts`, `precision`, `recall`, `f1` and `cost`: the
        losses of missed frauds, the reviews and the false alarms, in money.

    See Also
    --------
    fraud_assets.training.threshold.choose_threshold : chooses one of these thresholds.

    Examples
    --------
    >>> labels, scores = np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])
    >>> curve = threshold_curve(labels, scores, np.full(3, 100.0), Costs())
    >>> curve["threshold"].tolist(), curve["recall"].tolist()
    ([0.9, 0.8, 0.7], [0.5, 0.5, 1.0])
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "number", len(labels))
    losses = as_array("losses", losses, "weight", len(labels))
    order = np.argsort(-scores, kind="stable")
    ends = _last_of_ties(scores[order])
    fraud = (labels[order] == 1).astype(float)
    detected = np.cumsum(fraud)[ends]
    alerts = (ends + 1).astype(float)
    saved = np.cumsum(fraud * losses[order])[ends]
    total_loss = float((losses[order] * fraud).sum())
    n_frauds = fraud.sum()
    return {
        "threshold": scores[order][ends].astype(float),
        "alerts": alerts,
        "precision": detected / alerts,
        "recall": detected / n_frauds if n_frauds else np.zeros_like(detected),
        "f1": 2 * detected / (alerts + n_frauds),
        "cost": total_loss
        - saved
        + costs.review * alerts
        + costs.false_alarm * (alerts - detected),
    }
