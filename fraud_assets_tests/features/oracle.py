"""What each feature is by its definition: loops over plain rows, amounts as Decimal."""

from decimal import Decimal
from typing import Any, NamedTuple

from fraud_assets.features.families import WindowFeature

MICROSECONDS_PER_DAY = 86_400_000_000


class Event(NamedTuple):
    """A transaction; times in microseconds, None where the data does not say."""

    known: int | None
    label_known: int | None
    card: str | None
    terminal: str | None
    amount: Decimal | None
    fraud: int


def seen(events: list[Event], own: Event, feature: Any) -> list[Event]:
    """The events in the feature's window."""
    family, length = feature.family, feature.days * MICROSECONDS_PER_DAY
    same = [
        event
        for event in events
        if all(getattr(event, role) == getattr(own, role) for role in family.entity)
    ]
    if family.reach == "labelled":
        clock = [(event.label_known, event) for event in same]
    else:
        clock = [(event.known, event) for event in same]
    last = own.known - 1 if family.reach == "before" else own.known
    return [e for time, e in clock if time is not None and own.known - length < time <= last]


def value(events: list[Event], own: Event, feature: Any) -> float | None:
    """The feature's value at one of the events."""
    family = feature.family
    if own.known is None or any(getattr(own, role) is None for role in family.entity):
        return None
    inside = seen(events, own, feature)
    if family.aggregation == "peak":
        usual = seen(events, own, WindowFeature(family, 90))
        return peak(*([e.amount for e in part if e.amount is not None] for part in (inside, usual)))
    if family.column == "amount":
        amounts = [event.amount for event in inside if event.amount is not None]
        return of_amounts(amounts, own, family.aggregation)
    return of_events(inside, own, family.aggregation)


def of_events(inside: list[Event], own: Event, aggregation: str) -> float | None:
    """An aggregate of events: of their number, times, terminals or labels."""
    if aggregation == "seconds_since":
        return (own.known - max(e.known for e in inside)) / 1_000_000 if inside else None
    if aggregation == "fraud_share":
        return sum(e.fraud for e in inside) / len(inside) if inside else 0.0
    if aggregation in ("days_since_fraud", "last_is_fraud"):
        return of_labels(inside, own, aggregation)
    terminals = {event.terminal for event in inside if event.terminal is not None}
    if aggregation in ("count", "label_count"):
        return len(inside)
    return {"never": int(not inside), "distinct": len(terminals)}[aggregation]


def of_labels(inside: list[Event], own: Event, aggregation: str) -> float | None:
    """An aggregate of the labels that became known last."""
    if aggregation == "last_is_fraud":
        last = max((e.label_known for e in inside), default=None)
        return max((e.fraud for e in inside if e.label_known == last), default=None)
    frauds = [e.label_known for e in inside if e.fraud == 1]
    return (own.known - max(frauds)) / MICROSECONDS_PER_DAY if frauds else None


def peak(inside: list[Decimal], usual: list[Decimal]) -> float | None:
    """The largest amount over the usual mean."""
    mean = sum(usual) / len(usual) if usual else 0
    return float(max(inside) / mean) if inside and mean else None


def of_amounts(amounts: list[Decimal], own: Event, aggregation: str) -> float | None:
    """An aggregate of amounts, exact but for the last rounding."""
    if not amounts:
        return None
    mean = sum(amounts) / len(amounts)
    if aggregation in ("mean", "sum", "max"):
        return float({"mean": mean, "sum": sum(amounts), "max": max(amounts)}[aggregation])
    if aggregation == "ratio":
        return float(own.amount / mean) if own.amount is not None and mean else None
    if len(amounts) < 2:
        return None
    spread = (sum((a - mean) ** 2 for a in amounts) / (len(amounts) - 1)).sqrt()
    if aggregation == "std":
        return float(spread)
    return float((own.amount - mean) / spread) if own.amount is not None and spread else None
