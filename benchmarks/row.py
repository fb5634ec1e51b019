"""A line of a benchmark's table."""

from typing import TypedDict


class Row(TypedDict):
    """What was measured, ours beside the other, and the goal.

    `ratio` is ours / other, `met` whether the goal was reached.
    """

    work: str
    ours: float
    other: float
    unit: str
    ratio: float
    goal: str
    met: bool


def row(work: str, ours: float, other: float, unit: str, goal: str, met: bool) -> Row:
    """Return a line; figures are rounded to three digits after the point."""
    return Row(
        work=work,
        ours=round(ours, 3),
        other=round(other, 3),
        unit=unit,
        ratio=round(ours / other, 3) if other else 0.0,
        goal=goal,
        met=bool(met),
    )
