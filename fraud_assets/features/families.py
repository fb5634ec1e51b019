"""The feature families, as a table. Adding one is adding an entry."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from fraud_assets.records.batches import Roles

Aggregation = Literal[
    "count",
    "mean",
    "sum",
    "max",
    "std",
    "ratio",
    "zscore",
    "peak",
    "seconds_since",
    "distinct",
    "never",
    "days_since_fraud",
    "last_is_fraud",
]
Reach = Literal["now", "before", "labelled"]


@dataclass(frozen=True)
class Family:
    """An aggregate over the past of a card or a terminal, in windows of several lengths.

    Attributes
    ----------
    name : str
        Column name, with `{}` for the days of the window.
    entity : tuple of {"card", "terminal"}
        Whose past: rows that agree with the transaction in these.
    column : {"amount", "fraud", "terminal"} or None
        What is aggregated; None: the rows themselves.
    aggregation : str
        `ratio` and `zscore` hold the transaction's own value against the window's, `peak`
        the window's largest against the mean of the last 90 days; `seconds_since` is the time
        since the window's last row, `never` is 1 when the window is empty;
        `days_since_fraud` and `last_is_fraud` look at the labels that became known last.
    days : tuple of int
        Lengths `d` of the windows, in days.
    reach : {"now", "before", "labelled"}
        For a transaction at time *t*: `now` is `(t - d, t]`, the transaction and all rows of
        its instant included; `before` is `(t - d, t)`; `labelled` holds the rows whose label
        became known in `(t - d, t]`.
    """

    name: str
    entity: tuple[Literal["card", "terminal"], ...]
    column: Literal["amount", "fraud", "terminal"] | None
    aggregation: Aggregation
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
        Column name, and the expression's in `build.py`.
    needs : {"date", "amount"}
        A timestamp that is a date and time, or an amount.
    """

    name: str
    needs: Literal["date", "amount"]


DAYS = (1, 7, 30)
PEAK_AGAINST_DAYS = 90
"""Days of amounts that a peak is held against."""

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
    Family("card_labelled_transactions_{}d", ("card",), "fraud", "count", DAYS, "labelled"),
    Family("card_fraud_share_{}d", ("card",), "fraud", "mean", DAYS, "labelled"),
    Family("terminal_transactions_{}d", ("terminal",), None, "count", DAYS, "now"),
    Family("terminal_mean_amount_{}d", ("terminal",), "amount", "mean", DAYS, "now"),
    Family("terminal_sum_amount_{}d", ("terminal",), "amount", "sum", DAYS, "now"),
    Family("terminal_max_amount_{}d", ("terminal",), "amount", "max", DAYS, "now"),
    Family("terminal_std_amount_{}d", ("terminal",), "amount", "std", DAYS, "now"),
    Family("terminal_labelled_transactions_{}d", ("terminal",), "fraud", "count", DAYS, "labelled"),
    Family(
        "terminal_fraud_share_{}d", ("terminal",), "fraud", "mean", (1, 3, 7, 14, 30), "labelled"
    ),
    Family(
        *("terminal_days_since_fraud_{}d", ("terminal",), "fraud"),
        *("days_since_fraud", (30,), "labelled"),
    ),
    Family(
        *("terminal_last_is_fraud_{}d", ("terminal",), "fraud"),
        *("last_is_fraud", (30,), "labelled"),
    ),
)
ROW_FEATURES: tuple[RowFeature, ...] = (
    RowFeature("hour", "date"),
    RowFeature("weekday", "date"),
    RowFeature("is_night", "date"),
    RowFeature("is_weekend", "date"),
    RowFeature("log_amount", "amount"),
)
LONGEST_WINDOW_DAYS = max(family.longest_days for family in FAMILIES)


@dataclass(frozen=True)
class WindowFeature:
    """One column of a family.

    Attributes
    ----------
    family : Family
    days : int
        Length of its window, in days.
    """

    family: Family
    days: int

    @property
    def name(self) -> str:
        """Column name."""
        return self.family.name.format(self.days)

    def warm_up_days(self, label_delay_days: float) -> float:
        """Return after how many days of history the window is full, in days."""
        days = self.family.longest_days if self.family.aggregation == "peak" else self.days
        return days + (label_delay_days if self.family.reach == "labelled" else 0)


Feature = WindowFeature | RowFeature


def features_for(roles: Roles, taken: Collection[str] = ()) -> list[Feature]:
    """Return the derived features that make sense for data with these roles.

    Parameters
    ----------
    roles : Roles
    taken : collection of str
        Names of source columns: a column of the data goes before a feature of its name, in
        whatever case.

    Returns
    -------
    list of WindowFeature or RowFeature
        In the order of the tables.
    """
    columns = {name.casefold() for name in taken}
    found: list[Feature] = []
    for family in FAMILIES:
        if _can_follow(roles, family):
            found += [WindowFeature(family, days) for days in family.days]
    found += [feature for feature in ROW_FEATURES if _can_tell(roles, feature)]
    return [feature for feature in found if feature.name.casefold() not in columns]


def _can_follow(roles: Roles, family: Family) -> bool:
    present = {"card": roles.card, "terminal": roles.terminal, "amount": roles.amount}
    needed = (*family.entity, family.column)
    return roles.timestamp is not None and all(present.get(role, True) for role in needed if role)


def _can_tell(roles: Roles, feature: RowFeature) -> bool:
    if feature.needs == "amount":
        return roles.amount is not None
    return roles.timestamp is not None and roles.real_time
