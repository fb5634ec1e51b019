"""Explains the value of a feature in words, for analysts."""

import math

from fraud_assets.features.aggregations import AGGREGATIONS
from fraud_assets.features.families import RowFeature, features_by_name


def in_words(feature: str, value: float) -> str:
    """Return a phrase for a feature's value, for an analyst to read.

    Parameters
    ----------
    feature : str
        Its column name.
    value : float
        NaN where it is missing.

    Returns
    -------
    str
        In English, with the value and its unit where the feature is a derived one.

    See Also
    --------
    fraud_assets.evaluation.explain.Explanation.reasons : uses it for the strongest reasons.

    Examples
    --------
    >>> in_words("card_amount_ratio_30d", 9.13)
    "amount 9.1 times the card's mean of 30 days"
    >>> in_words("V14", -5.2)
    'V14 is -5.2'
    """
    derived = features_by_name().get(feature)
    if derived is None or isinstance(derived, RowFeature):
        if math.isnan(value):
            return f"no {feature}"
        if feature == "anomaly_score":
            return f"anomaly score {value:.2f}"
        return f"{feature} is {value:.6g}" if derived is None else derived.phrase(value)
    if math.isnan(value):
        return f"no past for {feature}"
    family = derived.family
    return AGGREGATIONS[family.aggregation].phrase(value, family.entity[0], derived.days)
