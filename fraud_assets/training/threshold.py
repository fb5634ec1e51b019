"""Chooses the decision threshold, on validation rows only."""

from dataclasses import dataclass

import numpy as np

from fraud_assets.config.settings import ThresholdRule, ThresholdSettings
from fraud_assets.metrics import Floats, Labels, threshold_curve
from fraud_assets.records.models import ThresholdPoint

NEIGHBOURS = (0.5, 0.8, 1.0, 1.25, 2.0)
"""Alerts of the neighbours, as shares of those at the chosen threshold."""


@dataclass(frozen=True)
class Choice:
    """The chosen threshold and what others would give.

    Attributes
    ----------
    threshold : float
        In (0, 1]: halfway between the lowest score that is an alert and the next one below, so
        that rows like those on the border fall on the same side.
    neighbours : list of ThresholdPoint
        Fewest alerts first; one of them is the chosen.
    """

    threshold: float
    neighbours: list[ThresholdPoint]


def choose_threshold(
    labels: Labels,
    scores: Floats,
    losses: Floats,
    settings: ThresholdSettings,
    days: float | None = None,
) -> Choice:
    """Return the threshold that the rule chooses on these rows.

    Parameters
    ----------
    labels, scores, losses : ndarray of shape (n_rows,)
        Of the validation rows; losses in money.
    settings : ThresholdSettings
        `max_f1` of the fraud class; `min_cost`; `min_recall`: the highest threshold that
        catches the target; `max_alerts`: the lowest that raises no more a day.
    days : float, optional
        Days of transactions that these rows stand for; needed by `max_alerts`.

    Returns
    -------
    Choice

    Raises
    ------
    ValueError
        When no row is a fraud, for then every threshold is as good as any other; when alerts
        per day are asked for and the data has no time.
    """
    if not np.any(labels == 1):
        raise ValueError("no fraud among the validation rows, so no threshold can be chosen")
    curve = threshold_curve(labels, scores, losses, settings.costs)
    best = _best(curve, settings, days)
    return Choice(_halfway(curve["threshold"], best), _neighbours(curve, best, int(labels.sum())))


def _best(curve: dict[str, Floats], settings: ThresholdSettings, days: float | None) -> int:
    """Return the place of the chosen point on the curve, which has falling thresholds."""
    rule = settings.threshold_rule
    if rule is ThresholdRule.max_f1:
        return int(np.argmax(curve["f1"]))
    if rule is ThresholdRule.min_cost:
        return int(np.argmin(curve["cost"]))
    if rule is ThresholdRule.min_recall:
        return int(np.argmax(curve["recall"] >= settings.recall_target))
    if not days:
        raise ValueError(
            "threshold_rule is max_alerts, but the data does not say over how many days its "
            "transactions took place; set `timestamp` on raw_transactions, or choose another rule"
        )
    allowed = int(np.sum(curve["alerts"] <= settings.alerts_per_day * days))
    # Where even the highest scores are too many, they alone are still the nearest to it.
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
