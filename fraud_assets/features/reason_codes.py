"""Says in words what a feature's value means."""

import math
from collections.abc import Callable

from fraud_assets.features.families import FAMILIES, Family, WindowFeature

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WINDOWS = {
    feature.name: feature
    for family in FAMILIES
    for feature in (WindowFeature(family, days) for days in family.days)
}
Words = Callable[[float, Family, int], str]


def in_words(feature: str, value: float) -> str:
    """Return a phrase for a feature's value, for an analyst to read.

    Parameters
    ----------
    feature : str
        Its column name.
    value : float
        NaN where it is missing.

    Examples
    --------
    >>> in_words("card_amount_ratio_30d", 9.13)
    "amount 9.1 times the card's mean of 30 days"
    >>> in_words("V14", -5.2)
    'V14 is -5.2'
    """
    window = WINDOWS.get(feature)
    if math.isnan(value):
        return f"no {feature}" if window is None else f"no past for {feature}"
    if window is not None:
        family = window.family
        words = OF_LABELS if family.column == "fraud" else OF_ROWS
        return words[family.aggregation](value, family, window.days)
    return OF_THE_ROW[feature](value) if feature in OF_THE_ROW else f"{feature} is {value:.6g}"


def _who(family: Family) -> str:
    return family.entity[0]


def _amount(what: str) -> Words:
    return lambda value, family, days: (
        f"{what} of the {_who(family)} in {days} {_days(days)} is {value:,.2f}"
    )


def _days(days: int) -> str:
    return "day" if days == 1 else "days"


def _ago(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"


OF_ROWS: dict[str, Words] = {
    "count": lambda value, family, days: (
        f"{value:.0f} transactions of the {_who(family)} in {days} {_days(days)}"
    ),
    "mean": _amount("mean amount"),
    "sum": _amount("sum"),
    "max": _amount("largest amount"),
    "std": _amount("spread of the amounts"),
    "ratio": lambda value, family, days: (
        f"amount {value:.1f} times the {_who(family)}'s mean of {days} days"
    ),
    "zscore": lambda value, family, days: (
        f"amount {abs(value):.1f} standard deviations {'above' if value >= 0 else 'below'} the "
        f"{_who(family)}'s mean of {days} days"
    ),
    "peak": lambda value, family, days: (
        f"largest amount of the {_who(family)} in {days} days is {value:.1f} times its mean"
    ),
    "seconds_since": lambda value, family, _: (
        f"{_ago(value)} since the {_who(family)}'s last transaction"
    ),
    "distinct": lambda value, family, days: (
        f"{value:.0f} terminals used by the {_who(family)} in {days} days"
    ),
    "never": lambda value, family, days: (
        f"the {_who(family)} {'has not been' if value else 'has been'} at this terminal in "
        f"{days} days"
    ),
}
OF_LABELS: dict[str, Words] = {
    "count": lambda value, family, days: (
        f"{value:.0f} labels of the {_who(family)} became known in {days} {_days(days)}"
    ),
    "mean": lambda value, family, days: (
        f"{value:.0%} frauds among the {_who(family)}'s labels of {days} {_days(days)}"
    ),
    "days_since_fraud": lambda value, family, _: (
        f"{value:.1f} days since a fraud of the {_who(family)} became known"
    ),
    "last_is_fraud": lambda value, family, _: (
        f"the {_who(family)}'s last known label is {'a fraud' if value else 'genuine'}"
    ),
}
OF_THE_ROW: dict[str, Callable[[float], str]] = {
    "hour": lambda value: f"at {value:.0f} o'clock",
    "weekday": lambda value: f"on a {WEEKDAYS[int(value)]}",
    "is_night": lambda value: "at night" if value else "by day",
    "is_weekend": lambda value: "at the weekend" if value else "on a working day",
    "log_amount": lambda value: f"amount {math.copysign(math.expm1(abs(value)), value):,.2f}",
    "anomaly_score": lambda value: f"anomaly score {value:.2f}",
}
