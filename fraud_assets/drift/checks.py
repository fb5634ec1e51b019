"""Checks on `drift_report`. None of them stops the run: critical drift asks to retrain."""

import dagster as dg

from fraud_assets.check_results import verdict_result
from fraud_assets.config import limits
from fraud_assets.config.limits import Verdict
from fraud_assets.drift.assets import drift_report
from fraud_assets.drift.messages import FINDINGS, largest_drift, verdict_sentence
from fraud_assets.intake.partitions import batches
from fraud_assets.records.drift import (
    ColumnFindings,
    DriftReport,
    JudgedDrift,
    MeasuredDrift,
    UnmeasuredDrift,
)


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drift_score(drift_report: DriftReport) -> dg.AssetCheckResult:
    """How well a classifier distinguishes the batch from the reference.

    Stable under 0.1, retrain over 0.3. Too few rows give no verdict, and a warning.
    """
    if not isinstance(drift_report, JudgedDrift):
        return _without_verdict(drift_report)
    return verdict_result(
        drift_report.verdict,
        limits.DRIFT_SCORE,
        verdict_sentence(drift_report),
        drift_report.drift_score,
    )


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drifted_features(drift_report: DriftReport) -> dg.AssetCheckResult:
    """How many features drifted, and which; columns that are missing or have another type."""
    if not isinstance(drift_report, JudgedDrift):
        return _without_verdict(drift_report)
    drifted, total = drift_report.n_drifted_features, len(drift_report.features)
    share = drifted / total if total else 0.0
    described = [f"{drifted} of {total} features drifted", largest_drift(drift_report.features)]
    described += [
        f"{FINDINGS[finding]}: {', '.join(names)}"
        for finding, names in drift_report.columns.by_finding().items()
    ]
    return verdict_result(
        _verdict(share, drift_report.columns),
        limits.DRIFTED_FEATURES_SHARE,
        "; ".join(filter(None, described)),
        share,
    )


def _without_verdict(report: DriftReport) -> dg.AssetCheckResult:
    if isinstance(report, MeasuredDrift):
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=verdict_sentence(report),
            metadata={"verdict": report.verdict},
        )
    reason = report.not_measured if isinstance(report, UnmeasuredDrift) else "not measured"
    return dg.AssetCheckResult(passed=True, description=reason)


def _verdict(share: float, findings: ColumnFindings) -> Verdict:
    """Judge the share; a column that the champion can no longer read is critical."""
    if findings.vanished or findings.changed_type:
        return "critical"
    verdict = limits.DRIFTED_FEATURES_SHARE.verdict(share)
    return "watch" if findings.appeared and verdict == "good" else verdict
