"""Messages about failing checks and runs: one per incident, and one when it is resolved."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

KEPT_RUNS = 200
"""How many runs are remembered, so that none is reported twice."""


@dataclass(frozen=True)
class CheckEvent:
    """An evaluation of an asset check.

    Attributes
    ----------
    event : int
        Identifies the evaluation.
    asset, check, batch, run_id : str
        The asset and its check, the batch (partition key), and the run of the evaluation.
    result : {"passed", "WARN", "ERROR"}
        Passed, or the severity of the failure.
    blocking : bool
        Whether a failure stops the run.
    description : str
        The result, for a person.

    See Also
    --------
    messages_for : makes messages from events.
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
        The run, its job and its batch (partition key).
    failed : bool
        Whether the run failed.
    will_retry : bool
        Whether Dagster retries the run.

    See Also
    --------
    messages_for : makes messages from events.
    """

    run_id: str
    job: str
    batch: str
    failed: bool
    will_retry: bool = False


@dataclass(frozen=True)
class Message:
    """A message to the people who operate the platform.

    Attributes
    ----------
    key : str
        Identifies the message, also after a restart.
    title, body : str
        Plain text.
    level : {"failure", "warning", "success"}
        For a critical verdict or a failed run, a watch verdict, a recovery.
    cause : str
        The check or the job that it is about.

    See Also
    --------
    fraud_assets.monitoring.notify.send_once : sends it.
    """

    key: str
    title: str
    body: str
    level: Literal["failure", "warning", "success"]
    cause: str = ""


@dataclass
class AlertState:
    """What the sensor remembers from one tick to the next.

    Attributes
    ----------
    after : dict of str to int
        The last evaluation that was read, by check.
    runs_after : float
        Last update of a run that was read, in seconds since 1970.
    open : dict of str to str
        Severity of the incidents that were reported and are not resolved, by cause.
    runs : list of str
        Finished runs that were read.
    blocked : list of str
        Runs that a blocking check stopped; the check is reported, not the run.
    begun : bool
        Whether alerts are on, and what was bad when they began has been announced.

    See Also
    --------
    messages_for : updates it.
    """

    after: dict[str, int] = field(default_factory=dict)
    runs_after: float = 0.0
    open: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    begun: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the state in a form that can be written as JSON.

        Returns
        -------
        dict
            Values by the name of the attribute.

        See Also
        --------
        from_dict : restores the state.

        Examples
        --------
        >>> state = AlertState(runs=["r1"])
        >>> AlertState.from_dict(state.to_dict()) == state
        True
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Restore a state that was written as JSON.

        Parameters
        ----------
        facts : dict
            As from `to_dict`.

        Returns
        -------
        AlertState

        See Also
        --------
        to_dict : writes the state.
        """
        return cls(**facts)


def messages_for(
    state: AlertState, checks: Iterable[CheckEvent], runs: Iterable[RunEvent]
) -> tuple[list[Message], AlertState]:
    """Return the messages about new events, and the state afterwards.

    Parameters
    ----------
    state : AlertState
        Not changed.
    checks : iterable of CheckEvent
        In order of time. The checks of each run in `runs` are among them, or were in an earlier
        call.
    runs : iterable of RunEvent
        In the order in which they finished.

    Returns
    -------
    messages : list of Message
        One when an incident begins or becomes critical, one when it is resolved, none in between.
    state : AlertState

    See Also
    --------
    fraud_assets.monitoring.notify.send_once : sends the messages.

    Examples
    --------
    >>> failed = RunEvent("r1", job="fraud_pipeline", batch="june", failed=True)
    >>> (message,), _ = messages_for(AlertState(), [], [failed])
    >>> message.title, message.body
    ('A run of fraud_pipeline failed', "batch june: see the run's log")
    """
    updated = AlertState.from_dict(state.to_dict())
    messages = [message for event in checks for message in _check_messages(updated, event)]
    messages += [message for event in runs for message in _run_messages(updated, event)]
    updated.runs, updated.blocked = updated.runs[-KEPT_RUNS:], updated.blocked[-KEPT_RUNS:]
    return messages, updated


def standing_messages(messages: Iterable[Message], state: AlertState) -> list[Message]:
    """Return the messages about incidents that are not resolved, the last of each.

    Parameters
    ----------
    messages : iterable of Message
        All messages since the first event, as from `messages_for`.
    state : AlertState
        The state after them.

    Returns
    -------
    list of Message
        In the order in which the incidents began or became critical. Each has the key that it had
        if it was sent before, so that it is not sent twice.

    See Also
    --------
    messages_for : makes the messages.

    Examples
    --------
    >>> failed = RunEvent("r1", job="fraud_pipeline", batch="june", failed=True)
    >>> messages, state = messages_for(AlertState(), [], [failed])
    >>> [message.key for message in standing_messages(messages, state)]
    ['r1']
    """
    last = {message.cause: message for message in messages}
    return [message for message in last.values() if message.cause in state.open]


def _check_messages(state: AlertState, event: CheckEvent) -> list[Message]:
    cause, check = f"check {event.asset}.{event.check}", f"{event.check} of {event.asset}"
    reported = state.open.get(cause)
    if event.result == "ERROR" and event.blocking:
        state.blocked.append(event.run_id)
    if event.result == "passed":
        return _resolved(state, cause, f"{event.event}", f"{check} passes again", event)
    if reported in (event.result, "ERROR"):
        return []
    state.open[cause] = event.result
    level: Literal["failure", "warning"] = "failure" if event.result == "ERROR" else "warning"
    verb = "fails" if event.result == "ERROR" else "warns"
    return [Message(f"{event.event}", f"{check} {verb}", _body(event), level, cause)]


def _run_messages(state: AlertState, event: RunEvent) -> list[Message]:
    if event.run_id in state.runs:
        return []
    state.runs.append(event.run_id)
    cause = f"run {event.job}"
    if not event.failed:
        title = f"{event.job} succeeds again"
        return _resolved(state, cause, event.run_id, title, event)
    if event.will_retry or event.run_id in state.blocked or cause in state.open:
        return []
    state.open[cause] = "ERROR"
    return [Message(event.run_id, f"A run of {event.job} failed", _body(event), "failure", cause)]


def _resolved(
    state: AlertState, cause: str, key: str, title: str, event: CheckEvent | RunEvent
) -> list[Message]:
    if cause not in state.open:
        return []
    del state.open[cause]
    return [Message(key, title, _body(event), "success", cause)]


def _body(event: CheckEvent | RunEvent) -> str:
    text = event.description if isinstance(event, CheckEvent) else "see the run's log"
    return f"batch {event.batch}: {text}"
