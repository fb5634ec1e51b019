"""Plots of the drift: by feature, as distributions, and over the last batches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.config.limits import DRIFT_SCORE
from fraud_assets.drift.encoding import Column, Counts
from fraud_assets.drift.profile import Summary
from fraud_assets.evaluation.plots import (
    CHOSEN,
    FRAUD,
    GENUINE,
    Margins,
    new_axes,
    plain_label,
    to_png,
)
from fraud_assets.records.drift import FeatureDrift, HistoryPoint, JudgedDrift, MeasuredDrift

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 15
BINS = 30
SINGLE_VALUES = 12
"""Up to this many different values, each has a bar of its own."""


def report_plots(
    report: MeasuredDrift, columns: Sequence[Column], batch: Summary
) -> dict[str, bytes]:
    """Draw the plots of a report, as PNG.

    Parameters
    ----------
    report : MeasuredDrift
        The drift report of a batch, with or without a verdict.
    columns : sequence of Column
        Those of the profile that the batch has.
    batch : Summary
        The batch, summarized by the columns of the profile.

    Returns
    -------
    dict of str to bytes
        `drift_over_batches`, and with a verdict also `drift` and `distributions`.

    See Also
    --------
    drift_by_feature, distributions, drift_over_batches : draw one plot each.
    """
    pictures = {"drift_over_batches": drift_over_batches(report.history)}
    if isinstance(report, JudgedDrift):
        by_name = {column.name: column for column in columns}
        compared = [by_name[f.feature] for f in report.features if not f.finding]
        pictures["drift"] = drift_by_feature(report.features, report.settings.min_distance)
        pictures["distributions"] = distributions(compared, batch.counts)
    return pictures


def drift_by_feature(features: Sequence[FeatureDrift], min_distance: float) -> bytes:
    """Draw the features with the largest drift, as PNG.

    Parameters
    ----------
    features : sequence of FeatureDrift
        Largest distance first.
    min_distance : float
        The distance from which a feature may count as drifted.

    Returns
    -------
    bytes
        The content of a PNG file.

    See Also
    --------
    report_plots : all plots of a report.
    """
    shown = features[:SHOWN][::-1]
    names = [plain_label(feature.feature) for feature in shown]
    label, margins = "Jensen-Shannon distance to the reference", Margins.for_names(names)
    figure, axes = new_axes("Drift by feature", label, "", margins)
    axes.barh(
        names,
        [feature.distance for feature in shown],
        color=[FRAUD if feature.drifted else GENUINE for feature in shown],
    )
    axes.axvline(min_distance, color=CHOSEN, linestyle="--")
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlim(0, max(1.2 * min_distance, *(f.distance for f in shown), 0.2))
    return to_png(figure)


def distributions(columns: Sequence[Column], batch: Mapping[str, ArrayLike]) -> bytes:
    """Draw the distributions of columns in the reference and in the batch, as PNG.

    Parameters
    ----------
    columns : sequence of Column
        The first four are drawn.
    batch : mapping of str to array-like of shape (n_codes,)
        Counts of the batch.

    Returns
    -------
    bytes
        The content of a PNG file.

    See Also
    --------
    report_plots : all plots of a report.
    """
    from matplotlib.figure import Figure

    counts = [as_array("batch", batch[c.name], "weight", len(c.counts)) for c in columns]
    figure = Figure(figsize=(7.2, 4.8))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.12, top=0.94, wspace=0.18, hspace=0.55)
    panels = figure.subplots(2, 2).flat
    for axes, column, of_batch in zip(panels, columns, counts, strict=False):
        axes.set_title(plain_label(column.name), fontsize=9)
        axes.tick_params(labelsize=7)
        _distribution(axes, column, np.array(column.counts), of_batch)
    for axes in list(panels):
        axes.set_axis_off()
    figure.axes[0].legend(fontsize=7)
    return to_png(figure)


def _distribution(axes: "Axes", column: Column, reference: Counts, batch: Counts) -> None:
    sides = (("reference", GENUINE, reference), ("batch", FRAUD, batch))
    labels = _single_values(column)
    for index, (name, color, counts) in enumerate(sides):
        total = max(counts.sum(), 1)
        if labels is None:
            edges, shares = _histogram(column, counts)
            axes.stairs(shares, edges, color=color, fill=True, alpha=0.5, label=name)
        else:
            at = np.arange(len(labels)) + (index - 0.5) * 0.4
            axes.bar(at, counts[list(labels)] / total, 0.4, color=color, label=name)
    if labels is not None:
        axes.set_xticks(
            range(len(labels)), [plain_label(text[:10]) for text in labels.values()], rotation=30
        )


def _single_values(column: Column) -> dict[int, str] | None:
    """Return codes and names of a column of few values; None when it has many."""
    if column.kind == "category":
        frequent = np.argsort(-np.array(column.counts), kind="stable")[:SINGLE_VALUES]
        return {int(code): column.label(int(code)) for code in sorted({*frequent, *column.outside})}
    if len(column.cuts) > SINGLE_VALUES:
        return None
    inside = {code: f"{column.cuts[code - 1]:g}" for code in range(1, len(column.cuts))}
    return {**inside, column.missing: "missing"}


def _histogram(column: Column, counts: Counts) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return bins of equal width between the 1% and 99% quantile, and the share in each."""
    cuts = np.array(column.cuts)
    known = np.array(column.counts[1:-2], dtype=float)
    quantiles = np.append(0, np.cumsum(known)) / max(known.sum(), 1)
    low, high = np.interp([0.01, 0.99], quantiles, cuts)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    cumulative = np.append(0, np.cumsum(counts[1:-2])) / max(counts.sum(), 1)
    return edges, np.diff(np.interp(edges, cuts, cumulative))


def drift_over_batches(history: Sequence[HistoryPoint]) -> bytes:
    """Draw the drift score of the last batches, as PNG.

    Parameters
    ----------
    history : sequence of HistoryPoint
        Oldest first.

    Returns
    -------
    bytes
        The content of a PNG file.

    See Also
    --------
    report_plots : all plots of a report.
    """
    margins = Margins(bottom=0.27)
    figure, axes = new_axes("Drift over the last batches", "", "drift score", margins)
    scores = [np.nan if p.drift_score is None else p.drift_score for p in history]
    axes.plot(range(len(history)), scores, "o-", color=GENUINE)
    for limit, color in ((DRIFT_SCORE.watch, "#e08e0b"), (DRIFT_SCORE.critical, FRAUD)):
        axes.axhline(limit, color=color, linestyle="--", linewidth=1)
    for index in range(1, len(history)):
        if history[index].champion != history[index - 1].champion:
            axes.axvline(index - 0.5, color=CHOSEN, linestyle=":", linewidth=1)
    names = [plain_label(point.batch[-14:]) for point in history]
    axes.set_xticks(range(len(history)), names, rotation=30, ha="right")
    axes.set_ylim(0, max(0.4, 1.1 * np.nanmax([0.0, *scores])))
    return to_png(figure)
