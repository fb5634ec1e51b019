"""Plots of a model on the test rows, as PNG."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.metrics import Confusion, Floats, threshold_curve
from fraud_assets.records.evaluation import ReliabilityBin
from fraud_assets.text import JOINER, inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAUD, GENUINE, CHOSEN = "#c0392b", "#2c7fb8", "#444444"
CURVE_POINTS = 400
LETTER = 0.0115
"""Width of a letter of a bar's name, as a share of the figure."""


@dataclass(frozen=True)
class Margins:
    """Room around a plot, as shares of the figure.

    Attributes
    ----------
    left, bottom, right : float
        Between 0 and 1.
    """

    left: float = 0.125
    bottom: float = 0.14
    right: float = 0.03

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of what is inside them."""
        top = 0.09
        return self.left, self.bottom, 1 - self.left - self.right, 1 - self.bottom - top

    @classmethod
    def for_names(cls, names: Sequence[str]) -> Self:
        """Return margins with room on the left for names of bars, up to half of the figure.

        Parameters
        ----------
        names : sequence of str
            The labels of the bars.

        Returns
        -------
        Margins

        Examples
        --------
        >>> round(Margins.for_names(["amount", "card_mean_amount_30d"]).left, 2)
        0.28
        """
        longest = max((len(name) for name in names), default=0)
        return cls(left=min(0.5, 0.05 + LETTER * longest))


def all_plots(
    rows: ScoredRows, reliability: Sequence[ReliabilityBin], importance: Mapping[str, float]
) -> dict[str, bytes]:
    """Draw every plot of the report.

    Parameters
    ----------
    rows : ScoredRows
        Labelled rows with the model's scores.
    reliability : sequence of ReliabilityBin
        Lowest probabilities first.
    importance : mapping of str to float
        By feature, largest first; empty when it is not known.

    Returns
    -------
    dict of str to bytes
        PNG by name: `precision_recall`, `score_distribution`, `threshold`, `confusion`,
        `reliability`, and `importance` where it is known.

    See Also
    --------
    fraud_assets.evaluation.report.to_markdown : the report that they belong to.
    """
    curve = _thinned(threshold_curve(rows.labels, rows.scores, rows.losses, rows.costs))
    return {
        "precision_recall": _precision_recall(curve, rows.counts),
        "score_distribution": _score_distribution(rows),
        "threshold": _threshold(curve, rows.threshold),
        "confusion": _confusion(rows.counts),
        "reliability": _reliability(reliability),
        **({"importance": _importance(importance)} if importance else {}),
    }


def _thinned(curve: dict[str, Floats]) -> dict[str, Floats]:
    """Keep all points of the highest scores, where alerts are decided, and some of the rest."""
    n = len(curve["threshold"])
    spread = np.linspace(0, n - 1, min(n, CURVE_POINTS)).astype(int)
    kept = np.union1d(np.arange(min(n, CURVE_POINTS)), spread)
    return {name: values[kept] for name, values in curve.items()}


def new_axes(
    title: str, xlabel: str, ylabel: str, margins: Margins = Margins()
) -> "tuple[Figure, Axes]":
    """Return a figure with one titled pair of axes; no display is needed.

    The margins are fixed: an automatic layout draws everything twice.

    Parameters
    ----------
    title, xlabel, ylabel : str
        Texts of the plot and its axes.
    margins : Margins, optional
        Room around the plot.

    Returns
    -------
    figure : Figure
    axes : Axes

    See Also
    --------
    to_png : writes the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6))
    axes = figure.add_axes(margins.rectangle)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8)
    return figure, axes


def plain_label(name: str) -> str:
    r"""Return a name from the data as a label: Matplotlib reads dollars as a formula.

    Parameters
    ----------
    name : str
        A name from the data, such as a column.

    Returns
    -------
    str

    Examples
    --------
    >>> plain_label("amount in $")
    'amount in \\$'
    """
    return inert(name).replace(JOINER, "").replace("$", r"\$")


def to_png(figure: "Figure") -> bytes:
    """Return a figure as PNG, the same bytes for the same figure.

    Parameters
    ----------
    figure : Figure
        As from `new_axes`; it is not changed.

    Returns
    -------
    bytes
        The content of a PNG file.

    See Also
    --------
    new_axes : makes the figure.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90, metadata={"Software": None})
    return file.getvalue()


def _precision_recall(curve: dict[str, Floats], counts: Confusion) -> bytes:
    figure, axes = new_axes("Precision against recall (frauds)", "recall", "precision")
    axes.plot(curve["recall"], curve["precision"], color=FRAUD)
    if counts.alerts and counts.frauds:
        axes.plot(
            counts.frauds_detected / counts.frauds,
            counts.frauds_detected / counts.alerts,
            "o",
            color=CHOSEN,
            label="decision threshold",
        )
        axes.legend(fontsize=8)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return to_png(figure)


def _score_distribution(rows: ScoredRows) -> bytes:
    figure, axes = new_axes("Score by class", "score", "transactions (log)")
    bins = np.linspace(0, 1, 41).tolist()
    for value, name, color in ((0, "genuine", GENUINE), (1, "fraud", FRAUD)):
        axes.hist(rows.scores[rows.labels == value], bins=bins, color=color, alpha=0.6, label=name)
    axes.axvline(rows.threshold, color=CHOSEN, linestyle="--", label="decision threshold")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    return to_png(figure)


def _threshold(curve: dict[str, Floats], threshold: float) -> bytes:
    margins = Margins(right=0.14)
    figure, axes = new_axes("Figures by threshold", "threshold", "share", margins)
    axes.plot(curve["threshold"], curve["precision"], color=GENUINE, label="precision")
    axes.plot(curve["threshold"], curve["recall"], color=FRAUD, label="recall")
    axes.axvline(threshold, color=CHOSEN, linestyle="--")
    cost = axes.twinx()
    cost.plot(curve["threshold"], curve["cost"], color="#e08e0b", label="cost (right)")
    cost.set_ylabel("cost", fontsize=9)
    cost.tick_params(labelsize=8)
    if np.all(curve["cost"] > 0):
        cost.set_yscale("log")
    handles = [*axes.get_lines()[:2], *cost.get_lines()]
    axes.legend(handles=handles, fontsize=8, loc="center right")
    return to_png(figure)


def _confusion(counts: Confusion) -> bytes:
    table = np.array(
        [
            [counts.genuine_passed, counts.false_alarms],
            [counts.frauds_missed, counts.frauds_detected],
        ]
    )
    figure, axes = new_axes("Confusion matrix", "decision", "label")
    axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0)
    axes.set_xticks([0, 1], ["passed", "alert"])
    axes.set_yticks([0, 1], ["genuine", "fraud"])
    for row in range(2):
        for column in range(2):
            dark = table[row, column] > table[row].sum() / 2
            axes.text(
                column,
                row,
                f"{table[row, column]:,}",
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    return to_png(figure)


def _reliability(bins: Sequence[ReliabilityBin]) -> bytes:
    figure, axes = new_axes("Reliability of the probabilities", "predicted", "observed")
    predicted, observed = [b.predicted for b in bins], [b.observed for b in bins]
    errors = [[b.observed - b.low for b in bins], [b.high - b.observed for b in bins]]
    smallest = min([value for value in (*predicted, *observed) if value > 0], default=1e-3) / 2
    axes.plot([smallest, 1], [smallest, 1], color=CHOSEN, linestyle="--", label="perfect")
    axes.errorbar(predicted, observed, np.maximum(errors, 0), fmt="o", color=FRAUD, label="bins")
    axes.set(xscale="log", yscale="log", xlim=(smallest, 1.2), ylim=(smallest, 1.2))
    axes.legend(fontsize=8)
    return to_png(figure)


def _importance(importance: Mapping[str, float]) -> bytes:
    shown = list(importance)[:15][::-1]
    names = [plain_label(name) for name in shown]
    margins = Margins.for_names(names)
    figure, axes = new_axes("Feature importance", "mean contribution, log-odds", "", margins)
    axes.barh(names, [importance[name] for name in shown], color=GENUINE)
    axes.tick_params(axis="y", labelsize=7)
    return to_png(figure)
