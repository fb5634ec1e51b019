"""The aggregations of feature families, as a table: to add one, add an entry.

Each is an expression that any engine of Ibis can run, and the phrase that explains its value to an
analyst.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraud_assets.features.availability import (
    KNOWN,
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_SECOND,
    microseconds,
)
from fraud_assets.features.families import PEAK_AGAINST_DAYS, WindowFeature

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.expr.builders import WindowBuilder

NO_SPREAD = 1e-9
"""A standard deviation below this share of the largest amount is rounding, not spread."""


@dataclass(frozen=True)
class Aggregation:
    """What is computed from the rows of a window.

    Attributes
    ----------
    value : callable
        Takes the transactions (as of `lookback.look_back`), the feature, and the label delay in
        microseconds; returns a column expression.
    phrase : callable
        Takes a value that is not missing, the entity ("card" or "terminal") and the window's days;
        returns a phrase for an analyst.

    See Also
    --------
    fraud_assets.features.families.Family : names an aggregation and its windows.
    """

    value: "Callable[[ir.Table, WindowFeature, int], ir.Value]"
    phrase: Callable[[float, str, int], str]


def window(
    rows: "ir.Table", feature: WindowFeature, length: int, until: int = 0
) -> "WindowBuilder":
    """Return the window that begins some time before a row and ends some time before it.

    Parameters
    ----------
    rows : Table
        Transactions, as from `lookback.look_back`.
    feature : WindowFeature
        The rows are partitioned by its entity, such as the card.
    length, until : int
        Begin (excluded) and end (included), in microseconds before the row.

    Returns
    -------
    WindowBuilder
        A window specification of Ibis, ordered by the time at which rows became known.

    See Also
    --------
    fraud_assets.features.build.window_features : computes the features.
    """
    import ibis

    start = length - 1
    # For a frame that ends at the row's own instant, no engine has to search its end.
    frame = {"preceding": (start, until)} if until else {"preceding": start, "following": 0}
    by = [rows[role] for role in feature.family.entity]
    return ibis.range_window(group_by=by, order_by=rows[KNOWN], **frame)


def _own_window(rows: "ir.Table", feature: WindowFeature) -> "WindowBuilder":
    """Return the window of a feature that looks at rows, with or without the row's own instant."""
    until = 0 if feature.family.reach == "now" else 1
    return window(rows, feature, microseconds(feature.days), until)


def _column(rows: "ir.Table", feature: WindowFeature) -> "ir.Value":
    return rows[feature.family.column]


def _count(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    return rows.count().over(_own_window(rows, feature))


def _mean(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    return _column(rows, feature).mean().over(_own_window(rows, feature))


def _sum(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    return _column(rows, feature).sum().over(_own_window(rows, feature))


def _max(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    return _column(rows, feature).max().over(_own_window(rows, feature))


def _std(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    return _column(rows, feature).std().over(_own_window(rows, feature))


def _ratio(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    value = _column(rows, feature)
    return value / value.mean().over(_own_window(rows, feature)).nullif(0)


def _zscore(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    import ibis

    value, own = _column(rows, feature), _own_window(rows, feature)
    spread = value.std().over(own)
    has_spread = spread > NO_SPREAD * value.abs().max().over(own)
    return ibis.ifelse(has_spread, (value - value.mean().over(own)) / spread, ibis.null(float))


def _peak(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    amount = _column(rows, feature)
    usual = amount.mean().over(window(rows, feature, microseconds(PEAK_AGAINST_DAYS)))
    return amount.max().over(_own_window(rows, feature)) / usual.nullif(0)


def _seconds_since(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    last = rows[KNOWN].max().over(_own_window(rows, feature))
    return (rows[KNOWN] - last) / MICROSECONDS_PER_SECOND


def _distinct(rows: "ir.Table", feature: WindowFeature, _: int) -> "ir.Value":
    own = _own_window(rows, feature)
    if rows.get_backend().name == "pyspark":
        # Spark has no distinct count over a window.
        return _column(rows, feature).collect().over(own).unique().length()
    return _column(rows, feature).nunique().over(own)


def _never(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    return (_count(rows, feature, delay) == 0).cast("int8")


def _labelled(
    value: "ir.Value", rows: "ir.Table", feature: WindowFeature, delay: int
) -> "ir.Value":
    """Aggregate the labels that became known in the window: those not too old, less the unknown."""
    old = value.over(window(rows, feature, microseconds(feature.days) + delay))
    unknown = value.over(window(rows, feature, delay)) if delay else 0
    return old - unknown


def _label_count(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    return _labelled(rows["fraud"].count(), rows, feature, delay)


def _fraud_share(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    frauds = _labelled(rows["fraud"].sum(), rows, feature, delay)
    return (frauds / _label_count(rows, feature, delay).nullif(0)).fill_null(0)


def _latest(rows: "ir.Table", feature: WindowFeature, delay: int, label: int) -> "ir.Value":
    """Return when the last row with this label took place, of those whose label is known."""
    import ibis

    known = window(rows, feature, microseconds(feature.days) + delay, until=delay)
    moment = ibis.ifelse(rows["fraud"] == label, rows[KNOWN], ibis.null("int64"))
    return moment.max().over(known)


def _days_since_fraud(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    fraud = _latest(rows, feature, delay, label=1)
    return (rows[KNOWN] - delay - fraud) / MICROSECONDS_PER_DAY


def _last_is_fraud(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    import ibis

    fraud, genuine = (_latest(rows, feature, delay, label) for label in (1, 0))
    last = (fraud.notnull() & (genuine.isnull() | (fraud >= genuine))).cast("int8")
    return ibis.ifelse(fraud.isnull() & genuine.isnull(), ibis.null("int8"), last)


def _amount(name: str) -> Callable[[float, str, int], str]:
    return lambda value, entity, days: f"{name} of the {entity} in {_days(days)} is {value:,.2f}"


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _duration(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"


AGGREGATIONS: dict[str, Aggregation] = {
    "count": Aggregation(
        _count,
        lambda value, entity, days: f"{value:.0f} transactions of the {entity} in {_days(days)}",
    ),
    "mean": Aggregation(_mean, _amount("mean amount")),
    "sum": Aggregation(_sum, _amount("sum")),
    "max": Aggregation(_max, _amount("largest amount")),
    "std": Aggregation(_std, _amount("spread of the amounts")),
    "ratio": Aggregation(
        _ratio,
        lambda value, entity, days: (
            f"amount {value:.1f} times the {entity}'s mean of {_days(days)}"
        ),
    ),
    "zscore": Aggregation(
        _zscore,
        lambda value, entity, days: (
            f"amount {abs(value):.1f} standard deviations {'above' if value >= 0 else 'below'} the "
            f"{entity}'s mean of {_days(days)}"
        ),
    ),
    "peak": Aggregation(
        _peak,
        lambda value, entity, days: (
            f"largest amount of the {entity} in {_days(days)} is {value:.1f} times its mean"
        ),
    ),
    "seconds_since": Aggregation(
        _seconds_since,
        lambda value, entity, _: f"{_duration(value)} since the {entity}'s last transaction",
    ),
    "distinct": Aggregation(
        _distinct,
        lambda value, entity, days: f"{value:.0f} terminals used by the {entity} in {_days(days)}",
    ),
    "never": Aggregation(
        _never,
        lambda value, entity, days: (
            f"the {entity} {'has not been' if value else 'has been'} at this terminal in "
            f"{_days(days)}"
        ),
    ),
    "label_count": Aggregation(
        _label_count,
        lambda value, entity, days: (
            f"{value:.0f} labels of the {entity} became known in {_days(days)}"
        ),
    ),
    "fraud_share": Aggregation(
        _fraud_share,
        lambda value, entity, days: (
            f"{value:.0%} frauds among the {entity}'s labels of {_days(days)}"
        ),
    ),
    "days_since_fraud": Aggregation(
        _days_since_fraud,
        lambda value, entity, _: f"{value:.1f} days since a fraud of the {entity} became known",
    ),
    "last_is_fraud": Aggregation(
        _last_is_fraud,
        lambda value, entity, _: (
            f"the {entity}'s last known label is {'a fraud' if value else 'genuine'}"
        ),
    ),
}
"""The aggregations by the name that `families.Family.aggregation` gives."""
