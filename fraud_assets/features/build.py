"""Turns the table of feature families into expressions that any engine of Ibis can run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fraud_assets.features.availability import (
    KNOWN,
    LABEL_KNOWN,
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_SECOND,
    microseconds,
)
from fraud_assets.features.families import (
    PEAK_AGAINST_DAYS,
    Feature,
    RowFeature,
    WindowFeature,
)
from fraud_assets.records.batches import Roles

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.expr.builders import WindowBuilder

NO_SPREAD = 1e-9
"""A standard deviation below this share of the largest amount is rounding, not spread."""
NIGHT_UNTIL_HOUR = 6
SATURDAY = 5
KEY = "source_line"


def row_features(rows: "ir.Table", roles: Roles, features: Sequence[Feature]) -> "ir.Table":
    """Return rows with the features of each transaction alone.

    Parameters
    ----------
    rows : Table
        Accepted rows.
    roles : Roles
    features : sequence of Feature
        Those of the past are left to `window_features`.
    """
    alone = [feature for feature in features if isinstance(feature, RowFeature)]
    return rows.mutate(**{f.name: ROW_VALUES[f.name](rows, roles) for f in alone})


def window_features(
    transactions: "ir.Table", features: Sequence[WindowFeature], label_delay_days: float | None
) -> "ir.Table":
    """Return the features of a batch's rows that look at other rows.

    Parameters
    ----------
    transactions : Table
        As made by `transactions.look_back`.
    features : sequence of WindowFeature
    label_delay_days : float or None
        In days; None: the labels do not all become known the same time after their rows.

    Returns
    -------
    Table
        One row for each row of the batch: `source_line`, and the features.
    """
    by_label = [feature for feature in features if feature.family.reach == "labelled"]
    aside = by_label if label_delay_days is None else []
    straight = [feature for feature in features if feature not in aside]
    table = _values(transactions, straight, microseconds(label_delay_days or 0))
    if not aside:
        return table
    table = table.inner_join(_values(label_events(transactions), aside, 0), KEY)
    return table.select(KEY, *[feature.name for feature in features])


def label_events(transactions: "ir.Table") -> "ir.Table":
    """Return labels as events of their own, each at the moment at which it becomes known.

    Returns
    -------
    Table
        `source_line` (null for labels), `known_us`, `card`, `terminal`, `fraud` (null for the
        batch's own rows, which ask and tell nothing).
    """
    import ibis

    columns = [KEY, KNOWN, "card", "terminal", "fraud"]
    asked = transactions.filter(transactions[KEY].notnull())
    asked = asked.mutate(fraud=ibis.null("int8")).select(columns)
    told = transactions.filter(transactions[LABEL_KNOWN].notnull())
    told = told.mutate(**{KEY: ibis.null("int64"), KNOWN: told[LABEL_KNOWN]}).select(columns)
    return asked.union(told)


def _values(rows: "ir.Table", features: Sequence[WindowFeature], delay: int) -> "ir.Table":
    table = rows.mutate(**{feature.name: _value(rows, feature, delay) for feature in features})
    return table.filter(table[KEY].notnull()).select(KEY, *[f.name for f in features])


def _value(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    import ibis

    family, days = feature.family, microseconds(feature.days)
    if family.aggregation in LATEST_LABELS:
        value = LATEST_LABELS[family.aggregation](rows, feature, days, delay)
    elif family.reach == "labelled":
        value = _labelled(rows, feature, days, delay)
    elif family.aggregation == "peak":
        value = _peak(rows, feature, days)
    else:
        window = _window(rows, feature, days, until=0 if family.reach == "now" else 1)
        value = AGGREGATIONS[family.aggregation](rows, family.column, window)
    followed = [rows[role].notnull() for role in family.entity] + [rows[KNOWN].notnull()]
    return ibis.ifelse(ibis.and_(*followed), value, ibis.null(value.type()))


def _window(
    rows: "ir.Table", feature: WindowFeature, length: int, until: int = 0
) -> "WindowBuilder":
    """Return the window that begins `length` before a row and ends `until` before it."""
    import ibis

    start = length - 1
    # Where a frame ends at the row's own instant, no engine has to look for its end.
    frame = {"preceding": (start, until)} if until else {"preceding": start, "following": 0}
    by = [rows[role] for role in feature.family.entity]
    return ibis.range_window(group_by=by, order_by=rows[KNOWN], **frame)


def _labelled(rows: "ir.Table", feature: WindowFeature, days: int, delay: int) -> "ir.Value":
    """Return what is known of labels: all that is not too old, less what is too young."""

    def within(value: "ir.Value") -> "ir.Value":
        old = value.over(_window(rows, feature, days + delay))
        young = value.over(_window(rows, feature, delay)) if delay else 0
        return old - young

    labels = within(rows["fraud"].count())
    if feature.family.aggregation == "count":
        return labels
    return (within(rows["fraud"].sum()) / labels.nullif(0)).fill_null(0)


def _latest(
    rows: "ir.Table", feature: WindowFeature, days: int, delay: int, label: int
) -> "ir.Value":
    """Return when the last row with a label took place, of those whose label is known."""
    import ibis

    window = _window(rows, feature, days + delay, until=delay)
    moment = ibis.ifelse(rows["fraud"] == label, rows[KNOWN], ibis.null("int64"))
    return moment.max().over(window)


def _days_since_fraud(
    rows: "ir.Table", feature: WindowFeature, days: int, delay: int
) -> "ir.Value":
    fraud = _latest(rows, feature, days, delay, label=1)
    return (rows[KNOWN] - delay - fraud) / MICROSECONDS_PER_DAY


def _last_is_fraud(rows: "ir.Table", feature: WindowFeature, days: int, delay: int) -> "ir.Value":
    import ibis

    fraud, genuine = (_latest(rows, feature, days, delay, label) for label in (1, 0))
    last = (fraud.notnull() & (genuine.isnull() | (fraud >= genuine))).cast("int8")
    return ibis.ifelse(fraud.isnull() & genuine.isnull(), ibis.null("int8"), last)


LATEST_LABELS = {"days_since_fraud": _days_since_fraud, "last_is_fraud": _last_is_fraud}


def _peak(rows: "ir.Table", feature: WindowFeature, days: int) -> "ir.Value":
    amount = rows[feature.family.column]
    usual = amount.mean().over(_window(rows, feature, microseconds(PEAK_AGAINST_DAYS)))
    return amount.max().over(_window(rows, feature, days)) / usual.nullif(0)


def _distinct(rows: "ir.Table", column: str, window: "WindowBuilder") -> "ir.Value":
    if rows.get_backend().name == "pyspark":
        # Spark counts nothing distinct over a window.
        return rows[column].collect().over(window).unique().length()
    return rows[column].nunique().over(window)


def _ratio(rows: "ir.Table", column: str, window: "WindowBuilder") -> "ir.Value":
    return rows[column] / rows[column].mean().over(window).nullif(0)


def _zscore(rows: "ir.Table", column: str, window: "WindowBuilder") -> "ir.Value":
    import ibis

    value = rows[column]
    spread = value.std().over(window)
    has_spread = spread > NO_SPREAD * value.abs().max().over(window)
    return ibis.ifelse(has_spread, (value - value.mean().over(window)) / spread, ibis.null(float))


AGGREGATIONS: dict[str, Callable[..., "ir.Value"]] = {
    "count": lambda rows, column, w: (rows[column].count() if column else rows.count()).over(w),
    "mean": lambda rows, column, w: rows[column].mean().over(w),
    "sum": lambda rows, column, w: rows[column].sum().over(w),
    "max": lambda rows, column, w: rows[column].max().over(w),
    "std": lambda rows, column, w: rows[column].std().over(w),
    "ratio": _ratio,
    "zscore": _zscore,
    "seconds_since": lambda rows, _, w: (
        (rows[KNOWN] - rows[KNOWN].max().over(w)) / MICROSECONDS_PER_SECOND
    ),
    "distinct": _distinct,
    "never": lambda rows, _, w: (rows.count().over(w) == 0).cast("int8"),
}
ROW_VALUES: dict[str, Callable[["ir.Table", Roles], "ir.Value"]] = {
    "hour": lambda rows, roles: rows[roles.timestamp].hour(),
    "weekday": lambda rows, roles: rows[roles.timestamp].day_of_week.index(),
    "is_night": lambda rows, roles: (rows[roles.timestamp].hour() <= NIGHT_UNTIL_HOUR).cast("int8"),
    "is_weekend": lambda rows, roles: (rows[roles.timestamp].day_of_week.index() >= SATURDAY).cast(
        "int8"
    ),
    "log_amount": lambda rows, roles: _signed_log(rows[roles.amount].cast("float64")),
}


def _signed_log(amount: "ir.Value") -> "ir.Value":
    # The sign is kept, so that a refund is no payment and nothing is undefined.
    return (amount.abs() + 1).ln() * amount.sign()
