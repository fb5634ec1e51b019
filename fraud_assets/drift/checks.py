"""Checks on `drift_report`. None of them stops the run: a critical one holds the promotion."""

import dagster as dg

from fraud_assets.check_results import SEVERITY, verdict_result
from fraud_assets.config import limits
from fraud_assets.drift.assets import drift_report
from fraud_assets.drift.messages import FINDINGS, largest_drift, verdict_sentence
from fraud_assets.drift.plausibility import LIMITS, plausibility_sentence
from fraud_assets.intake.partitions import batches
from fraud_assets.metadata import shown
from fraud_assets.records.drift import (
    DriftReport,
    JudgedDrift,
    MeasuredDrift,
    PlausibilityFigure,
    UnmeasuredDrift,
)

BROKEN_OR_CHANGED = (
    "a broken export is corrected and dropped again; if the world has changed, approve the version "
    "that is held"
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
    described = [f"{drifted} of {total} features drifted", largest_drift(drift_report.features)]
    described += [
        f"{FINDINGS[finding]}: {', '.join(names)}"
        for finding, names in drift_report.columns.by_finding().items()
    ]
    return verdict_result(
        drift_report.features_verdict,
        limits.DRIFTED_FEATURES_SHARE,
        "; ".join(filter(None, described)),
        drift_report.drifted_share,
    )


@dg.asset_check(asset=drift_report, partitions_def=batches)
def batch_plausible(drift_report: DriftReport) -> dg.AssetCheckResult:
    """The batch is no broken export: amounts, share of frauds, volume, missing values.

    Each is compared with the champion's training data. A critical figure holds the promotion.
    """
    plausibility = drift_report.plausibility if isinstance(drift_report, MeasuredDrift) else None
    if plausibility is None:
        return _without_verdict(drift_report)
    verdict = plausibility.verdict
    remedy = "" if verdict == "good" else f"; {BROKEN_OR_CHANGED}"
    return dg.AssetCheckResult(
        passed=verdict == "good",
        severity=SEVERITY[verdict],
        description=f"{verdict}: {plausibility_sentence(plausibility)}{remedy}",
        metadata={
            "verdict": verdict,
            "figures": dg.MetadataValue.table(
                [dg.TableRecord(shown(_row(figure))) for figure in plausibility.figures]
            ),
        },
    )


def _row(figure: PlausibilityFigure) -> dict[str, str | float | None]:
    limits_of = LIMITS[figure.name]
    return figure.model_dump() | {"watch": limits_of.watch, "critical": limits_of.critical}


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
