"""The feature families and the row features, as tables: to add one, add an entry."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from fraud_assets.records.batches import Roles

if TYPE_CHECKING:
    import ibis.expr.types as ir

Reach = Literal["now", "before", "labelled"]


@dataclass(frozen=True)
class Family:
    """An aggregate over the history of a card or a terminal, in windows of several lengths.

    Attributes
    ----------
    name : str
        Column name, with `{}` for the days of the window.
    entity : tuple of {"card", "terminal"}
        Whose history: the rows that agree with the transaction in these.
    column : {"amount", "fraud", "terminal"} or None
        What is aggregated; None: the rows themselves.
    aggregation : str
        A key of `aggregations.AGGREGATIONS`. `ratio` and `zscore` compare the transaction's own
        value with the window's, `peak` the window's largest with the mean of the last 90 days;
        `seconds_since` is the time since the window's last row, `never` is 1 when the window is
        empty; `days_since_fraud` and `last_is_fraud` look at the labels that became known last.
    days : tuple of int
        Lengths `d` of the windows, in days.
    reach : {"now", "before", "labelled"}
        For a transaction at time *t*: `now` is `(t - d, t]`, the transaction and all rows of
        its instant included; `before` is `(t - d, t)`; `labelled` holds the rows whose label
        became known in `(t - d, t]`.

    See Also
    --------
    window_features_of : the columns of a family.
    """

    name: str
    entity: tuple[Literal["card", "terminal"], ...]
    column: Literal["amount", "fraud", "terminal"] | None
    aggregation: str
    days: tuple[int, ...]
    reach: Reach

    @property
    def longest_days(self) -> int:
        """Length of the longest window that the family looks at, in days."""
        return max(*self.days, PEAK_AGAINST_DAYS if self.aggregation == "peak" else 0)


@dataclass(frozen=True)
class RowFeature:
    """A feature of the transaction alone.

    Attributes
    ----------
    name : str
        Column name.
    needs : {"date", "amount"}
        A timestamp that is a date and time, or an amount.
    value : callable
        Takes the accepted rows and their roles; returns a column expression.
    phrase : callable
        Takes a value that is not missing; returns a phrase for an analyst.

    See Also
    --------
    WindowFeature : a feature that looks at other rows.
    """

    name: str
    needs: Literal["date", "amount"]
    value: "Callable[[ir.Table, Roles], ir.Value]"
    phrase: Callable[[float], str]


DAYS = (1, 7, 30)
PEAK_AGAINST_DAYS = 90
"""Days over which the mean is taken that a peak is compared with."""
NIGHT_UNTIL_HOUR = 6
SATURDAY = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FAMILIES: tuple[Family, ...] = (
    Family("card_transactions_{}d", ("card",), None, "count", DAYS, "now"),
    Family("card_mean_amount_{}d", ("card",), "amount", "mean", (*DAYS, 90), "now"),
    Family("card_sum_amount_{}d", ("card",), "amount", "sum", DAYS, "now"),
    Family("card_max_amount_{}d", ("card",), "amount", "max", DAYS, "now"),
    Family("card_std_amount_{}d", ("card",), "amount", "std", DAYS, "now"),
    Family("card_amount_ratio_{}d", ("card",), "amount", "ratio", (30, 90), "before"),
    Family("card_amount_zscore_{}d", ("card",), "amount", "zscore", (30, 90), "before"),
    Family("card_peak_amount_ratio_{}d", ("card",), "amount", "peak", (7, 14), "now"),
    Family("card_seconds_since_last_{}d", ("card",), None, "seconds_since", (30,), "before"),
    Family("card_distinct_terminals_{}d", ("card",), "terminal", "distinct", (7,), "now"),
    Family("card_new_at_terminal_{}d", ("card", "terminal"), None, "never", (30,), "before"),
    Family("card_labelled_transactions_{}d", ("card",), "fraud", "label_count", DAYS, "labelled"),
    Family("card_fraud_share_{}d", ("card",), "fraud", "fraud_share", DAYS, "labelled"),
    Family("terminal_transactions_{}d", ("terminal",), None, "count", DAYS, "now"),
    Family("terminal_mean_amount_{}d", ("terminal",), "amount", "mean", DAYS, "now"),
    Family("terminal_sum_amount_{}d", ("terminal",), "amount", "sum", DAYS, "now"),
    Family("terminal_max_amount_{}d", ("terminal",), "amount", "max", DAYS, "now"),
    Family("terminal_std_amount_{}d", ("terminal",), "amount", "std", DAYS, "now"),
    Family(
        "terminal_labelled_transactions_{}d",
        ("terminal",),
        "fraud",
        "label_count",
        DAYS,
        "labelled",
    ),
    Family(
        "terminal_fraud_share_{}d",
        ("terminal",),
        "fraud",
        "fraud_share",
        (1, 3, 7, 14, 30),
        "labelled",
    ),
    Family(
        "terminal_days_since_fraud_{}d",
        ("terminal",),
        "fraud",
        "days_since_fraud",
        (30,),
        "labelled",
    ),
    Family(
        "terminal_last_is_fraud_{}d",
        ("terminal",),
        "fraud",
        "last_is_fraud",
        (30,),
        "labelled",
    ),
)


def _hour(rows: "ir.Table", roles: Roles) -> "ir.Value":
    return rows[roles.timestamp].hour()


def _weekday(rows: "ir.Table", roles: Roles) -> "ir.Value":
    return rows[roles.timestamp].day_of_week.index()


def _is_night(rows: "ir.Table", roles: Roles) -> "ir.Value":
    return (_hour(rows, roles) <= NIGHT_UNTIL_HOUR).cast("int8")


def _is_weekend(rows: "ir.Table", roles: Roles) -> "ir.Value":
    return (_weekday(rows, roles) >= SATURDAY).cast("int8")


def _log_amount(rows: "ir.Table", roles: Roles) -> "ir.Value":
    # The sign is kept: a refund stays apart from a payment, and the logarithm is always defined.
    amount = rows[roles.amount].cast("float64")
    return (amount.abs() + 1).ln() * amount.sign()


ROW_FEATURES: tuple[RowFeature, ...] = (
    RowFeature("hour", "date", _hour, lambda value: f"at {value:.0f} o'clock"),
    RowFeature("weekday", "date", _weekday, lambda value: f"on a {WEEKDAYS[int(value)]}"),
    RowFeature("is_night", "date", _is_night, lambda value: "at night" if value else "by day"),
    RowFeature(
        "is_weekend",
        "date",
        _is_weekend,
        lambda value: "at the weekend" if value else "on a working day",
    ),
    RowFeature(
        "log_amount",
        "amount",
        _log_amount,
        lambda value: f"amount {math.copysign(math.expm1(abs(value)), value):,.2f}",
    ),
)
LONGEST_WINDOW_DAYS = max(family.longest_days for family in FAMILIES)


@dataclass(frozen=True)
class WindowFeature:
    """One column of a family.

    Attributes
    ----------
    family : Family
        What is aggregated, and over which rows.
    days : int
        Length of its window, in days.

    See Also
    --------
    RowFeature : a feature of the transaction alone.
    """

    family: Family
    days: int

    @property
    def name(self) -> str:
        """Column name."""
        return self.family.name.format(self.days)

    def warm_up_days(self, label_delay_days: float) -> float:
        """Return the days of history that are needed to fill the window.

        Parameters
        ----------
        label_delay_days : float
            Days from a transaction until its label is known.

        Returns
        -------
        float
            In days; includes the label delay where the feature looks at labels.

        See Also
        --------
        Family.longest_days : the longest window of the family.
        """
        days = self.family.longest_days if self.family.aggregation == "peak" else self.days
        return days + (label_delay_days if self.family.reach == "labelled" else 0)


Feature = WindowFeature | RowFeature


def features_for(roles: Roles, taken: Collection[str] = ()) -> list[Feature]:
    """Return the derived features that make sense for data with these roles.

    Parameters
    ----------
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    taken : collection of str
        Names of source columns: a feature with the name of one, in whatever case, is left out.

    Returns
    -------
    list of WindowFeature or RowFeature
        In the order of the tables.

    See Also
    --------
    features_by_name : all features, whatever the data.

    Examples
    --------
    >>> [feature.name for feature in features_for(Roles(target="Class", amount="Amount"))]
    ['log_amount']
    """
    columns = {name.casefold() for name in taken}
    features: list[Feature] = []
    for family in FAMILIES:
        if _has_roles(roles, family):
            features += window_features_of(family)
    features += [feature for feature in ROW_FEATURES if _has_needs(roles, feature)]
    return [feature for feature in features if feature.name.casefold() not in columns]


def window_features_of(family: Family) -> list[WindowFeature]:
    """Return the columns of a family, one for each of its windows.

    Parameters
    ----------
    family : Family
        An entry of the table `FAMILIES`.

    Returns
    -------
    list of WindowFeature
        Shortest window first, as in the table.

    See Also
    --------
    features_for : the features of all families.
    """
    return [WindowFeature(family, days) for days in family.days]


def features_by_name() -> dict[str, Feature]:
    """Return every derived feature by its column name.

    Returns
    -------
    dict of str to WindowFeature or RowFeature
        By column name.

    See Also
    --------
    features_for : the features for given data.

    Examples
    --------
    >>> features_by_name()["log_amount"].needs
    'amount'
    """
    return _by_name(FAMILIES, ROW_FEATURES)


@cache
def _by_name(families: tuple[Family, ...], rows: tuple[RowFeature, ...]) -> dict[str, Feature]:
    features: list[Feature] = [*rows]
    for family in families:
        features += window_features_of(family)
    return {feature.name: feature for feature in features}


def _has_roles(roles: Roles, family: Family) -> bool:
    present = {"card": roles.card, "terminal": roles.terminal, "amount": roles.amount}
    needed = (*family.entity, family.column)
    return roles.timestamp is not None and all(present.get(role, True) for role in needed if role)


def _has_needs(roles: Roles, feature: RowFeature) -> bool:
    if feature.needs == "amount":
        return roles.amount is not None
    return roles.timestamp is not None and roles.real_time
