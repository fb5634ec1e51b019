"""The lines of the decision log: the typed entry of each, or what is wrong with it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
)

Outcome = Literal["promote", "shadow_only", "reject"]
DECISION, BY_HAND = "decision", "by_hand"
"""Events that decide about a version; what others record of one is not believed."""
MAX_LINE = 4 << 20
"""Bytes of a line. The longest real one names every batch from which a card was taken out."""
CUT_OFF = "EOF while parsing"
"""What pydantic says of JSON that ends too early; of any other fault it says something else."""


def _with_zone(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time has a time zone")
    return value


Time = Annotated[str, AfterValidator(_with_zone)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")]


class _Entry(BaseModel):
    """What every line has. Keys that are not named here are left out when it is read."""

    model_config = ConfigDict(strict=True)

    time: Time
    previous: Sha256 = ""


class _AboutVersion(_Entry):
    """What decides about a version. The first releases recorded no run, artifacts or actor."""

    batch: str
    version: Version
    champion_before: Version | None
    reason: str
    model_hash: Sha256
    mlflow_run_id: str = ""
    artifacts: dict[str, Sha256] = {}
    actor: str = ""


class _Decision(_AboutVersion):
    event: Literal["decision"] = "decision"
    outcome: Outcome
    dagster_run_id: str
    data_hash: str
    configuration_hash: str
    passed: list[str]
    failed: list[str]
    figures: dict[str, Any]
    thresholds: dict[str, Any]


class _ByHand(_AboutVersion):
    event: Literal["by_hand"]
    outcome: Literal["promote"]


class _Forgotten(_Entry):
    event: Literal["forgotten"]
    actor: str
    card: str
    rows_removed: dict[str, int]


class _Expired(_Entry):
    event: Literal["expired"]
    actor: str
    batch: str
    versions_removed: list[str]


def _event_of(value: Any) -> Any:
    """Return the event of an entry; one without is a decision."""
    return value.get("event", DECISION) if isinstance(value, dict) else None


_ENTRY: TypeAdapter[_Entry] = TypeAdapter(
    Annotated[
        Annotated[_Decision, Tag(DECISION)]
        | Annotated[_ByHand, Tag(BY_HAND)]
        | Annotated[_Forgotten, Tag("forgotten")]
        | Annotated[_Expired, Tag("expired")],
        Discriminator(_event_of),
    ]
)


@dataclass(frozen=True)
class Line:
    """A line of the log.

    Attributes
    ----------
    number : int
        From 1.
    entry : dict or None
        None when it was cut off or is no entry.
    fault : str or None
        Why it is no entry; None also when it was cut off.
    hash_before, hash_after : str
        SHA-256 of all bytes before it, and up to its end.
    is_ended : bool
        Whether its line feed is there.
    """

    number: int
    entry: dict[str, Any] | None
    fault: str | None
    hash_before: str
    hash_after: str
    is_ended: bool

    @property
    def is_cut_off(self) -> bool:
        """Whether it ends too early, as after a power loss."""
        return self.entry is None and self.fault is None


def lines_of(log: Path) -> Iterator[Line]:
    """Yield the lines of the log, oldest first; none when there is no log yet.

    Parameters
    ----------
    log : Path

    Yields
    ------
    Line
    """
    running = hashlib.sha256()
    for number, line in enumerate(log.read_bytes().splitlines(True) if log.exists() else [], 1):
        before = running.hexdigest()
        running.update(line)
        ended = line.endswith(b"\n")
        yield Line(number, *parse_line(line), before, running.hexdigest(), ended)


def parse_line(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """Return the entry of a line, or what is wrong with it; neither of a line that was cut off.

    Nothing that the line says is repeated. The parser stops at JSON that is nested too deeply.

    Parameters
    ----------
    line : bytes

    Returns
    -------
    entry : dict or None
    fault : str or None

    Examples
    --------
    >>> parse_line(b'{"time": "2026-01-')
    (None, None)
    >>> parse_line(b'{"time": 1, "event": "expired"}')
    (None, 'is no entry (time: string_type)')
    """
    if len(line) > MAX_LINE:
        return None, f"is longer than {MAX_LINE:,} bytes"
    try:
        # Without the line feed: within a text, it is a fault of its own.
        return _ENTRY.validate_json(line.rstrip(b"\n")).model_dump(exclude_unset=True), None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" and CUT_OFF in first["msg"]:
        return None, None
    # The first part of a place is the event, the second the name of a field; no name of the line's.
    field = f"{first['loc'][1]}: " if len(first["loc"]) > 1 else ""
    return None, f"is no entry ({field}{first['type']})"
