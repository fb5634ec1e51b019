"""Checks on `drift_report`. None stops the run: drift is the alert that says retrain."""

from typing import Any

import dagster as dg

from fraud_assets import config
from fraud_assets.drift.assets import drift_report
from fraud_assets.evaluation.checks import verdict_result
from fraud_assets.intake.resources import batches


def _moved_most(report: dict[str, Any]) -> str:
    drifted = [feature for feature in report["features"] if feature["drifted"]][:5]
    named = ", ".join(f"{feature['feature']} {feature['distance']:.2f}" for feature in drifted)
    return f"; moved most: {named}" if named else ""


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drift_score(drift_report: dict[str, Any]) -> dg.AssetCheckResult:
    """The overall drift: stable under 0.1, retrain over 0.3."""
    if "not_measured" in drift_report:
        return dg.AssetCheckResult(passed=True, description=drift_report["not_measured"])
    score = drift_report["drift_score"]
    advice = {"good": "stable", "watch": "watch it", "critical": "retrain"}
    return verdict_result(
        drift_report["verdict"],
        config.DRIFT_SCORE,
        f"drift score {score:.2f} against champion version {drift_report['champion']}: "
        f"{advice[drift_report['verdict']]}{_moved_most(drift_report)}",
        score,
    )


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drifted_features(drift_report: dict[str, Any]) -> dg.AssetCheckResult:
    """How many features have drifted, and which."""
    if "not_measured" in drift_report:
        return dg.AssetCheckResult(passed=True, description=drift_report["not_measured"])
    drifted, total = drift_report["n_drifted_features"], len(drift_report["features"])
    share = drifted / total if total else 0.0
    return verdict_result(
        config.DRIFTED_FEATURES_SHARE.verdict(share),
        config.DRIFTED_FEATURES_SHARE,
        f"{drifted} of {total} features drifted{_moved_most(drift_report)}",
        share,
    )
