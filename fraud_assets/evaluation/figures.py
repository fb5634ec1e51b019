"""The figures of an evaluation, each once: its value, its interval, and where it is shown."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import Costs, EvaluationSettings
from fraud_assets.metrics import (
    Confusion,
    Floats,
    Labels,
    bootstrap_intervals,
    class_figures,
    confusion,
    net_savings,
    ranking_figures,
    ratio,
    return_on_investment,
    row_savings,
    share_interval,
)
from fraud_assets.records.evaluation import EvaluationReport, Interval, Metrics


@dataclass(frozen=True)
class ScoredRows:
    """Labelled rows with the scores of a model.

    Attributes
    ----------
    labels, scores : ndarray of shape (n_rows,)
        Labels (0 or 1), and fraud probabilities between 0 and 1.
    losses : ndarray of shape (n_rows,)
        What each row would cost as a missed fraud, in money.
    threshold : float
        Score from which a row is an alert, between 0 and 1.
    costs : Costs
        Cost of a missed fraud, of a review and of a false alarm.

    Raises
    ------
    ValueError
        When labels, scores and losses have different rows, or hold something else.

    See Also
    --------
    fraud_assets.evaluation.evaluate.evaluate : judges a model on them.

    Notes
    -----
    Series, lists and tuples become arrays; rows are matched by position.
    """

    labels: Labels
    scores: Floats
    losses: Floats
    threshold: float
    costs: Costs

    def __post_init__(self) -> None:
        """Convert the columns to arrays."""
        labels = as_array("labels", self.labels, "label")
        scores = as_array("scores", self.scores, "probability", len(labels))
        losses = as_array("losses", self.losses, "weight", len(labels))
        for name, values in (("labels", labels), ("scores", scores), ("losses", losses)):
            object.__setattr__(self, name, values)

    def of(self, rows: ArrayLike) -> "ScoredRows":
        """Return some of the rows.

        Parameters
        ----------
        rows : array-like of bool, shape (n_rows,)
            Which rows to keep.

        Returns
        -------
        ScoredRows
        """
        kept = as_array("rows", rows, "flag", len(self.labels))
        return replace(
            self, labels=self.labels[kept], scores=self.scores[kept], losses=self.losses[kept]
        )

    @cached_property
    def alerts(self) -> np.ndarray:
        """Which rows are alerts, shape (n_rows,)."""
        return self.scores >= self.threshold

    @cached_property
    def counts(self) -> Confusion:
        """Counts of alerts and passed rows, by class."""
        return confusion(self.labels, self.alerts)

    @cached_property
    def savings(self) -> Floats:
        """What each row saves against doing nothing, in money, shape (n_rows,)."""
        return row_savings(self.labels, self.alerts, self.losses, self.costs)

    @cached_property
    def class_figures(self) -> dict[str, float]:
        """Precision, recall and F1, as of `metrics.class_figures`."""
        return class_figures(self.counts)

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """Average precision and area under the ROC curve."""
        return ranking_figures(self.labels, self.scores, np.ones(len(self.labels)))

    @cached_property
    def recall_interval(self) -> Interval:
        """The 95% interval of the recall."""
        return share_interval(self.counts.frauds_detected, self.counts.frauds)

    @cached_property
    def false_alarm_interval(self) -> Interval:
        """The 95% interval of the false alarm rate."""
        return share_interval(self.counts.false_alarms, self.counts.genuine)


@dataclass(frozen=True)
class Figure:
    """A figure of the evaluation.

    Attributes
    ----------
    name : str
        The metric in the report, in MLflow and, with a prefix, in Prometheus.
    value : callable of ScoredRows
        Computes the figure.
    interval : callable of ScoredRows, optional
        Its 95% interval; None: by the bootstrap, where `metrics.bootstrap_intervals` has it, or
        none at all.
    label : str, optional
        In the tables of report and model card; None: not in them.
    in_metadata : bool, optional
        Whether the asset's page shows it.
    in_decision : bool, optional
        Whether the decision log keeps it.

    See Also
    --------
    metrics_of : the values of all figures.
    """

    name: str
    value: Callable[[ScoredRows], int | float]
    interval: Callable[[ScoredRows], Interval] | None = None
    label: str | None = None
    in_metadata: bool = False
    in_decision: bool = False


def brier_score(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean squared difference between probability and label; 0 is best.

    Parameters
    ----------
    labels, scores : array-like of shape (n_rows,)
        Labels (0 or 1), and fraud probabilities between 0 and 1.

    Returns
    -------
    float
        Between 0 and 1.

    See Also
    --------
    fraud_assets.evaluation.evaluate.reliability : calibration by score.

    Notes
    -----
    G. W. Brier, Verification of forecasts expressed in terms of probability, 1950.

    Examples
    --------
    >>> brier_score(np.array([1, 0]), np.array([0.5, 0.5]))
    0.25
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "probability", len(labels))
    return float(np.mean((scores - labels) ** 2))


def _class_figure(name: str, rows: ScoredRows) -> float:
    return rows.class_figures[name]


def _scaled(interval: Interval, number: int) -> Interval:
    return number * interval[0], number * interval[1]


FIGURES = (
    Figure(
        "test_fraud_recall",
        partial(_class_figure, "test_fraud_recall"),
        lambda rows: rows.recall_interval,
        label="fraud recall",
        in_metadata=True,
        in_decision=True,
    ),
    Figure(
        "frauds_missed_count",
        lambda rows: rows.counts.frauds_missed,
        lambda rows: _scaled(
            (1 - rows.recall_interval[1], 1 - rows.recall_interval[0]), rows.counts.frauds
        ),
        label="missed frauds",
        in_metadata=True,
        in_decision=True,
    ),
    Figure(
        "test_fraud_precision",
        partial(_class_figure, "test_fraud_precision"),
        lambda rows: share_interval(rows.counts.frauds_detected, rows.counts.alerts),
        label="fraud precision",
        in_metadata=True,
    ),
    Figure(
        "test_fraud_f1",
        partial(_class_figure, "test_fraud_f1"),
        label="fraud F1",
        in_metadata=True,
    ),
    Figure(
        "false_alarm_rate",
        lambda rows: ratio(rows.counts.false_alarms, rows.counts.genuine),
        lambda rows: rows.false_alarm_interval,
        label="false alarm rate",
        in_metadata=True,
        in_decision=True,
    ),
    Figure(
        "test_average_precision",
        lambda rows: rows.ranking[0],
        label="average precision",
        in_metadata=True,
        in_decision=True,
    ),
    Figure("test_roc_auc", lambda rows: rows.ranking[1], label="ROC AUC"),
    Figure(
        "frauds_detected_count",
        lambda rows: rows.counts.frauds_detected,
        lambda rows: _scaled(rows.recall_interval, rows.counts.frauds),
        label="caught frauds",
        in_metadata=True,
    ),
    Figure(
        "false_alarms_count",
        lambda rows: rows.counts.false_alarms,
        lambda rows: _scaled(rows.false_alarm_interval, rows.counts.genuine),
        label="false alarms",
        in_metadata=True,
        in_decision=True,
    ),
    Figure(
        "net_savings",
        lambda rows: net_savings(rows.labels, rows.alerts, rows.losses, rows.costs),
        label="net savings",
        in_metadata=True,
        in_decision=True,
    ),
    Figure(
        "return_on_investment",
        lambda rows: return_on_investment(rows.labels, rows.alerts, rows.losses, rows.costs),
        in_metadata=True,
    ),
    Figure(
        "test_brier_score",
        lambda rows: brier_score(rows.labels, rows.scores),
        in_metadata=True,
    ),
    Figure(
        "fraud_detection_rate",
        lambda rows: ratio(rows.counts.frauds_detected, rows.counts.frauds),
        lambda rows: rows.recall_interval,
    ),
    Figure("decision_threshold", lambda rows: rows.threshold),
    *(
        Figure(name, partial(_class_figure, name))
        for name in (
            *("test_macro_precision", "test_macro_recall", "test_macro_f1"),
            *("test_weighted_precision", "test_weighted_recall", "test_weighted_f1"),
        )
    ),
)
"""All metrics of the evaluation report, in the order of its table; a new one is an entry here."""
TABLE = tuple(figure for figure in FIGURES if figure.label is not None)
"""The figures in the tables of report and model card."""


def metrics_of(rows: ScoredRows) -> Metrics:
    """Return the value of every figure.

    Parameters
    ----------
    rows : ScoredRows
        Labelled rows with the model's scores.

    Returns
    -------
    dict of str to int or float
        By name.

    See Also
    --------
    intervals_of : their intervals.
    """
    return {figure.name: figure.value(rows) for figure in FIGURES}


def intervals_of(rows: ScoredRows, settings: EvaluationSettings) -> dict[str, Interval]:
    """Return the 95% intervals of those figures that have one.

    Parameters
    ----------
    rows : ScoredRows
        Labelled rows with the model's scores.
    settings : EvaluationSettings
        How many bootstrap resamples, and their seed.

    Returns
    -------
    dict of str to (float, float)
        By name.

    See Also
    --------
    metrics_of : the values.

    Notes
    -----
    Shares and counts by Wilson's interval, `metrics.share_interval`; the others by the bootstrap.
    """
    analytic = {figure.name: figure.interval(rows) for figure in FIGURES if figure.interval}
    return analytic | bootstrap_intervals(
        rows.labels,
        rows.scores,
        rows.alerts,
        rows.savings,
        settings.bootstrap_resamples,
        settings.seed,
    )


def number(value: float) -> str:
    """Return a figure as text: counts without decimals, shares with four, money with two.

    Parameters
    ----------
    value : int or float
        An integer is a count; a float of at most 1 in absolute value is a share, a larger one
        money.

    Returns
    -------
    str

    See Also
    --------
    interval_text : the interval of a figure.

    Examples
    --------
    >>> number(1234), number(0.80808), number(1234.5)
    ('1,234', '0.8081', '1,234.50')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:,.2f}"


def interval_text(report: EvaluationReport, name: str) -> str:
    """Return the interval of a figure as text.

    Parameters
    ----------
    report : EvaluationReport
        The figures of the model on its test rows.
    name : str
        Of the figure.

    Returns
    -------
    str
        The low and the high end.

    Raises
    ------
    KeyError
        When the figure has no interval.

    See Also
    --------
    number : the figure itself.
    """
    low, high = report.intervals[name]
    if name.endswith("_count"):
        return f"{low:.1f} to {high:.1f}"
    return f"{low:,.2f} to {high:,.2f}" if name == "net_savings" else f"{low:.4f} to {high:.4f}"
