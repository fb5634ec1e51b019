"""Figures, intervals, verdicts and money of a model on its test rows."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import EvaluationSettings
from fraud_assets.evaluation.figures import ScoredRows, intervals_of, metrics_of
from fraud_assets.evaluation.segments import parts_of
from fraud_assets.evaluation.verdicts import verdicts_of
from fraud_assets.metrics import Floats, Labels, ratio, share_interval
from fraud_assets.records.batches import SplitCounts
from fraud_assets.records.evaluation import (
    BusinessRow,
    Evaluation,
    ReliabilityBin,
    SegmentFigures,
)

RELIABILITY_BINS = 10


def evaluate(rows: ScoredRows, settings: EvaluationSettings) -> Evaluation:
    """Judge a model on rows that were never used to train, tune or set its threshold.

    Parameters
    ----------
    rows : ScoredRows
        Labelled rows with the model's scores.
    settings : EvaluationSettings
        Number of bootstrap resamples, seed and limits of the promotion rule.

    Returns
    -------
    Evaluation
        Figures by name, with their intervals, verdicts and reliability.

    See Also
    --------
    segment_figures : the same model on parts of the rows.
    fraud_assets.evaluation.compare.compare : compares it with the champion.

    Examples
    --------
    >>> from fraud_assets.config.settings import Costs
    >>> rows = ScoredRows(
    ...     labels=np.array([1, 1, 0, 0]),
    ...     scores=np.array([0.9, 0.2, 0.8, 0.1]),
    ...     losses=np.full(4, 50.0),
    ...     threshold=0.5,
    ...     costs=Costs(),
    ... )
    >>> evaluation = evaluate(rows, EvaluationSettings(bootstrap_resamples=50))
    >>> evaluation.metrics["test_fraud_recall"], evaluation.metrics["net_savings"]
    (0.5, 41.0)
    >>> evaluation.verdicts["fraud_recall"]
    'critical'
    """
    metrics, intervals = metrics_of(rows), intervals_of(rows, settings)
    return Evaluation(
        test=SplitCounts(rows=len(rows.labels), frauds=rows.counts.frauds),
        metrics=metrics,
        intervals=intervals,
        recall_judged_by=settings.recall_judged_by,
        verdicts=verdicts_of(metrics, intervals, settings.recall_judged_by),
        reliability=reliability(rows.labels, rows.scores),
        business=_business(rows),
    )


def reliability(labels: ArrayLike, scores: ArrayLike) -> list[ReliabilityBin]:
    """Compare predicted probabilities with observed frauds.

    Parameters
    ----------
    labels, scores : array-like of shape (n_rows,)
        Labels (0 or 1), and fraud probabilities between 0 and 1.

    Returns
    -------
    list of ReliabilityBin
        Lowest probabilities first, with about as many expected frauds in each.

    See Also
    --------
    fraud_assets.evaluation.figures.brier_score : calibration as one number.
    """
    labels = as_array("labels", labels, "label")
    scores = as_array("scores", scores, "probability", len(labels))
    order = np.argsort(scores, kind="stable")
    expected = np.cumsum(scores[order])
    # Bins of equal expected frauds: with equal rows, all but the last would hold hardly any.
    shares = expected / max(expected[-1], 1e-300)
    bins = np.minimum(shares * RELIABILITY_BINS, RELIABILITY_BINS - 1).astype(int)
    return [_bin(labels[inside], scores[inside]) for inside in _members(order, bins)]


def _members(order: np.ndarray, bins: np.ndarray) -> Iterator[np.ndarray]:
    return (order[bins == number] for number in np.unique(bins))


def _bin(labels: Labels, scores: Floats) -> ReliabilityBin:
    rows, frauds = len(labels), int(labels.sum())
    low, high = share_interval(frauds, rows)
    return ReliabilityBin(
        rows=rows, predicted=float(scores.mean()), observed=frauds / rows, low=low, high=high
    )


def _business(rows: ScoredRows) -> list[BusinessRow]:
    """Return the rows of the money table."""
    fraud, counts, costs = rows.labels == 1, rows.counts, rows.costs

    def row(what: str, count: int, money: float) -> BusinessRow:
        return BusinessRow(what=what, count=count, money=round(float(money), 2))

    return [
        row("frauds", counts.frauds, rows.losses[fraud].sum()),
        row("frauds caught", counts.frauds_detected, rows.losses[fraud & rows.alerts].sum()),
        row("frauds missed", counts.frauds_missed, -rows.losses[fraud & ~rows.alerts].sum()),
        row("alerts reviewed", counts.alerts, -costs.review * counts.alerts),
        row("false alarms", counts.false_alarms, -costs.false_alarm * counts.false_alarms),
        row("net savings", counts.alerts, rows.savings.sum()),
    ]


def segment_figures(rows: ScoredRows, parts: Mapping[str, ArrayLike]) -> list[SegmentFigures]:
    """Return the figures of a model on each part of the test rows.

    Parameters
    ----------
    rows : ScoredRows
        Labelled rows with the model's scores.
    parts : mapping of str to array-like of shape (n_rows,)
        As from `segments.segment_rows`.

    Returns
    -------
    list of SegmentFigures

    See Also
    --------
    evaluate : the figures of all rows.
    """
    return [
        _segment(segment, str(part), rows.of(inside))
        for segment, part, inside in parts_of(parts, len(rows.labels))
    ]


def _segment(segment: str, part: str, rows: ScoredRows) -> SegmentFigures:
    counts = rows.counts
    low, high = rows.recall_interval
    return SegmentFigures(
        segment=segment,
        part=part,
        rows=len(rows.labels),
        frauds=counts.frauds,
        fraud_recall=ratio(counts.frauds_detected, counts.frauds),
        low=low,
        high=high,
        fraud_precision=ratio(counts.frauds_detected, counts.alerts),
        false_alarm_rate=ratio(counts.false_alarms, counts.genuine),
    )
