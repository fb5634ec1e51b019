"""How far a batch has moved from the reference profile, by feature and overall."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.config import DRIFT_SCORE, MIN_PROFILE_ROWS, DriftSettings
from fraud_assets.drift.profile import bin_counts, settled_values


def measure_drift(
    rows: pd.DataFrame,
    features: Sequence[str],
    profile: Mapping[str, Any],
    warm_up_days: Mapping[str, float],
    settings: DriftSettings,
) -> dict[str, Any]:
    """Measure the drift of a batch against a reference profile.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        The batch.
    features : sequence of str
        Its features.
    profile : mapping
        As from `drift.profile.make_profile`.
    warm_up_days : mapping of str to float
        Days of history that a feature needs to be judged.
    settings : DriftSettings

    Returns
    -------
    dict
        `drift_score`: the share of features that drifted, in [0, 1]; `n_drifted_features`;
        `max_feature_drift`: the largest distance; `features`: by feature the `distance`, the
        corrected `p_value` and whether it `drifted`, most moved first; `not_judged`: the
        features whose windows were not full, on either side; `verdict`.

    Notes
    -----
    The distance is the Jensen-Shannon distance (base 2, in [0, 1]) over the reference's
    quantile bins (J. Lin, Divergence measures based on the Shannon entropy, 1991). A feature
    has drifted when the distance passes `min_distance` and a chi-square test, corrected over
    the features after Benjamini and Hochberg (1995), says that it is not chance. A feature
    that only one side has counts as moved by 1.
    """
    from scipy.stats import false_discovery_control

    reference = profile["features"]
    one_sided = sorted(set(features) ^ set(reference))
    judged, not_judged, distances, p_values = [], [], [], []
    for name in (name for name in features if name in reference):
        values = settled_values(rows, name, warm_up_days)
        too_few = name in warm_up_days and len(values) < MIN_PROFILE_ROWS
        if too_few or not reference[name]["counts"]:
            not_judged.append(name)
            continue
        judged.append(name)
        counts = bin_counts(values, np.array(reference[name]["edges"]))
        distance, p_value = _compare_counts(np.array(reference[name]["counts"]), counts)
        distances.append(distance)
        p_values.append(p_value)
    corrected = np.asarray(false_discovery_control(p_values)) if p_values else np.array([])
    found: list[dict[str, Any]] = [
        {
            "feature": name,
            "distance": float(distance),
            "p_value": float(p_value),
            "drifted": bool(distance >= settings.min_distance and p_value <= settings.significance),
        }
        for name, distance, p_value in zip(judged, distances, corrected, strict=True)
    ]
    found += [
        {"feature": name, "distance": 1.0, "p_value": 0.0, "drifted": True} for name in one_sided
    ]
    found.sort(key=lambda feature: (-feature["distance"], feature["feature"]))
    drifted = sum(feature["drifted"] for feature in found)
    score = drifted / len(found) if found else 0.0
    return {
        "drift_score": score,
        "n_drifted_features": drifted,
        "max_feature_drift": max((feature["distance"] for feature in found), default=0.0),
        "features": found,
        "not_judged": not_judged,
        "verdict": DRIFT_SCORE.verdict(score),
    }


def _compare_counts(reference: np.ndarray, batch: np.ndarray) -> tuple[float, float]:
    """Return the distance between two rows of counts, and the p-value of their difference."""
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    used = (reference + batch) > 0
    table = np.array([reference[used], batch[used]])
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0, 1.0
    distance = float(jensenshannon(table[0], table[1], base=2))
    return (distance if np.isfinite(distance) else 0.0), float(chi2_contingency(table).pvalue)
