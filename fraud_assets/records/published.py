"""What was published to Prometheus about a batch, and whether the push succeeded."""

from typing import Any

from pydantic import model_validator

from fraud_assets.records.base import Report


class Published(Report):
    """The figures of a batch as they were published.

    Attributes
    ----------
    batch : str
    figures : dict of str to float
        By metric name.
    info : dict of str to str
        Labels of the gauge `fraud_batch_info`, the batch among them.
    pushed : bool
        Whether the figures were pushed to a Pushgateway.
    gateway : str or None
        Host and port of the Pushgateway; None when none is set.
    error : str or None
        Why the push failed; None when it succeeded or no Pushgateway is set.
    """

    figures: dict[str, int | float]
    info: dict[str, str]
    pushed: bool
    gateway: str | None
    error: str | None

    @model_validator(mode="before")
    @classmethod
    def _add_batch(cls, value: Any) -> Any:
        """Add the batch to files of earlier releases, which have it among the labels only."""
        if isinstance(value, dict) and "batch" not in value and isinstance(value.get("info"), dict):
            return value | {"batch": value["info"].get("batch")}
        return value


class PublishedDrift(Published):
    """The drift figures of a batch as they were published."""

    ASSET = "published_drift"


class PublishedMetrics(Published):
    """The evaluation's figures of a batch as they were published."""

    ASSET = "published_metrics"
