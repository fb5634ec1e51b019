"""`published_drift` and `published_metrics`: the figures, for Prometheus."""

from typing import Any

import dagster as dg

from fraud_assets.config import environment
from fraud_assets.intake.partitions import OWNERS, batches
from fraud_assets.monitoring.exposition import push, to_openmetrics, to_registry
from fraud_assets.records.drift import DriftReport, JudgedDrift, MeasuredDrift
from fraud_assets.store import files, paths
from fraud_assets.store.files import SHARED
from fraud_assets.tracking import Tracking


@dg.asset(
    partitions_def=batches,
    group_name="monitoring",
    owners=OWNERS,
    kinds={"prometheus"},
    code_version="1",
    io_manager_key="reports",
)
def published_drift(
    drift_report: DriftReport, tracking: Tracking
) -> dg.MaterializeResult[dict[str, Any]]:
    """The drift figures, in a group of their own, whether or not the batch could be trained on."""
    figures = drift_figures(drift_report)
    info = {"batch": drift_report.batch, "champion": drift_report.champion or ""}
    return publish(tracking.model_name, "drift", figures, info)


@dg.asset(
    partitions_def=batches,
    group_name="monitoring",
    owners=OWNERS,
    kinds={"prometheus"},
    code_version="1",
    io_manager_key="reports",
)
def published_metrics(
    evaluation_report: dict[str, Any], registered_model: dict[str, Any], tracking: Tracking
) -> dg.MaterializeResult[dict[str, Any]]:
    """The figures of the evaluation: an OpenMetrics textfile, and the Pushgateway if it is set."""
    info = {
        "batch": evaluation_report["batch"],
        "version": registered_model["version"],
        "decision": registered_model["outcome"],
    }
    return publish(tracking.model_name, "evaluation", evaluation_report["metrics"], info)


def drift_figures(report: DriftReport) -> dict[str, float]:
    """Return the figures of a drift report; none when nothing was measured."""
    if not isinstance(report, MeasuredDrift):
        return {}
    figures = {
        **report.figures,
        "drift_judged": float(isinstance(report, JudgedDrift)),
        "fraud_prevalence": report.prevalence.batch,
    }
    if report.scores:
        figures["score_drift"] = report.scores.distance
    if report.expected:
        realized = report.performance[-1].came_true
        figures["expected_precision"] = report.expected.precision
        figures["expected_recall"] = report.expected.recall
        if realized.precision is not None:
            figures["realized_precision"] = realized.precision
        if realized.recall is not None:
            figures["realized_recall"] = realized.recall
    return figures


def publish(
    model: str, part: str, figures: dict[str, float], info: dict[str, str]
) -> dg.MaterializeResult[dict[str, Any]]:
    """Write the textfile of a part, and push it where a Pushgateway is set.

    Parameters
    ----------
    model : str
    part : {"drift", "evaluation"}
    figures : dict of str to float
    info : dict of str to str

    Returns
    -------
    MaterializeResult
        Its value says what was published and whether the push succeeded.
    """
    registry = to_registry(model, figures, info)
    path = paths.metrics_folder() / f"fraud_{part}.prom"
    files.write_atomically(path, to_openmetrics(registry), SHARED)
    result = push(registry, environment.pushgateway_url(), model, part)
    return dg.MaterializeResult(
        value={"figures": figures, "info": info, **result},
        metadata={
            "textfile": dg.MetadataValue.path(path),
            "pushgateway": result["gateway"] or "not set",
            "pushed": result["pushed"],
            **info,
            **figures,
        },
    )
