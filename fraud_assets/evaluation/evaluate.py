"""Figures, intervals, verdicts and money of a model on the test rows."""

from typing import Any

import numpy as np
import pandas as pd

from fraud_assets.config import (
    FALSE_ALARM_RATE,
    FRAUD_RECALL,
    FRAUDS_MISSED_SHARE,
    Costs,
    EvaluationSettings,
)
from fraud_assets.metrics import (
    Confusion,
    Floats,
    Labels,
    bootstrap_intervals,
    class_figures,
    confusion,
    net_savings,
    paired_difference,
    ranking_figures,
    ratio,
    share_interval,
)

MIN_COMPARED_FRAUDS = 3
"""Frauds below which two models are not compared."""


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
        "decision_threshold": threshold,
        "net_savings": net_savings(labels, alerts, losses, costs),
    }
    return {
        "test": {"rows": len(labels), "frauds": counts.frauds},
        "metrics": metrics,
        "intervals": _intervals(labels, scores, alerts, counts, settings),
        "verdicts": {
            "fraud_recall": FRAUD_RECALL.verdict(metrics["test_fraud_recall"]),
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
    }
    drawn = bootstrap_intervals(labels, scores, alerts, settings.bootstrap_resamples, settings.seed)
    return {name: [low, high] for name, (low, high) in (shares | drawn).items()}


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
    scores: Floats,
    champion_scores: Floats,
    seen_by_champion: "pd.Series",
    settings: EvaluationSettings,
) -> dict[str, Any]:
    """Compare a challenger with the champion on test rows that neither has seen.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Test rows with `content_key_` and `fraud_`.
    scores, champion_scores : ndarray of shape (n_rows,)
    seen_by_champion : Series
        Content keys that the champion was trained or tuned on.
    settings : EvaluationSettings

    Returns
    -------
    dict
        `comparable`; if true, `rows` and `frauds` compared, both average precisions, and
        their `difference` with its 95% `interval`; if false, the `reason`.
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
    difference, low, high = paired_difference(
        labels,
        scores[unseen],
        champion_scores[unseen],
        settings.bootstrap_resamples,
        settings.seed,
    )
    ones = np.ones(len(labels))
    return {
        "comparable": True,
        "rows": len(labels),
        "rows_seen_by_champion": left_out,
        "frauds": frauds,
        "average_precision": ranking_figures(labels, scores[unseen], ones)[0],
        "champion_average_precision": ranking_figures(labels, champion_scores[unseen], ones)[0],
        "difference": difference,
        "interval": [low, high],
    }
