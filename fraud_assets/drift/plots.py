"""Plots of the drift: by feature, as distributions, and over the batches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fraud_assets.config.limits import DRIFT_SCORE
from fraud_assets.drift.encoding import Column, Counts
from fraud_assets.evaluation.plots import (
    CHOSEN,
    FRAUD,
    GENUINE,
    Margins,
    new_axes,
    plain_label,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 15
STEPS = 30
SINGLE_VALUES = 12
"""Different values up to which each has a bar of its own."""


def drift_by_feature(features: Sequence[Mapping[str, Any]], min_distance: float) -> bytes:
    """Draw the features that moved most, as PNG.

    Parameters
    ----------
    features : sequence of mapping
        As from `measure.measure_drift`.
    min_distance : float
        The distance from which a feature may count as drifted.
    """
    shown = features[:SHOWN][::-1]
    names = [plain_label(feature["feature"]) for feature in shown]
    label, margins = "Jensen-Shannon distance to the reference", Margins.for_names(names)
    figure, axes = new_axes("Drift by feature", label, "", margins)
    axes.barh(
        names,
        [feature["distance"] for feature in shown],
        color=[FRAUD if feature["drifted"] else GENUINE for feature in shown],
    )
    axes.axvline(min_distance, color=CHOSEN, linestyle="--")
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlim(0, max(1.2 * min_distance, *(f["distance"] for f in shown), 0.2))
    return to_png(figure)


def distributions(columns: Sequence[Column], batch: Mapping[str, Counts]) -> bytes:
    """Draw columns as the reference had them and as the batch has them, as PNG.

    Parameters
    ----------
    columns : sequence of Column
        The first four are drawn.
    batch : mapping of str to ndarray of shape (n_codes,)
        Counts of the batch.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.12, top=0.94, wspace=0.18, hspace=0.55)
    panels = figure.subplots(2, 2).flat
    for axes, column in zip(panels, columns, strict=False):
        axes.set_title(plain_label(column.name), fontsize=9)
        axes.tick_params(labelsize=7)
        _distribution(axes, column, np.array(column.counts), batch[column.name])
    for axes in list(panels):
        axes.set_axis_off()
    figure.axes[0].legend(fontsize=7)
    return to_png(figure)


def _distribution(axes: "Axes", column: Column, reference: Counts, batch: Counts) -> None:
    sides = (("reference", GENUINE, reference), ("batch", FRAUD, batch))
    labels = _single_values(column)
    for place, (name, color, counts) in enumerate(sides):
        total = max(counts.sum(), 1)
        if labels is None:
            edges, shares = _histogram(column, counts)
            axes.stairs(shares, edges, color=color, fill=True, alpha=0.5, label=name)
        else:
            at = np.arange(len(labels)) + (place - 0.5) * 0.4
            axes.bar(at, counts[list(labels)] / total, 0.4, color=color, label=name)
    if labels is not None:
        axes.set_xticks(
            range(len(labels)), [plain_label(text[:10]) for text in labels.values()], rotation=30
        )


def _single_values(column: Column) -> dict[int, str] | None:
    """Return codes and names of a column of few values, None of one of many."""
    if column.kind == "category":
        frequent = np.argsort(-np.array(column.counts), kind="stable")[:SINGLE_VALUES]
        return {int(code): column.label(int(code)) for code in sorted({*frequent, *column.outside})}
    if len(column.cuts) > SINGLE_VALUES:
        return None
    inside = {code: f"{column.cuts[code - 1]:g}" for code in range(1, len(column.cuts))}
    return {**inside, column.missing: "missing"}


def _histogram(column: Column, counts: Counts) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return steps of equal width between the 1% and 99% quantile, and the share in each."""
    cuts = np.array(column.cuts)
    known = np.array(column.counts[1:-2], dtype=float)
    below = np.append(0, np.cumsum(known)) / max(known.sum(), 1)
    low, high = np.interp([0.01, 0.99], below, cuts)
    edges = np.linspace(low, high if high > low else low + 1, STEPS + 1)
    cumulated = np.append(0, np.cumsum(counts[1:-2])) / max(counts.sum(), 1)
    return edges, np.diff(np.interp(edges, cuts, cumulated))


def drift_over_batches(history: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw the drift score of the last batches, as PNG.

    Parameters
    ----------
    history : sequence of mapping
        `batch`, `drift_score` (None: not judged) and `champion`, oldest first.
    """
    margins = Margins(bottom=0.27)
    figure, axes = new_axes("Drift over the last batches", "", "drift score", margins)
    scores = [np.nan if h["drift_score"] is None else h["drift_score"] for h in history]
    axes.plot(range(len(history)), scores, "o-", color=GENUINE)
    for limit, color in ((DRIFT_SCORE.watch, "#e08e0b"), (DRIFT_SCORE.critical, FRAUD)):
        axes.axhline(limit, color=color, linestyle="--", linewidth=1)
    for place in range(1, len(history)):
        if history[place]["champion"] != history[place - 1]["champion"]:
            axes.axvline(place - 0.5, color=CHOSEN, linestyle=":", linewidth=1)
    names = [plain_label(str(h["batch"])[-14:]) for h in history]
    axes.set_xticks(range(len(history)), names, rotation=30, ha="right")
    axes.set_ylim(0, max(0.4, 1.1 * np.nanmax([0.0, *scores])))
    return to_png(figure)
