"""The table that compares several challengers on the same past test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fraud_assets.config.settings import EvaluationSettings
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.metrics import (
    Floats,
    Labels,
    bootstrap_intervals,
    confusion,
    paired_differences,
    ranking_figures,
    ratio,
    share_interval,
)
from fraud_assets.records.evaluation import ComparisonRow, Interval
from fraud_assets.text import escape_markdown

ALL = "all"


@dataclass(frozen=True)
class BatchResult:
    """A challenger on the test rows of one batch, or of several.

    Attributes
    ----------
    batch : str
        Name of the batch (partition key).
    labels, scores : ndarray of shape (n_rows,)
        Labels (0 or 1), and fraud probabilities between 0 and 1.
    alerts : ndarray of bool, shape (n_rows,)
        Which rows have a score at or above the threshold.
    savings : ndarray of shape (n_rows,)
        Money that each row saves, compared with no detection.

    See Also
    --------
    side_by_side : compares several results.
    """

    batch: str
    labels: Labels
    scores: Floats
    alerts: np.ndarray
    savings: Floats

    @classmethod
    def of(cls, batch: str, rows: ScoredRows) -> "BatchResult":
        """Return the result on one batch.

        Parameters
        ----------
        batch : str
            Name of the batch (partition key).
        rows : ScoredRows
            Labelled rows with the model's scores.

        Returns
        -------
        BatchResult

        See Also
        --------
        side_by_side : compares several results.
        """
        return cls(batch, rows.labels, rows.scores, rows.alerts, rows.savings)


def side_by_side(
    results: Mapping[str, Sequence[BatchResult]], reference: str, settings: EvaluationSettings
) -> list[ComparisonRow]:
    """Compare challengers, by batch and over all batches.

    Parameters
    ----------
    results : mapping of str to sequence of BatchResult
        By challenger; the same batches with the same rows for each.
    reference : str
        The challenger that the others are compared with.
    settings : EvaluationSettings
        Number of bootstrap resamples, seed and limits of the promotion rule.

    Returns
    -------
    list of ComparisonRow
        One row for each batch and challenger; with several batches, those of all of them together
        first. The verdict is better or worse in average precision beyond chance, else saves more
        or saves less, else no difference.

    See Also
    --------
    to_markdown : the table as text.

    Notes
    -----
    Differences are measured on the same bootstrap resamples, as of `metrics.paired_differences`.
    """
    batches = [result.batch for result in results[reference]]
    groups = [{name: _pooled(of_batches) for name, of_batches in results.items()}]
    if len(batches) > 1:
        groups += [
            {name: of_batches[place] for name, of_batches in results.items()}
            for place in range(len(batches))
        ]
    return [
        _row(name, result, None if name == reference else group[reference], settings)
        for group in groups
        for name, result in group.items()
    ]


def _pooled(results: Sequence[BatchResult]) -> BatchResult:
    return BatchResult(
        ALL if len(results) > 1 else results[0].batch,
        np.concatenate([result.labels for result in results]),
        np.concatenate([result.scores for result in results]),
        np.concatenate([result.alerts for result in results]),
        np.concatenate([result.savings for result in results]),
    )


def _row(
    name: str, result: BatchResult, reference: BatchResult | None, settings: EvaluationSettings
) -> ComparisonRow:
    counts = confusion(result.labels, result.alerts)
    intervals = bootstrap_intervals(
        result.labels,
        result.scores,
        result.alerts,
        result.savings,
        settings.bootstrap_resamples,
        settings.seed,
    )
    row = ComparisonRow(
        batch=result.batch,
        challenger=name,
        rows=len(result.labels),
        frauds=counts.frauds,
        frauds_detected_count=counts.frauds_detected,
        frauds_missed_count=counts.frauds_missed,
        false_alarms_count=counts.false_alarms,
        fraud_recall=ratio(counts.frauds_detected, counts.frauds),
        fraud_recall_interval=share_interval(counts.frauds_detected, counts.frauds),
        average_precision=ranking_figures(
            result.labels, result.scores, np.ones(len(result.scores))
        )[0],
        average_precision_interval=intervals["test_average_precision"],
        net_savings=float(result.savings.sum()),
        net_savings_interval=intervals["net_savings"],
        verdict="reference",
    )
    return row if reference is None else _compared(row, result, reference, settings)


def _compared(
    row: ComparisonRow, result: BatchResult, reference: BatchResult, settings: EvaluationSettings
) -> ComparisonRow:
    """Add the differences to the reference, and the verdict."""
    precision, money = paired_differences(
        result.labels,
        (result.scores, reference.scores),
        (result.savings, reference.savings),
        settings.bootstrap_resamples,
        settings.seed,
    )
    interval = precision.interval(settings.promotion_confidence)
    savings_interval = money.interval(settings.promotion_confidence)
    return row.model_copy(
        update={
            "difference": precision.value,
            "interval": interval,
            "savings_difference": money.value,
            "savings_interval": savings_interval,
            "verdict": _verdict(interval, savings_interval, settings.promotion_margin),
        }
    )


def _verdict(precision: Interval, savings: Interval, margin: float) -> str:
    if precision[0] > margin:
        return "better"
    if precision[1] < 0:
        return "worse"
    if savings[0] > 0:
        return "saves more"
    return "saves less" if savings[1] < 0 else "no difference beyond chance"


def to_markdown(table: Sequence[ComparisonRow], confidence: float) -> str:
    """Return the table for a person to read.

    Parameters
    ----------
    table : sequence of ComparisonRow
        As from `side_by_side`.
    confidence : float
        Coverage of the intervals of the differences.

    Returns
    -------
    str
        Markdown.

    See Also
    --------
    side_by_side : makes the table.
    """
    lines = [
        "| batch | challenger | frauds caught | missed | false alarms | average precision "
        "| difference | net savings | difference | verdict |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        *map(_line, table),
    ]
    note = f"Differences to the reference on the same rows, with {confidence:.0%} intervals."
    return "\n".join([*lines, "", note, ""])


def _line(row: ComparisonRow) -> str:
    low, high = row.average_precision_interval
    cells = (
        escape_markdown(row.batch),
        escape_markdown(row.challenger),
        row.frauds_detected_count,
        row.frauds_missed_count,
        row.false_alarms_count,
        f"{row.average_precision:.4f} ({low:.4f} to {high:.4f})",
        _with_interval(row.difference, row.interval, "+.4f"),
        f"{row.net_savings:,.2f}",
        _with_interval(row.savings_difference, row.savings_interval, "+,.2f"),
        row.verdict,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _with_interval(value: float | None, interval: Interval | None, form: str) -> str:
    if value is None or interval is None:
        return ""
    low, high = interval
    return f"{value:{form}} ({low:{form}} to {high:{form}})"
