"""Plot of the drift by feature."""

from typing import Any

from fraud_assets.evaluation.plots import FRAUD, GENUINE, new_axes, to_png

SHOWN = 15


def drift_by_feature(features: list[dict[str, Any]], min_distance: float) -> bytes:
    """Draw the features that moved most, as PNG.

    Parameters
    ----------
    features : list of dict
        As from `drift.statistics.measure_drift`.
    min_distance : float
        The distance from which a feature may count as drifted.
    """
    shown = features[:SHOWN][::-1]
    figure, axes = new_axes("Drift by feature", "Jensen-Shannon distance to the reference", "")
    axes.barh(
        [feature["feature"] for feature in shown],
        [feature["distance"] for feature in shown],
        color=[FRAUD if feature["drifted"] else GENUINE for feature in shown],
    )
    axes.axvline(min_distance, color="#444444", linestyle="--")
    axes.set_xlim(0, max(1.2 * min_distance, *(f["distance"] for f in shown), 0.2))
    return to_png(figure)
