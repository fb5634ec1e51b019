"""The lines of the decision log: the typed entry of each, or what is wrong with it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from fraud_assets.records.decisions import (
    ApprovalEntry,
    DecisionEntry,
    ErasureEntry,
    ExpiryEntry,
    LogEntry,
    ManualPromotionEntry,
    RefusalEntry,
)

MAX_LINE = 4 << 20
"""Bytes of a line. The longest real one names every batch from which a card was removed."""
CUT_OFF = "EOF while parsing"
"""pydantic's message for JSON that ends too early; for any other fault it has another one."""


def _event_of(value: Any) -> Any:
    """Return the event of an entry; one without is a decision, as in the first releases."""
    return value.get("event", "decision") if isinstance(value, dict) else None


_ENTRY: TypeAdapter[LogEntry] = TypeAdapter(
    Annotated[
        Annotated[DecisionEntry, Tag("decision")]
        | Annotated[ManualPromotionEntry, Tag("by_hand")]
        | Annotated[ApprovalEntry, Tag("approved")]
        | Annotated[RefusalEntry, Tag("declined")]
        | Annotated[ErasureEntry, Tag("forgotten")]
        | Annotated[ExpiryEntry, Tag("expired")],
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
    entry : LogEntry or None
        None when the line was cut off or is no entry.
    fault : str or None
        Why it is no entry; None also when it was cut off.
    hash_before, hash_after : str
        SHA-256 of all bytes before it, and up to its end.
    is_ended : bool
        Whether its line feed is there.
    """

    number: int
    entry: LogEntry | None
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
        The decision log, JSON lines; it may be missing.

    Yields
    ------
    Line

    See Also
    --------
    parse_line : parses a single line.
    """
    running = hashlib.sha256()
    for number, line in enumerate(log.read_bytes().splitlines(True) if log.exists() else [], 1):
        before = running.hexdigest()
        running.update(line)
        ended = line.endswith(b"\n")
        yield Line(number, *parse_line(line), before, running.hexdigest(), ended)


def parse_line(line: bytes) -> tuple[LogEntry | None, str | None]:
    """Return the entry of a line, or what is wrong with it; neither for a line that was cut off.

    The fault does not quote the line. The parser refuses JSON that is nested too deeply.

    Parameters
    ----------
    line : bytes
        With or without its line feed; at most 4 MiB.

    Returns
    -------
    entry : LogEntry or None
        The typed entry; None when the line is not one.
    fault : str or None
        What is wrong with the line; None also when it was cut off.

    See Also
    --------
    lines_of : parses a whole log.

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
        # Without the line feed: inside an unfinished text it would be another error.
        return _ENTRY.validate_json(line.rstrip(b"\n")), None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" and CUT_OFF in first["msg"]:
        return None, None
    # The first part of a place is the event, the second the name of a field of the entry.
    field = f"{first['loc'][1]}: " if len(first["loc"]) > 1 else ""
    return None, f"is no entry ({field}{first['type']})"
