"""Turns reports into gauges and writes or pushes them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

PUSH_JOB = "fraud_assets"
PUSH_TIMEOUT_SECONDS = 10

HELP = {
    "decision_threshold": "Score from which a transaction is an alert.",
    "drift_judged": "1 when the batch had enough rows for a verdict on drift, else 0.",
    "drift_score": "How well a classifier tells batch from reference, 0 to 1.",
    "expected_precision": "Precision to be expected from the champion's scores alone, 0 to 1.",
    "expected_recall": "Recall to be expected from the champion's scores alone, 0 to 1.",
    "false_alarm_rate": "Share of genuine test transactions that raised an alert, 0 to 1.",
    "false_alarms_count": "Genuine test transactions that raised an alert.",
    "fraud_detection_rate": "Share of test frauds that were caught, 0 to 1.",
    "fraud_prevalence": "Share of frauds in the batch, 0 to 1.",
    "frauds_detected_count": "Test frauds that were caught.",
    "frauds_missed_count": "Test frauds that were missed.",
    "max_feature_drift": "Largest Jensen-Shannon distance of a feature, 0 to 1.",
    "n_drifted_features": "Features that drifted.",
    "net_savings": "Money saved on the test rows against doing nothing.",
    "realized_precision": "Precision of the champion where labels are known by now, 0 to 1.",
    "realized_recall": "Recall of the champion where labels are known by now, 0 to 1.",
    "return_on_investment": "Net savings over what reviews and false alarms cost.",
    "score_drift": "Jensen-Shannon distance of the champion's scores, 0 to 1.",
    "test_average_precision": "Average precision on the test rows, 0 to 1.",
    "test_brier_score": "Mean squared error of the probabilities on the test rows, 0 at best.",
    "test_fraud_f1": "F1 of the fraud class on the test rows, 0 to 1.",
    "test_fraud_precision": "Precision of the fraud class on the test rows, 0 to 1.",
    "test_fraud_recall": "Recall of the fraud class on the test rows, 0 to 1.",
    "test_macro_f1": "F1 on the test rows, mean of both classes, 0 to 1.",
    "test_macro_precision": "Precision on the test rows, mean of both classes, 0 to 1.",
    "test_macro_recall": "Recall on the test rows, mean of both classes, 0 to 1.",
    "test_roc_auc": "Area under the ROC curve on the test rows, 0 to 1.",
    "test_weighted_f1": "F1 on the test rows, weighted by class, 0 to 1.",
    "test_weighted_precision": "Precision on the test rows, weighted by class, 0 to 1.",
    "test_weighted_recall": "Recall on the test rows, weighted by class, 0 to 1.",
}


def to_registry(
    model: str, figures: Mapping[str, float], info: Mapping[str, str]
) -> CollectorRegistry:
    """Return a registry of gauges.

    Parameters
    ----------
    model : str
        Label of every gauge; the batch is none, for labels must not grow without end.
    figures : mapping of str to float
        By metric name; each needs a line in `HELP`.
    info : mapping of str to str
        Labels of the gauge `fraud_batch_info`, which is always 1.

    Returns
    -------
    CollectorRegistry
    """
    registry = CollectorRegistry()
    for name, value in sorted(figures.items()):
        Gauge(name, HELP[name], ["model"], registry=registry).labels(model).set(value)
    when = Gauge(
        "fraud_batch_published_timestamp_seconds",
        "When the figures of a batch were published.",
        ["model", "batch"],
        registry=registry,
    )
    when.labels(model, info["batch"]).set_to_current_time()
    labels = {"model": model, **info}
    Gauge("fraud_batch_info", "Which batch the figures are of.", labels, registry=registry).labels(
        **labels
    ).set(1)
    return registry


def to_openmetrics(registry: CollectorRegistry) -> bytes:
    """Return a registry in OpenMetrics text, without timestamps.

    Gauges alone, whose text the older Prometheus format reads the same way, so that
    node_exporter's textfile collector takes the file too.
    """
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


def push(registry: CollectorRegistry, url: str | None, model: str, part: str) -> dict[str, Any]:
    """Push a registry to a Pushgateway, replacing the group of this model and part.

    Parameters
    ----------
    registry : CollectorRegistry
    url : str or None
        None: nothing is pushed.
    model, part : str
        The grouping key, beside the job.

    Returns
    -------
    dict
        `pushed`; `gateway` (host and port); `error` when the push failed.
    """
    if url is None:
        return {"pushed": False, "gateway": None, "error": None}
    from prometheus_client import push_to_gateway

    parts = urlsplit(url if "://" in url else f"http://{url}")
    gateway = parts.netloc.rpartition("@")[2]
    try:
        push_to_gateway(
            url,
            job=PUSH_JOB,
            registry=registry,
            grouping_key={"model": model, "part": part},
            timeout=PUSH_TIMEOUT_SECONDS,
        )
    except Exception as error:  # urllib, OSError or a refusal: all are a failed push
        return {"pushed": False, "gateway": gateway, "error": f"{type(error).__name__}: {error}"}
    return {"pushed": True, "gateway": gateway, "error": None}
