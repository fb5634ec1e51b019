"""What the champion decided about a batch, and what the analysts get to review."""

from typing import Any, ClassVar

from fraud_assets.config.settings import Settings
from fraud_assets.records.base import Report


class AlertOutcomes(Settings):
    """How the alerts of a batch compare with its labels.

    Attributes
    ----------
    alerts_count : int
        Rows at or above the threshold that are not suppressed.
    suppressed_count : int
        Rows at or above the threshold that are suppressed.
    frauds_detected_count : int
    frauds_missed_count : int
        Suppressed frauds included.
    frauds_suppressed_count : int
    false_alarms_count : int
    fraud_detection_rate : float
        Share of the frauds with an alert, in [0, 1]; 0 without a fraud.
    """

    alerts_count: int
    suppressed_count: int
    frauds_detected_count: int
    frauds_missed_count: int
    frauds_suppressed_count: int
    false_alarms_count: int
    fraud_detection_rate: float

    @property
    def figures(self) -> dict[str, float]:
        """The counts and rates by metric name."""
        return {name: getattr(self, name) for name in AlertOutcomes.model_fields}


class ScoredTransactions(Report):
    """Decisions about a batch. Every report is of one of the two classes below.

    Attributes
    ----------
    batch : str

    See Also
    --------
    UnscoredBatch : there was no champion that could score the batch.
    ScoredBatch : the champion scored the batch.
    """

    ASSET: ClassVar[str] = "scored_transactions"

    @classmethod
    def variant_of(cls, value: dict[str, Any]) -> type["ScoredTransactions"]:
        """Return the class of a report by its keys.

        Parameters
        ----------
        value : dict
            The report as parsed from JSON.

        Returns
        -------
        type of ScoredTransactions
            `UnscoredBatch` or `ScoredBatch`; `cls` when it is one of them.

        Examples
        --------
        >>> ScoredTransactions.variant_of({"not_scored": "there is no champion"}).__name__
        'UnscoredBatch'
        """
        if cls is not ScoredTransactions:
            return cls
        return UnscoredBatch if "not_scored" in value else ScoredBatch


class UnscoredBatch(ScoredTransactions):
    """Of a batch that no champion could score.

    Attributes
    ----------
    not_scored : str
        The reason, and what to do.
    """

    not_scored: str


class ScoredBatch(ScoredTransactions, AlertOutcomes):
    """Of a batch that the champion scored.

    Attributes
    ----------
    content_hash : str or None
        The version of the batch whose lines the lists name, as SHA-256 in hexadecimal; None in
        reports of older releases.
    champion : str
    decision_threshold : float
        Score from which a row is an alert, between 0 and 1.
    rows : int
    suppressions : str or None
        SHA-256 of the copy of the suppressions that is kept in the report folder, in which card
        numbers are tokens; None without suppressions.
    worklist_entries : int
    """

    content_hash: str | None = None
    champion: str
    decision_threshold: float
    rows: int
    suppressions: str | None
    worklist_entries: int
