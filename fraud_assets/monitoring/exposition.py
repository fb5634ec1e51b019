"""Figures as Prometheus gauges: written as OpenMetrics text, or pushed to a Pushgateway."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

if TYPE_CHECKING:
    import requests

PUSH_JOB = "fraud_assets"
PUSH_TIMEOUT_SECONDS = 10
RETRIES = 3
STALE_DAYS = 30
"""Days without a push after which a group is deleted."""

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
        Label of every gauge. The batch is not a label of the figures, or every batch would add a
        series to each of them.
    figures : mapping of str to float
        By metric name; each needs a line in `HELP`.
    info : mapping of str to str
        Labels of the gauge `fraud_batch_info`, which is always 1; "batch" is one of them.

    Returns
    -------
    CollectorRegistry

    Raises
    ------
    KeyError
        When a figure has no line in `HELP`.

    See Also
    --------
    to_openmetrics : the registry as text.
    push : the registry in a Pushgateway.

    Examples
    --------
    >>> registry = to_registry("fraud_detector", {"net_savings": 1.5}, {"batch": "june"})
    >>> registry.get_sample_value("net_savings", {"model": "fraud_detector"})
    1.5
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
    """Return a registry as OpenMetrics text, without timestamps.

    Parameters
    ----------
    registry : CollectorRegistry
        Of gauges only: their text is also valid in the older Prometheus format, so that
        node_exporter's textfile collector can read the file, too.

    Returns
    -------
    bytes

    See Also
    --------
    push : sends the same figures to a Pushgateway.

    Examples
    --------
    >>> registry = to_registry("fraud_detector", {"net_savings": 1.5}, {"batch": "june"})
    >>> b'net_savings{model="fraud_detector"} 1.5' in to_openmetrics(registry)
    True
    """
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


@dataclass(frozen=True)
class PushResult:
    """How a push ended.

    Attributes
    ----------
    pushed : bool
        Whether the Pushgateway accepted the figures.
    gateway : str or None
        Host and port of the Pushgateway; None when none is set.
    error : str or None
        Why the push failed; None when it did not.

    See Also
    --------
    push : returns it.
    """

    pushed: bool
    gateway: str | None = None
    error: str | None = None


def push(registry: CollectorRegistry, url: str | None, model: str, part: str) -> PushResult:
    """Push a registry to a Pushgateway, replacing the group of this model and part.

    Groups of this platform that have not been pushed for `STALE_DAYS` are deleted.

    Parameters
    ----------
    registry : CollectorRegistry
        As from `to_registry`.
    url : str or None
        Address of the Pushgateway; None: nothing is pushed.
    model, part : str
        The grouping key, together with the job.

    Returns
    -------
    PushResult
        A push that fails is not raised: the check `push_succeeded` reports it.

    See Also
    --------
    delete_stale_groups : deletes groups that are no longer pushed.
    """
    if url is None:
        return PushResult(pushed=False)
    from prometheus_client import push_to_gateway

    # Without the login that the address may hold: the record is shown to everybody.
    gateway = urlsplit(_with_scheme(url)).netloc.rpartition("@")[2]
    try:
        push_to_gateway(
            url,
            job=PUSH_JOB,
            registry=registry,
            grouping_key={"model": model, "part": part},
            timeout=PUSH_TIMEOUT_SECONDS,
            handler=_retrying,
        )
        delete_stale_groups(url, time.time() - STALE_DAYS * 86_400)
    except Exception as error:  # requests, OSError or a refusal: all are a failed push
        return PushResult(False, gateway, f"{type(error).__name__}: {error}")
    return PushResult(True, gateway)


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def delete_stale_groups(url: str, before: float) -> int:
    """Delete this platform's groups that are no longer pushed; a Pushgateway never does.

    Parameters
    ----------
    url : str
        Address of the Pushgateway.
    before : float
        Groups last pushed before this time are deleted, in seconds since 1970.

    Returns
    -------
    int
        How many groups were deleted.

    Raises
    ------
    requests.RequestException
        When the Pushgateway cannot be reached or answers with an error.

    See Also
    --------
    push : calls it after each push.
    """
    from prometheus_client import delete_from_gateway

    with _session() as session:
        answer = session.get(
            f"{_with_scheme(url).rstrip('/')}/api/v1/metrics", timeout=PUSH_TIMEOUT_SECONDS
        )
        answer.raise_for_status()
    stale = [
        group["labels"]
        for group in answer.json()["data"]
        if group["labels"].get("job") == PUSH_JOB
        and float(group["push_time_seconds"]["metrics"][0]["value"]) < before
    ]
    for labels in stale:
        key = {name: value for name, value in labels.items() if name != "job"}
        delete_from_gateway(
            url, PUSH_JOB, grouping_key=key, timeout=PUSH_TIMEOUT_SECONDS, handler=_retrying
        )
    return len(stale)


def _session() -> "requests.Session":
    """Return a session that retries when the server is briefly unavailable."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    retry = Retry(
        RETRIES, backoff_factor=0.5, status_forcelist=(502, 503, 504), allowed_methods=None
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _retrying(
    url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
) -> Callable[[], None]:
    """Return a function that sends the request with retries: a handler of prometheus_client."""

    def send() -> None:
        with _session() as session:
            answer = session.request(method, url, data=data, headers=dict(headers), timeout=timeout)
            answer.raise_for_status()

    return send
