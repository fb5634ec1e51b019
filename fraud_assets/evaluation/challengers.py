"""Several models side by side on the same past test rows: the A/B table, and a backtest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud_assets.config.settings import EvaluationSettings
from fraud_assets.evaluation.evaluate import Scored
from fraud_assets.metrics import (
    Labels,
    bootstrap_intervals,
    confusion,
    paired_differences,
    ranking_figures,
    ratio,
    share_interval,
)
from fraud_assets.text import escape_markdown

ALL = "all"


@dataclass(frozen=True)
class Outcome:
    """What a challenger made of the test rows of one batch.

    Attributes
    ----------
    batch : str
    labels : ndarray of shape (n_rows,)
    alerts : ndarray of bool, shape (n_rows,)
    scored : Scored
    """

    batch: str
    labels: Labels
    alerts: np.ndarray
    scored: Scored


def side_by_side(
    outcomes: Mapping[str, Sequence[Outcome]], reference: str, settings: EvaluationSettings
) -> list[dict[str, Any]]:
    """Return figures and differences of challengers, by batch and over all batches.

    Parameters
    ----------
    outcomes : mapping of str to sequence of Outcome
        By challenger; of each the same batches, with the same rows.
    reference : str
        The challenger that the others are held against.
    settings : EvaluationSettings

    Returns
    -------
    list of dict
        One row for each batch and challenger, those of `all` batches first: `batch`,
        `challenger`, `rows`, `frauds`, counts, `fraud_recall`, `average_precision`,
        `net_savings`, and for all but the reference `difference` in average precision and
        `savings_difference`, each with its interval, and the `verdict`: better or worse in
        average precision beyond chance, else saves more or saves less, else no difference.
    """
    batches = [outcome.batch for outcome in outcomes[reference]]
    pooled = {name: _pooled(parts) for name, parts in outcomes.items()}
    table = [_row(name, pooled[name], pooled[reference], reference, settings) for name in outcomes]
    if len(batches) > 1:
        for place in range(len(batches)):
            of_batch = {name: parts[place] for name, parts in outcomes.items()}
            table += [
                _row(name, of_batch[name], of_batch[reference], reference, settings)
                for name in outcomes
            ]
    return table


def _pooled(parts: Sequence[Outcome]) -> Outcome:
    return Outcome(
        ALL if len(parts) > 1 else parts[0].batch,
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.alerts for part in parts]),
        Scored(
            np.concatenate([part.scored.scores for part in parts]),
            np.concatenate([part.scored.savings for part in parts]),
        ),
    )


def _row(
    name: str, own: Outcome, other: Outcome, reference: str, settings: EvaluationSettings
) -> dict[str, Any]:
    counts = confusion(own.labels, own.alerts)
    intervals = bootstrap_intervals(
        own.labels,
        own.scored.scores,
        own.alerts,
        own.scored.savings,
        settings.bootstrap_resamples,
        settings.seed,
    )
    scores = own.scored.scores
    row: dict[str, Any] = {
        "batch": own.batch,
        "challenger": name,
        "rows": len(own.labels),
        "frauds": counts.frauds,
        "frauds_detected_count": counts.frauds_detected,
        "frauds_missed_count": counts.frauds_missed,
        "false_alarms_count": counts.false_alarms,
        "fraud_recall": ratio(counts.frauds_detected, counts.frauds),
        "fraud_recall_interval": list(share_interval(counts.frauds_detected, counts.frauds)),
        "average_precision": ranking_figures(own.labels, scores, np.ones(len(scores)))[0],
        "average_precision_interval": list(intervals["test_average_precision"]),
        "net_savings": float(own.scored.savings.sum()),
        "net_savings_interval": list(intervals["net_savings"]),
    }
    if name == reference:
        return row | {"verdict": "reference"}
    return row | _difference(own, other, settings)


def _difference(own: Outcome, other: Outcome, settings: EvaluationSettings) -> dict[str, Any]:
    precision, money = paired_differences(
        own.labels,
        (own.scored.scores, other.scored.scores),
        (own.scored.savings, other.scored.savings),
        settings.bootstrap_resamples,
        settings.seed,
    )
    interval = precision.interval(settings.promotion_confidence)
    savings = money.interval(settings.promotion_confidence)
    return {
        "difference": precision.value,
        "interval": list(interval),
        "savings_difference": money.value,
        "savings_interval": list(savings),
        "verdict": _verdict(interval, savings, settings.promotion_margin),
    }


def _verdict(precision: tuple[float, float], savings: tuple[float, float], margin: float) -> str:
    if precision[0] > margin:
        return "better"
    if precision[1] < 0:
        return "worse"
    if savings[0] > 0:
        return "saves more"
    return "saves less" if savings[1] < 0 else "no difference beyond chance"


def to_markdown(table: Sequence[Mapping[str, Any]], confidence: float) -> str:
    """Return the table for a person to read."""
    lines = [
        "| batch | challenger | frauds caught | missed | false alarms | average precision "
        "| difference | net savings | difference | verdict |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in table:
        differs, saves = "", ""
        if "difference" in row:
            differs = f"{row['difference']:+.4f} ({_span(row['interval'], '+.4f')})"
            saves = f"{row['savings_difference']:+,.2f} ({_span(row['savings_interval'], '+,.2f')})"
        lines.append(
            f"| {escape_markdown(row['batch'])} | {escape_markdown(row['challenger'])} | "
            f"{row['frauds_detected_count']} | "
            f"{row['frauds_missed_count']} | {row['false_alarms_count']} | "
            f"{row['average_precision']:.4f} "
            f"({_span(row['average_precision_interval'], '.4f')}) | {differs} | "
            f"{row['net_savings']:,.2f} | {saves} | {row['verdict']} |"
        )
    note = f"Differences to the reference with {confidence:.0%} intervals, on the same rows."
    return "\n".join([*lines, "", note, ""])


def _span(interval: Sequence[float], form: str) -> str:
    low, high = interval
    return f"{low:{form}} to {high:{form}}"
