"""Figures, intervals, verdicts and money of a model on the test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.config.limits import FALSE_ALARM_RATE, FRAUD_RECALL, FRAUDS_MISSED_SHARE
from fraud_assets.config.settings import Costs, EvaluationSettings, JudgedBy
from fraud_assets.metrics import (
    Confusion,
    Difference,
    Floats,
    Labels,
    bootstrap_intervals,
    class_figures,
    confusion,
    net_savings,
    paired_differences,
    ranking_figures,
    ratio,
    return_on_investment,
    row_savings,
    share_interval,
)

MIN_COMPARED_FRAUDS = 3
"""Frauds below which two models are not compared."""
MIN_SEGMENT_FRAUDS = 10
"""Frauds below which a segment says nothing about a model."""
RELIABILITY_BINS = 10


@dataclass(frozen=True)
class Scored:
    """What a model makes of some rows.

    Attributes
    ----------
    scores : ndarray of shape (n_rows,)
    savings : ndarray of shape (n_rows,)
        As from `metrics.row_savings`, at the model's own threshold.
    """

    scores: Floats
    savings: Floats

    def of(self, rows: np.ndarray) -> "Scored":
        """Return the same of some of the rows."""
        return Scored(self.scores[rows], self.savings[rows])


def scored(
    labels: Labels, scores: Floats, threshold: float, losses: Floats, costs: Costs
) -> Scored:
    """Return scores with the money that they save at a threshold."""
    return Scored(scores, row_savings(labels, scores >= threshold, losses, costs))


def evaluate(
    labels: Labels,
    scores: Floats,
    losses: Floats,
    threshold: float,
    costs: Costs,
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Judge a model on rows that neither trained nor tuned it.

    Parameters
    ----------
    labels, scores, losses : ndarray of shape (n_rows,)
        Losses: what each row would cost as a missed fraud, in money.
    threshold : float
    costs : Costs
    settings : EvaluationSettings

    Returns
    -------
    dict
        `test` (rows, frauds), `metrics`, `intervals` (95%), `verdicts` and `business`.
    """
    alerts = scores >= threshold
    counts = confusion(labels, alerts)
    average_precision, roc_auc = ranking_figures(labels, scores, np.ones(len(labels)))
    metrics = class_figures(counts) | {
        "fraud_detection_rate": ratio(counts.frauds_detected, counts.frauds),
        "frauds_detected_count": counts.frauds_detected,
        "frauds_missed_count": counts.frauds_missed,
        "false_alarm_rate": ratio(counts.false_alarms, counts.genuine),
        "false_alarms_count": counts.false_alarms,
        "test_average_precision": average_precision,
        "test_roc_auc": roc_auc,
        "test_brier_score": brier_score(labels, scores),
        "decision_threshold": threshold,
        "net_savings": net_savings(labels, alerts, losses, costs),
        "return_on_investment": return_on_investment(labels, alerts, losses, costs),
    }
    intervals = _intervals(
        labels, scores, alerts, row_savings(labels, alerts, losses, costs), counts, settings
    )
    recall = metrics["test_fraud_recall"]
    if settings.recall_judged_by is JudgedBy.interval:
        recall = intervals["test_fraud_recall"][0]
    return {
        "test": {"rows": len(labels), "frauds": counts.frauds},
        "metrics": metrics,
        "intervals": intervals,
        "recall_judged_by": str(settings.recall_judged_by),
        "reliability": reliability(labels, scores),
        "verdicts": {
            "fraud_recall": FRAUD_RECALL.verdict(recall),
            "frauds_missed": FRAUDS_MISSED_SHARE.verdict(
                ratio(counts.frauds_missed, counts.frauds)
            ),
            "false_alarm_rate": FALSE_ALARM_RATE.verdict(metrics["false_alarm_rate"]),
        },
        "business": _business(labels, alerts, losses, counts, costs),
    }


def _intervals(
    labels: Labels,
    scores: Floats,
    alerts: np.ndarray,
    savings: Floats,
    counts: Confusion,
    settings: EvaluationSettings,
) -> dict[str, list[float]]:
    recall = share_interval(counts.frauds_detected, counts.frauds)
    shares = {
        "test_fraud_recall": recall,
        "fraud_detection_rate": recall,
        "test_fraud_precision": share_interval(counts.frauds_detected, counts.alerts),
        "false_alarm_rate": share_interval(counts.false_alarms, counts.genuine),
        "frauds_missed_count": (
            counts.frauds * (1 - recall[1]),
            counts.frauds * (1 - recall[0]),
        ),
        "frauds_detected_count": (counts.frauds * recall[0], counts.frauds * recall[1]),
    }
    alarms = shares["false_alarm_rate"]
    shares["false_alarms_count"] = (counts.genuine * alarms[0], counts.genuine * alarms[1])
    drawn = bootstrap_intervals(
        labels, scores, alerts, savings, settings.bootstrap_resamples, settings.seed
    )
    return {name: [low, high] for name, (low, high) in (shares | drawn).items()}


def brier_score(labels: Labels, scores: Floats) -> float:
    """Return the mean squared difference of probability and outcome, 0 at best.

    Notes
    -----
    G. W. Brier, Verification of forecasts expressed in terms of probability, 1950.
    """
    return float(np.mean((scores - labels) ** 2))


def reliability(labels: Labels, scores: Floats) -> list[dict[str, float]]:
    """Return what came true of the probabilities, in bins of about as many frauds each.

    Returns
    -------
    list of dict
        `rows`, `predicted` (mean probability), `observed` (share of frauds) with its 95%
        interval (`low`, `high`); lowest probabilities first.
    """
    order = np.argsort(scores, kind="stable")
    expected = np.cumsum(scores[order])
    # Bins of equal expected frauds: of equal rows, all but the last would hold next to none.
    bins = np.minimum(expected / max(expected[-1], 1e-300) * RELIABILITY_BINS, RELIABILITY_BINS - 1)
    found = []
    for number in np.unique(bins.astype(int)):
        inside = order[bins.astype(int) == number]
        frauds = int(labels[inside].sum())
        low, high = share_interval(frauds, len(inside))
        found.append(
            {
                "rows": len(inside),
                "predicted": float(scores[inside].mean()),
                "observed": frauds / len(inside),
                "low": low,
                "high": high,
            }
        )
    return found


def _business(
    labels: Labels, alerts: np.ndarray, losses: Floats, counts: Confusion, costs: Costs
) -> list[dict[str, Any]]:
    """Return the rows of the business table: what, how many, how much money."""
    fraud = labels == 1

    def row(what: str, count: int, money: float) -> dict[str, Any]:
        return {"what": what, "count": count, "money": round(float(money), 2)}

    return [
        row("frauds", counts.frauds, losses[fraud].sum()),
        row("frauds caught", counts.frauds_detected, losses[fraud & alerts].sum()),
        row("frauds missed", counts.frauds_missed, -losses[fraud & ~alerts].sum()),
        row("alerts reviewed", counts.alerts, -costs.review * counts.alerts),
        row("false alarms", counts.false_alarms, -costs.false_alarm * counts.false_alarms),
        row("net savings", counts.alerts, net_savings(labels, alerts, losses, costs)),
    ]


def compare(
    rows: pd.DataFrame,
    challenger: Scored,
    champion: Scored,
    seen_by_champion: "pd.Series",
    parts: Mapping[str, pd.Series],
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Compare a challenger with the champion on test rows that neither has seen.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Test rows with `content_key_` and `fraud_`.
    challenger, champion : Scored
    seen_by_champion : Series
        Content keys that the champion was trained or tuned on.
    parts : mapping of str to Series of shape (n_rows,)
        As from `segments.segment_rows`.
    settings : EvaluationSettings

    Returns
    -------
    dict
        `comparable`; if true, `rows` and `frauds` compared, both average precisions, their
        `difference` with its `interval` at the `confidence` asked for, the same of the money
        (`savings_difference`, `savings_interval`), and `segments`; if false, the `reason`.
    """
    unseen = ~rows["content_key_"].isin(seen_by_champion).to_numpy()
    labels = rows["fraud_"].to_numpy()[unseen]
    frauds = int(labels.sum())
    left_out = int((~unseen).sum())
    if frauds < MIN_COMPARED_FRAUDS or frauds == len(labels):
        return {
            "comparable": False,
            "reason": f"{left_out} of {len(rows)} test rows were seen by the champion; the "
            f"others hold {frauds} frauds, too few to compare on",
        }
    ours, theirs = challenger.of(unseen), champion.of(unseen)
    precision, money = _differences(labels, ours, theirs, settings)
    ones = np.ones(len(labels))
    return {
        "comparable": True,
        "rows": len(labels),
        "rows_seen_by_champion": left_out,
        "frauds": frauds,
        "average_precision": ranking_figures(labels, ours.scores, ones)[0],
        "champion_average_precision": ranking_figures(labels, theirs.scores, ones)[0],
        "difference": precision.value,
        "interval": list(precision.interval(settings.promotion_confidence)),
        "confidence": settings.promotion_confidence,
        "margin": settings.promotion_margin,
        "savings_difference": money.value,
        "savings_interval": list(money.interval(settings.promotion_confidence)),
        "segments": compare_segments(
            labels,
            ours,
            theirs,
            {name: values[unseen] for name, values in parts.items()},
            settings,
        ),
    }


def _differences(
    labels: Labels, ours: Scored, theirs: Scored, settings: EvaluationSettings
) -> tuple[Difference, Difference]:
    return paired_differences(
        labels,
        (ours.scores, theirs.scores),
        (ours.savings, theirs.savings),
        settings.bootstrap_resamples,
        settings.seed,
    )


def compare_segments(
    labels: Labels,
    ours: Scored,
    theirs: Scored,
    parts: Mapping[str, pd.Series],
    settings: EvaluationSettings,
) -> list[dict[str, Any]]:
    """Compare two models on each part of the rows that has frauds enough.

    Returns
    -------
    list of dict
        `segment`, `part`, `rows`, `frauds`, `difference` of the average precision, and `worse`:
        whether it is negative beyond chance, at a confidence corrected for how many parts are
        looked at (Bonferroni).
    """
    found = []
    for segment, values in parts.items():
        for part in sorted(values.unique()):
            inside = (values == part).to_numpy()
            frauds = int(labels[inside].sum())
            if MIN_SEGMENT_FRAUDS <= frauds < inside.sum():
                found.append((segment, str(part), inside, frauds))
    confidence = 1 - (1 - settings.promotion_confidence) / max(len(found), 1)
    compared = []
    for segment, part, inside, frauds in found:
        difference, _ = _differences(labels[inside], ours.of(inside), theirs.of(inside), settings)
        compared.append(
            {
                "segment": segment,
                "part": part,
                "rows": int(inside.sum()),
                "frauds": frauds,
                "difference": difference.value,
                "worse": difference.is_negative(confidence),
            }
        )
    return compared


def slices(
    labels: Labels, scores: Floats, threshold: float, parts: Mapping[str, pd.Series]
) -> list[dict[str, Any]]:
    """Return what the model does on each part of the test rows.

    Returns
    -------
    list of dict
        `segment`, `part`, `rows`, `frauds`, `fraud_recall` with its 95% interval (`low`,
        `high`), `fraud_precision`, `false_alarm_rate`.
    """
    found = []
    for segment, values in parts.items():
        for part in sorted(values.unique()):
            inside = (values == part).to_numpy()
            counts = confusion(labels[inside], scores[inside] >= threshold)
            low, high = share_interval(counts.frauds_detected, counts.frauds)
            found.append(
                {
                    "segment": segment,
                    "part": str(part),
                    "rows": int(inside.sum()),
                    "frauds": counts.frauds,
                    "fraud_recall": ratio(counts.frauds_detected, counts.frauds),
                    "low": low,
                    "high": high,
                    "fraud_precision": ratio(counts.frauds_detected, counts.alerts),
                    "false_alarm_rate": ratio(counts.false_alarms, counts.genuine),
                }
            )
    return found
