"""The feature families, as a table. Adding a feature is adding a line."""

from dataclasses import dataclass
from typing import Literal

Entity = Literal["card", "terminal"]
Aggregation = Literal["transactions", "mean_amount", "fraud_share"]


@dataclass(frozen=True)
class WindowFeature:
    """An aggregate over the past of a card or a terminal.

    Attributes
    ----------
    entity : {"card", "terminal"}
        Whose past.
    aggregation : {"transactions", "mean_amount", "fraud_share"}
        What of it.
    days : int
        Length of the window `(t - days, t]`, in days.
    delayed : bool
        Whether the window ends one label delay before the transaction, so that every label
        in it is known.
    """

    entity: Entity
    aggregation: Aggregation
    days: int
    delayed: bool

    @property
    def name(self) -> str:
        """Column name of the feature."""
        return f"{self.entity}_{self.aggregation}_{self.days}d"

    def warm_up_days(self, label_delay_days: float) -> float:
        """Return after how many days of history the window is full, in days."""
        return self.days + (label_delay_days if self.delayed else 0)


WINDOW_FEATURES: tuple[WindowFeature, ...] = (
    WindowFeature("card", "transactions", 1, delayed=False),
    WindowFeature("card", "transactions", 7, delayed=False),
    WindowFeature("card", "transactions", 30, delayed=False),
    WindowFeature("card", "mean_amount", 1, delayed=False),
    WindowFeature("card", "mean_amount", 7, delayed=False),
    WindowFeature("card", "mean_amount", 30, delayed=False),
    WindowFeature("terminal", "transactions", 1, delayed=True),
    WindowFeature("terminal", "transactions", 7, delayed=True),
    WindowFeature("terminal", "transactions", 30, delayed=True),
    WindowFeature("terminal", "fraud_share", 1, delayed=True),
    WindowFeature("terminal", "fraud_share", 7, delayed=True),
    WindowFeature("terminal", "fraud_share", 30, delayed=True),
)
LONGEST_WINDOW_DAYS = max(feature.days for feature in WINDOW_FEATURES)

CALENDAR_FEATURES: dict[str, str] = {
    "is_weekend": "CAST(isodow(event_time) >= 6 AS TINYINT)",
    "is_night": "CAST(hour(event_time) <= 6 AS TINYINT)",
    "hour": "hour(event_time)",
}
"""SQL over the transaction's own time, for timestamps that are dates."""


def window_features(has_card: bool, has_terminal: bool, has_amount: bool) -> list[WindowFeature]:
    """Return the window features that make sense for data with these roles."""
    present = {"card": has_card, "terminal": has_terminal}
    return [
        feature
        for feature in WINDOW_FEATURES
        if present[feature.entity] and (has_amount or feature.aggregation != "mean_amount")
    ]
