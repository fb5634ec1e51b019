"""Chooses the decision threshold, on validation rows only."""

import numpy as np

from fraud_assets.config import Costs, ThresholdRule
from fraud_assets.metrics import Floats, Labels, threshold_curve


def choose_threshold(
    labels: Labels, scores: Floats, losses: Floats, costs: Costs, rule: ThresholdRule
) -> float:
    """Return the threshold that is best on these rows.

    Parameters
    ----------
    labels, scores, losses : ndarray of shape (n_rows,)
        Of the validation rows; losses in money.
    costs : Costs
    rule : ThresholdRule
        Maximum F1 of the fraud class, or minimum cost.

    Returns
    -------
    float
        In (0, 1]: halfway between the lowest score that is an alert and the next one below,
        so that rows like those on the border fall on the same side.

    Raises
    ------
    ValueError
        When no row is a fraud, for then every threshold is as good as any other.
    """
    if not np.any(labels == 1):
        raise ValueError("no fraud among the validation rows, so no threshold can be chosen")
    curve = threshold_curve(labels, scores, losses, costs)
    figures = curve["f1"] if rule is ThresholdRule.max_f1 else -curve["cost"]
    best = int(np.argmax(figures))
    lowest = float(curve["threshold"][best])
    if best + 1 == len(curve["threshold"]):
        return lowest
    below = float(curve["threshold"][best + 1])
    middle = (lowest + below) / 2
    return middle if middle > below else lowest
