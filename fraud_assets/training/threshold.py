"""Chooses the decision threshold on the validation rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import ThresholdRule, ThresholdSettings
from fraud_assets.metrics import Floats, threshold_curve
from fraud_assets.records.models import ThresholdPoint

NEIGHBOURS = (0.5, 0.8, 1.0, 1.25, 2.0)
"""Alerts of the neighbouring thresholds, as shares of those of the chosen one."""


@dataclass(frozen=True)
class ThresholdChoice:
    """The chosen threshold, and what neighbouring ones would give.

    Attributes
    ----------
    threshold : float
        In (0, 1]: halfway between the lowest score of an alert and the next lower score, so that
        rows similar to the borderline ones fall on the same side.
    neighbours : list of ThresholdPoint
        Fewest alerts first; one of them is the chosen threshold.

    See Also
    --------
    choose_threshold : makes the choice.
    """

    threshold: float
    neighbours: list[ThresholdPoint]


def choose_threshold(
    labels: ArrayLike,
    scores: ArrayLike,
    losses: ArrayLike,
    settings: ThresholdSettings,
    days: float | None = None,
) -> ThresholdChoice:
    """Return the threshold that the rule chooses on these rows.

    Parameters
    ----------
    labels, scores, losses : array-like of shape (n_rows,)
        Of the validation rows: 0 or 1, between 0 and 1, and what each row would cost as a missed
        fraud. Rows are matched by position.
    settings : ThresholdSettings
        `max_f1` maximizes the F1 score of the fraud class, `min_cost` minimizes the cost;
        `min_recall` is the highest threshold that reaches the target, `max_alerts` the lowest
        that stays within the alerts per day.
    days : float, optional
        Days of transactions that these rows stand for; needed by `max_alerts`.

    Returns
    -------
    ThresholdChoice

    Raises
    ------
    ValueError
        When no row is a fraud; when the rule is `max_alerts` and the data has no times; when the
        arguments have different rows, or hold something else.

    See Also
    --------
    fraud_assets.metrics.threshold_curve : what every threshold would give.

    Examples
    --------
    >>> labels, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.6, 0.4, 0.1])
    >>> choose_threshold(labels, scores, np.full(4, 100.0), ThresholdSettings()).threshold
    0.5
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "probability", len(labels))
    if not labels.any():
        raise ValueError("no fraud among the validation rows, so no threshold can be chosen")
    curve = threshold_curve(labels, scores, losses, settings.costs)
    best = _best(curve, settings, days)
    return ThresholdChoice(
        _halfway(curve["threshold"], best), _neighbours(curve, best, int(labels.sum()))
    )


def _best(curve: dict[str, Floats], settings: ThresholdSettings, days: float | None) -> int:
    """Return the index of the chosen point on the curve, whose thresholds decrease."""
    rule = settings.threshold_rule
    if rule is ThresholdRule.max_f1:
        return int(np.argmax(curve["f1"]))
    if rule is ThresholdRule.min_cost:
        return int(np.argmin(curve["cost"]))
    if rule is ThresholdRule.min_recall:
        return int(np.argmax(curve["recall"] >= settings.recall_target))
    if not days:
        raise ValueError(
            "threshold_rule is max_alerts, but the data has no times, so alerts per day are "
            "unknown; set `timestamp` on raw_transactions, or choose another rule"
        )
    allowed = int(np.sum(curve["alerts"] <= settings.alerts_per_day * days))
    # Ties at the highest score may exceed the allowance; that threshold is then the closest.
    return max(allowed - 1, 0)


def _halfway(thresholds: Floats, place: int) -> float:
    lowest = float(thresholds[place])
    if place + 1 == len(thresholds):
        return lowest
    below = float(thresholds[place + 1])
    middle = (lowest + below) / 2
    return middle if middle > below else lowest


def _neighbours(curve: dict[str, Floats], best: int, frauds: int) -> list[ThresholdPoint]:
    alerts = curve["alerts"]
    wanted = [alerts[best] * share for share in NEIGHBOURS]
    places = {best, *(int(np.argmin(np.abs(alerts - count))) for count in wanted)}
    return [_point(curve, place, frauds, place == best) for place in sorted(places)]


def _point(curve: dict[str, Floats], place: int, frauds: int, chosen: bool) -> ThresholdPoint:
    alerts = int(curve["alerts"][place])
    detected = round(curve["recall"][place] * frauds)
    return ThresholdPoint(
        threshold=_halfway(curve["threshold"], place),
        alerts=alerts,
        frauds_detected=detected,
        frauds_missed=frauds - detected,
        false_alarms=alerts - detected,
        cost=float(curve["cost"][place]),
        chosen=chosen,
    )
