"""`published_drift` and `published_metrics`: figures published to Prometheus."""

from collections.abc import Mapping
from typing import TypeVar

import dagster as dg

from fraud_assets.intake.partitions import batch_asset
from fraud_assets.metadata import shown
from fraud_assets.monitoring.exposition import push, to_openmetrics, to_registry
from fraud_assets.monitoring.resources import Pushgateway
from fraud_assets.records.decisions import RegisteredModel
from fraud_assets.records.drift import DriftReport, JudgedDrift, MeasuredDrift
from fraud_assets.records.evaluation import EvaluationReport
from fraud_assets.records.published import Published, PublishedDrift, PublishedMetrics
from fraud_assets.store import files, paths
from fraud_assets.store.files import SHARED
from fraud_assets.tracking import Tracking

P = TypeVar("P", bound=Published)


@batch_asset(kinds={"prometheus"}, code_version="1", io_manager_key="reports")
def published_drift(
    drift_report: DriftReport, tracking: Tracking, pushgateway: Pushgateway
) -> dg.MaterializeResult[PublishedDrift]:
    """Drift figures of the batch, published also when no model could be trained on it.

    They are written to an OpenMetrics textfile and, where one is set, pushed to a Pushgateway, in
    a group separate from the evaluation figures.
    """
    figures = drift_figures(drift_report)
    info = {"batch": drift_report.batch, "champion": drift_report.champion or ""}
    return publish(PublishedDrift, tracking.model_name, "drift", figures, info, pushgateway)


@batch_asset(kinds={"prometheus"}, code_version="1", io_manager_key="reports")
def published_metrics(
    evaluation_report: EvaluationReport,
    registered_model: RegisteredModel,
    tracking: Tracking,
    pushgateway: Pushgateway,
) -> dg.MaterializeResult[PublishedMetrics]:
    """Evaluation figures of the batch's model, published to Prometheus.

    They are written to an OpenMetrics textfile and, where one is set, pushed to a Pushgateway.
    """
    info = {
        "batch": evaluation_report.batch,
        "version": registered_model.version,
        "decision": registered_model.outcome,
    }
    figures = evaluation_report.metrics
    return publish(PublishedMetrics, tracking.model_name, "evaluation", figures, info, pushgateway)


def drift_figures(report: DriftReport) -> dict[str, float]:
    """Return the figures of a drift report that are published.

    Parameters
    ----------
    report : DriftReport
        The drift report of a batch.

    Returns
    -------
    dict of str to float
        By metric name; empty when nothing was measured.

    See Also
    --------
    publish : publishes the figures.
    """
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
    kind: type[P],
    model: str,
    part: str,
    figures: Mapping[str, float],
    info: dict[str, str],
    pushgateway: Pushgateway,
) -> dg.MaterializeResult[P]:
    """Write the textfile of a part, and push it to the Pushgateway where one is set.

    Parameters
    ----------
    kind : type of Published
        The record of which asset.
    model : str
        Name of the registered model.
    part : {"drift", "evaluation"}
        Names the textfile and the group of the Pushgateway.
    figures : dict of str to float
        By metric name.
    info : dict of str to str
        Labels of `fraud_batch_info`; the batch is one of them.
    pushgateway : Pushgateway
        Where to push, if an address is set.

    Returns
    -------
    MaterializeResult
        Its value is the record of what was published, and of whether the push succeeded.

    See Also
    --------
    fraud_assets.monitoring.exposition.push : does not raise when the push fails.
    """
    registry = to_registry(model, figures, info)
    path = paths.metrics_folder() / f"fraud_{part}.prom"
    files.write_atomically(path, to_openmetrics(registry), SHARED)
    result = push(registry, pushgateway.address(), model, part)
    return dg.MaterializeResult(
        value=kind(
            batch=info["batch"],
            figures=dict(figures),
            info=info,
            pushed=result.pushed,
            gateway=result.gateway,
            error=result.error,
        ),
        metadata={
            "textfile": dg.MetadataValue.path(path),
            "pushgateway": result.gateway or "not set",
            "pushed": result.pushed,
            **info,
            **shown(figures),
        },
    )
