"""Turns the table of feature families into expressions that any engine of Ibis can run."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fraud_assets.features.families import Feature, RowFeature, WindowFeature
from fraud_assets.features.known import (
    KNOWN,
    LABEL_KNOWN,
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_SECOND,
    microseconds,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.expr.builders import WindowBuilder

NO_SPREAD = 1e-9
"""A standard deviation below this share of the largest amount is rounding, not spread."""
NIGHT_UNTIL_HOUR = 6
SATURDAY = 5
KEY = "source_line"


def feature_table(
    transactions: "ir.Table", features: Sequence[Feature], label_delay_days: float | None
) -> "ir.Table":
    """Return the derived features of a batch's rows.

    Parameters
    ----------
    transactions : Table
        As made by `transactions.look_back`.
    features : sequence of Feature
    label_delay_days : float or None
        In days; None: the labels do not all become known the same time after their rows.

    Returns
    -------
    Table
        One row for each row of the batch: `source_line`, `known_us`, `label_known_us`,
        `days_known` (days since the first transaction that is seen), and the features.
    """
    windows = [feature for feature in features if isinstance(feature, WindowFeature)]
    by_label = [feature for feature in windows if feature.family.reach == "labelled"]
    aside = by_label if label_delay_days is None else []
    straight = [feature for feature in windows if feature not in aside]
    delay = microseconds(label_delay_days or 0)
    first = transactions[KNOWN].min().as_scalar()
    table = transactions.mutate(
        days_known=(transactions[KNOWN] - first) / MICROSECONDS_PER_DAY,
        **{feature.name: _aggregate(transactions, feature, delay) for feature in straight},
    )
    table = table.filter(table[KEY].notnull())
    if aside:
        table = table.inner_join(_from_label_events(transactions, aside), KEY)
    rows = {f.name: ROW_VALUES[f.name](table) for f in features if isinstance(f, RowFeature)}
    names = [feature.name for feature in features]
    return table.mutate(**rows).select(KEY, KNOWN, LABEL_KNOWN, "days_known", *names)


def _from_label_events(transactions: "ir.Table", features: Sequence[WindowFeature]) -> "ir.Table":
    """Return features of labels that become known each at its own time.

    A label is an event of its own, which happens when it becomes known.
    """
    import ibis

    columns = [KEY, KNOWN, "card", "terminal", "fraud"]
    asked = transactions.filter(transactions[KEY].notnull())
    asked = asked.mutate(fraud=ibis.null("int8")).select(columns)
    told = transactions.filter(transactions[LABEL_KNOWN].notnull())
    told = told.mutate(**{KEY: ibis.null("int64"), KNOWN: told[LABEL_KNOWN]}).select(columns)
    events = asked.union(told)
    table = events.mutate(**{f.name: _aggregate(events, f, 0) for f in features})
    return table.filter(table[KEY].notnull()).select(KEY, *[f.name for f in features])


def _aggregate(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    import ibis

    family, window = feature.family, _window(rows, feature, delay)
    value = AGGREGATIONS[family.aggregation](rows, family.column, window)
    if family.reach == "labelled":
        value = value.fill_null(0)
    followed = [rows[role].notnull() for role in family.entity] + [rows[KNOWN].notnull()]
    return ibis.ifelse(ibis.and_(*followed), value, ibis.null(value.type()))


def _window(rows: "ir.Table", feature: WindowFeature, delay: int) -> "WindowBuilder":
    import ibis

    days, reach = microseconds(feature.days), feature.family.reach
    ends = {"now": 0, "before": 1, "labelled": delay}
    end = ends[reach]
    start = days - 1 + (delay if reach == "labelled" else 0)
    by = [rows[role] for role in feature.family.entity]
    # Engines look for no end of a frame that ends at the row's own instant: a third faster.
    ends_now = {"preceding": start, "following": 0}
    frame = {"preceding": (start, end)} if end else ends_now
    return ibis.range_window(group_by=by, order_by=rows[KNOWN], **frame)


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
ROW_VALUES: dict[str, Callable[["ir.Table"], "ir.Value"]] = {
    "hour": lambda rows: rows["date"].hour(),
    "weekday": lambda rows: rows["date"].day_of_week.index(),
    "is_night": lambda rows: (rows["date"].hour() <= NIGHT_UNTIL_HOUR).cast("int8"),
    "is_weekend": lambda rows: (rows["date"].day_of_week.index() >= SATURDAY).cast("int8"),
    # The sign is kept, so that a refund is no payment and nothing is undefined.
    "log_amount": lambda rows: (rows["amount"].abs() + 1).ln() * rows["amount"].sign(),
}
