"""Checks on `evaluation_report`: recall, missed frauds, false alarms, the champion.

None of them stops the run: a critical verdict is told to the world, and the registry reads
it and refuses to promote.
"""

from typing import Any

import dagster as dg

from fraud_assets.config import limits, settings
from fraud_assets.config.limits import Limits, Verdict
from fraud_assets.evaluation.assets import evaluation_report
from fraud_assets.evaluation.report import comparison_sentence
from fraud_assets.intake.partitions import batches
from fraud_assets.metrics import ratio
from fraud_assets.text import inert


def verdict_result(
    verdict: Verdict, limits: Limits, description: str, value: float
) -> dg.AssetCheckResult:
    """Return a check result: good passes, watch warns, critical is an error."""
    severity = dg.AssetCheckSeverity.ERROR if verdict == "critical" else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        passed=verdict == "good",
        severity=severity,
        description=inert(f"{verdict}: {description}"),
        metadata={
            "value": value,
            "verdict": verdict,
            "watch_limit": limits.watch,
            "critical_limit": limits.critical,
        },
    )


@dg.asset_check(asset=evaluation_report, partitions_def=batches)
def fraud_recall(evaluation_report: dict[str, Any]) -> dg.AssetCheckResult:
    """The share of frauds caught: good from 0.80, critical under 0.60."""
    recall = evaluation_report["metrics"]["test_fraud_recall"]
    low, high = evaluation_report["intervals"]["test_fraud_recall"]
    by_interval = evaluation_report["recall_judged_by"] == settings.JudgedBy.interval
    judged = "; judged by the interval's lower end" if by_interval else ""
    return verdict_result(
        evaluation_report["verdicts"]["fraud_recall"],
        limits.FRAUD_RECALL,
        f"recall {recall:.3f} (95% interval {low:.3f} to {high:.3f}) on "
        f"{evaluation_report['test']['frauds']} test frauds{judged}",
        recall,
    )


@dg.asset_check(asset=evaluation_report, partitions_def=batches)
def frauds_missed(evaluation_report: dict[str, Any]) -> dg.AssetCheckResult:
    """Missed frauds, in proportion to 99: good under 10, critical over 25."""
    missed = evaluation_report["metrics"]["frauds_missed_count"]
    frauds = evaluation_report["test"]["frauds"]
    return verdict_result(
        evaluation_report["verdicts"]["frauds_missed"],
        limits.FRAUDS_MISSED_SHARE,
        f"{missed} of {frauds} test frauds missed, {ratio(missed, frauds) * 99:.1f} of 99",
        ratio(missed, frauds),
    )


@dg.asset_check(asset=evaluation_report, partitions_def=batches)
def false_alarm_rate(evaluation_report: dict[str, Any]) -> dg.AssetCheckResult:
    """The share of genuine transactions that raise an alert: good under 0.5%, critical over 2%."""
    metrics = evaluation_report["metrics"]
    return verdict_result(
        evaluation_report["verdicts"]["false_alarm_rate"],
        limits.FALSE_ALARM_RATE,
        f"{metrics['false_alarms_count']} false alarms, {metrics['false_alarm_rate']:.3%} of the "
        "genuine transactions",
        metrics["false_alarm_rate"],
    )


@dg.asset_check(asset=evaluation_report, partitions_def=batches)
def beats_champion(evaluation_report: dict[str, Any]) -> dg.AssetCheckResult:
    """The new model is at least as good as the one in charge, on the same rows."""
    comparison = evaluation_report["comparison"]
    passed = comparison is None or (comparison["comparable"] and comparison["difference"] >= 0)
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=inert(comparison_sentence(comparison, evaluation_report["champion"])),
        metadata={"comparison": dg.MetadataValue.json(comparison or {})},
    )
