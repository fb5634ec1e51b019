"""From what happened to what a person is told: one message per cause, one when it is over."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

KEPT_RUNS = 200
"""Runs that are remembered, so that none is told twice."""


@dataclass(frozen=True)
class CheckEvent:
    """An evaluation of an asset check.

    Attributes
    ----------
    event : int
        Its own number.
    asset, check, batch, run_id : str
    result : {"passed", "WARN", "ERROR"}
    blocking : bool
    description : str
    """

    event: int
    asset: str
    check: str
    batch: str
    run_id: str
    result: Literal["passed", "WARN", "ERROR"]
    blocking: bool
    description: str


@dataclass(frozen=True)
class RunEvent:
    """The end of a run.

    Attributes
    ----------
    run_id, job, batch : str
    failed : bool
    will_retry : bool
        Whether Dagster takes it up again by itself.
    """

    run_id: str
    job: str
    batch: str
    failed: bool
    will_retry: bool = False


@dataclass(frozen=True)
class Message:
    """What a person is told.

    Attributes
    ----------
    key : str
        The same for the same message, also after a restart.
    title, body : str
    level : {"failure", "warning", "success"}
        Of a critical verdict, a watch verdict, a recovery.
    """

    key: str
    title: str
    body: str
    level: Literal["failure", "warning", "success"]


@dataclass
class State:
    """What is known from one look to the next; JSON-like.

    Attributes
    ----------
    after : dict of str to int
        By check the evaluation that was read last.
    runs_after : float
        Last update of a run that was read, in seconds since 1970.
    open : dict of str to str
        Severity by cause that was told and is not over.
    runs : list of str
        Runs whose end was read.
    blocked : list of str
        Runs that a blocking check stopped: the check is the cause.
    """

    after: dict[str, int] = field(default_factory=dict)
    runs_after: float = 0.0
    open: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as a JSON-like dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Return the state that `to_dict` wrote."""
        return cls(**facts)


def tell(
    state: State, checks: Iterable[CheckEvent], runs: Iterable[RunEvent]
) -> tuple[list[Message], State]:
    """Return what a person is to be told, and the state afterwards.

    Parameters
    ----------
    state : State
        Not changed.
    checks : iterable of CheckEvent
        In the order of time; those of every run in `runs` are among them or were
        before.
    runs : iterable of RunEvent
        In the order of their ends.

    Returns
    -------
    messages : list of Message
        One when a cause appears or gets worse, one when it is over, none in between.
    state : State
    """
    after = State.from_dict(state.to_dict())
    messages = [m for event in checks for m in _of_check(after, event)]
    messages += [m for event in runs for m in _of_run(after, event)]
    after.runs, after.blocked = after.runs[-KEPT_RUNS:], after.blocked[-KEPT_RUNS:]
    return messages, after


def _of_check(state: State, event: CheckEvent) -> list[Message]:
    cause, named = f"check {event.asset}.{event.check}", f"{event.check} of {event.asset}"
    before = state.open.get(cause)
    if event.result == "ERROR" and event.blocking:
        state.blocked.append(event.run_id)
    if event.result == "passed":
        return _over(state, cause, f"{event.event}", f"{named} is good again", event)
    if before in (event.result, "ERROR"):
        return []
    state.open[cause] = event.result
    level: Literal["failure", "warning"] = "failure" if event.result == "ERROR" else "warning"
    word = "fails" if event.result == "ERROR" else "warns"
    return [Message(f"{event.event}", f"{named} {word}", _body(event), level)]


def _of_run(state: State, event: RunEvent) -> list[Message]:
    if event.run_id in state.runs:
        return []
    state.runs.append(event.run_id)
    cause = f"run {event.job}"
    if not event.failed:
        title = f"{event.job} works again"
        return _over(state, cause, event.run_id, title, event)
    if event.will_retry or event.run_id in state.blocked or cause in state.open:
        return []
    state.open[cause] = "ERROR"
    return [Message(event.run_id, f"a run of {event.job} failed", _body(event), "failure")]


def _over(
    state: State, cause: str, key: str, title: str, event: CheckEvent | RunEvent
) -> list[Message]:
    if cause not in state.open:
        return []
    del state.open[cause]
    return [Message(key, title, _body(event), "success")]


def _body(event: CheckEvent | RunEvent) -> str:
    said = event.description if isinstance(event, CheckEvent) else "read the run's log"
    return f"batch {event.batch}: {said}"
