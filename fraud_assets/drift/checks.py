"""Checks on `drift_report`. None stops the run: drift is the alert that says retrain."""

from typing import Any

import dagster as dg

from fraud_assets.check_results import verdict_result
from fraud_assets.config import limits
from fraud_assets.config.limits import Verdict
from fraud_assets.drift.assets import drift_report
from fraud_assets.drift.messages import FINDINGS, moved_most, verdict_sentence
from fraud_assets.intake.partitions import batches


def _not_judged(report: dict[str, Any]) -> dg.AssetCheckResult | None:
    """Return the result for a batch without a verdict; None when there is one."""
    if "not_measured" in report:
        return dg.AssetCheckResult(passed=True, description=report["not_measured"])
    if report["verdict"] != "not_enough_rows":
        return None
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=verdict_sentence(report),
        metadata={"verdict": "not_enough_rows"},
    )


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drift_score(drift_report: dict[str, Any]) -> dg.AssetCheckResult:
    """How well anybody could tell the batch from the reference: stable under 0.1, retrain over 0.3.

    Too few rows are no verdict, and a warning.
    """
    return _not_judged(drift_report) or verdict_result(
        drift_report["verdict"],
        limits.DRIFT_SCORE,
        verdict_sentence(drift_report),
        drift_report["drift_score"],
    )


@dg.asset_check(asset=drift_report, partitions_def=batches)
def drifted_features(drift_report: dict[str, Any]) -> dg.AssetCheckResult:
    """How many features have drifted, and which; columns that are gone or of another type."""
    result = _not_judged(drift_report)
    if result is not None:
        return result
    drifted, total = drift_report["n_drifted_features"], len(drift_report["features"])
    share = drifted / total if total else 0.0
    found = {name: names for name, names in drift_report["columns"].items() if names}
    said = [f"{drifted} of {total} features drifted", moved_most(drift_report)]
    said += [f"{FINDINGS[name]}: {', '.join(names)}" for name, names in found.items()]
    return verdict_result(
        _verdict(share, found),
        limits.DRIFTED_FEATURES_SHARE,
        "; ".join(filter(None, said)),
        share,
    )


def _verdict(share: float, found: dict[str, list[str]]) -> Verdict:
    """Judge the share; a column that the champion cannot read any more is critical."""
    if found.keys() & {"vanished", "changed_type"}:
        return "critical"
    verdict = limits.DRIFTED_FEATURES_SHARE.verdict(share)
    return "watch" if found and verdict == "good" else verdict
