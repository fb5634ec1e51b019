"""The decision about a challenger, and the entries of the decision log.

An entry is read strictly, since anybody who may append to the log can write a line; keys of later
releases are ignored.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from fraud_assets.config.settings import Settings
from fraud_assets.records.base import Report

DecisionOutcome = Literal["promote", "shadow_only", "reject", "held", "proposed"]


def _with_time_zone(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time has a time zone")
    return value


Time = Annotated[str, AfterValidator(_with_time_zone)]
"""An ISO 8601 time with its time zone, kept as it was written: the log's hashes are of its text."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")]


def now() -> str:
    """Return the current time in UTC, to the second, in the format of the log's entries.

    Returns
    -------
    str
        ISO 8601 with its time zone.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


class Decision(Settings):
    """What happens to a challenger, and why.

    Attributes
    ----------
    outcome : {"promote", "shadow_only", "reject", "held", "proposed"}
    reason : str
        One sentence for a person.
    passed, failed : list of str
        Names of the promotion checks.
    figures, thresholds : dict
        What the checks looked at.
    confirms : str or None
        The held version whose batch this one is like; None: it confirms none.
    """

    outcome: DecisionOutcome
    reason: str
    passed: list[str]
    failed: list[str]
    figures: dict[str, JsonValue]
    thresholds: dict[str, JsonValue]
    confirms: Version | None = None


class LogEntry(BaseModel):
    """What every entry of the decision log has.

    Attributes
    ----------
    event : str
        What kind of entry it is.
    time : str
        ISO 8601 with its time zone.
    previous : str or None
        SHA-256 of all bytes before the line; None before the entry is appended, and in lines of
        releases that recorded none.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    event: str
    time: Time
    previous: Sha256 | None = None


class VersionEntry(LogEntry):
    """What an entry has that decides about a version.

    Attributes
    ----------
    batch : str
        That the version was trained for.
    version : str
    champion_before : str or None
    outcome : {"promote", "shadow_only", "reject", "held", "proposed"}
    reason : str
    model_hash : str
        SHA-256 of the model file, in hexadecimal.
    mlflow_run_id : str or None
        None in lines of releases that did not record it; so with `artifacts` and `actor`.
    artifacts : dict of str to str, or None
        SHA-256 of the artifacts of the run that later runs read, by path.
    actor : str or None
        Who decided.
    """

    batch: str
    version: Version
    champion_before: Version | None
    outcome: DecisionOutcome
    reason: str
    model_hash: Sha256
    mlflow_run_id: str | None = None
    artifacts: dict[str, Sha256] | None = None
    actor: str | None = None


class DecisionEntry(VersionEntry, Decision):
    """A run's decision about the version that it trained.

    Attributes
    ----------
    event : "decision"
        Lines of the first releases have none.
    dagster_run_id : str
    data_hash, configuration_hash : str
        SHA-256 in hexadecimal.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=True)

    event: Literal["decision"] = "decision"
    dagster_run_id: str
    data_hash: str
    configuration_hash: str


class ManualPromotionEntry(VersionEntry):
    """A version that was made the champion by hand.

    Attributes
    ----------
    event : "by_hand"
    forced : str or None
        What `--force` overruled; None: nothing spoke against the version.
    """

    event: Literal["by_hand"] = "by_hand"
    outcome: Literal["promote"]
    forced: str | None = None


class ApprovalEntry(VersionEntry):
    """A held or proposed version that a person made the champion."""

    event: Literal["approved"] = "approved"
    outcome: Literal["promote"]


class RefusalEntry(VersionEntry):
    """A held or proposed version that a person turned down."""

    event: Literal["declined"] = "declined"
    outcome: Literal["reject"]


class ErasureEntry(LogEntry):
    """A card that was removed from all batches on request.

    Attributes
    ----------
    event : "forgotten"
    actor : str
        Who asked for it.
    card : str
        Its last digits and a keyed hash.
    rows_removed : dict of str to int
        By batch.
    """

    event: Literal["forgotten"] = "forgotten"
    actor: str
    card: str
    rows_removed: dict[str, int]


class ExpiryEntry(LogEntry):
    """A batch whose retention time was over.

    Attributes
    ----------
    event : "expired"
    actor : str
        Who asked for it.
    batch : str
    versions_removed : list of str
        Model versions that were removed with it.
    """

    event: Literal["expired"] = "expired"
    actor: str
    batch: str
    versions_removed: list[str]


class RegisteredModel(DecisionEntry, Report):
    """The decision about a batch's model, as the decision log has it.

    Attributes
    ----------
    batch : str
        The partition.
    """

    ASSET = "registered_model"

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def of(cls, entry: DecisionEntry) -> "RegisteredModel":
        """Return the report of an entry of the log.

        Parameters
        ----------
        entry : DecisionEntry
            As appended to the decision log.

        Returns
        -------
        RegisteredModel
        """
        return cls(**dict(entry))
