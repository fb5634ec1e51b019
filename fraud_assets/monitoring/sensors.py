"""`fraud_alerts`: sends failing asset checks and runs to people where no Alertmanager runs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from fraud_assets.config import environment
from fraud_assets.monitoring.evaluations import new_evaluations
from fraud_assets.monitoring.incidents import (
    KEPT_RUNS,
    AlertState,
    CheckEvent,
    Message,
    RunEvent,
    messages_for,
    standing_messages,
)
from fraud_assets.monitoring.notify import apprise_sender, send_once
from fraud_assets.store import paths

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
RESULTS: dict[str, Literal["passed", "WARN", "ERROR"]] = {
    "passed": "passed",
    "warned": "WARN",
    "failed": "ERROR",
}


@dg.sensor(minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def fraud_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report each failing check and failed run once, and once more when it is resolved.

    What is bad when alerts are switched on is reported once, too.
    """
    off = why_silent()
    if off is not None:
        # Nothing counts as read: it is read when alerts are switched on.
        context.update_cursor(json.dumps(AlertState().to_dict()))
        return dg.SkipReason(off)
    instance = context.instance
    graph = context.repository_def.asset_graph if context.repository_def else None
    checks = list(graph.asset_check_keys) if graph else []
    state = AlertState.from_dict(json.loads(context.cursor)) if context.cursor else AlertState()
    messages, updated = (
        what_is_new(instance, checks, state) if state.begun else what_is_bad(instance, checks)
    )
    count = _send(messages)
    context.update_cursor(json.dumps(updated.to_dict()))
    return dg.SkipReason(f"{count} messages sent")


def why_silent() -> str | None:
    """Return why the sensor sends nothing; None when alerts are on.

    Returns
    -------
    str or None
        Alertmanager sends them, or no receiver is set.
    """
    if environment.pushgateway_url():
        return "PROMETHEUS_PUSHGATEWAY_URL is set: Alertmanager sends the alerts"
    if environment.alert_urls() is None:
        return "FRAUD_ALERT_URLS is not set: no alerts are sent"
    return None


def _send(messages: Sequence[Message]) -> int:
    link = f"{environment.dagster_url()}/assets"
    deliver = apprise_sender(environment.alert_urls() or "", link)
    return send_once(messages, paths.alerts_path(), deliver)


def what_is_new(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], state: AlertState
) -> tuple[list[Message], AlertState]:
    """Return the messages about what has happened since the last tick, and the state after it.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    checks : sequence of AssetCheckKey
        The asset checks to read.
    state : AlertState
        After the last tick.

    Returns
    -------
    messages : list of Message
    state : AlertState

    See Also
    --------
    what_is_bad : for the first tick.
    """
    # Runs first: when a run has finished, all of its evaluations are stored.
    runs, runs_after = finished_runs(instance, state.runs_after)
    read = dict(state.after)
    messages, updated = messages_for(state, check_events(instance, checks, read), runs)
    updated.after, updated.runs_after = read, runs_after
    return messages, updated


def what_is_bad(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]
) -> tuple[list[Message], AlertState]:
    """Return the messages about what is bad now, whenever it began, and the state after them.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    checks : sequence of AssetCheckKey
        The asset checks to read.

    Returns
    -------
    messages : list of Message
        One for each incident that is not resolved, with the key of the event at which it began or
        became critical: where the cursor was lost, none of them is sent again.
    state : AlertState
        After everything up to now.

    See Also
    --------
    what_is_new : for later ticks.
    """
    records = instance.get_run_records(
        dg.RunsFilter(statuses=list(FINISHED)), limit=KEPT_RUNS, order_by="update_timestamp"
    )
    first = records[-1].update_timestamp.timestamp() if records else 0.0
    messages, state = what_is_new(instance, checks, AlertState(runs_after=first, begun=True))
    return standing_messages(messages, state), state


def check_events(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], after: dict[str, int]
) -> list[CheckEvent]:
    """Return the evaluations that have not been read yet, oldest first.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    checks : sequence of AssetCheckKey
        The asset checks to read.
    after : dict of str to int
        The last evaluation that was read, by check; updated in place.

    Returns
    -------
    list of CheckEvent

    See Also
    --------
    fraud_assets.monitoring.incidents.messages_for : makes messages from the events.
    """
    return [
        CheckEvent(
            event=recorded.record_id,
            asset=recorded.evaluation.asset_key.to_user_string(),
            check=recorded.evaluation.check_name,
            batch=recorded.evaluation.partition or "",
            run_id=recorded.run_id,
            result=RESULTS[recorded.result],
            blocking=bool(recorded.evaluation.blocking),
            description=recorded.evaluation.description or "",
        )
        for recorded in new_evaluations(instance, checks, after)
    ]


def finished_runs(instance: dg.DagsterInstance, after: float) -> tuple[list[RunEvent], float]:
    """Return the runs that finished since a time, in that order, and the time of the last one.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    after : float
        Last update that was read, in seconds since 1970.

    Returns
    -------
    runs : list of RunEvent
        Those of the second before `after` are repeated, as two runs may finish at the same time.
    last : float
        The last update; `after` when nothing finished.

    See Also
    --------
    fraud_assets.monitoring.incidents.messages_for : makes messages from the events.
    """
    since = datetime.fromtimestamp(max(0.0, after - 1), UTC)
    records = instance.get_run_records(
        dg.RunsFilter(statuses=list(FINISHED), updated_after=since),
        order_by="update_timestamp",
        ascending=True,
    )
    runs = [
        RunEvent(
            run_id=record.dagster_run.run_id,
            job=record.dagster_run.job_name,
            batch=record.dagster_run.tags.get("dagster/partition", ""),
            failed=record.dagster_run.status is dg.DagsterRunStatus.FAILURE,
            will_retry=record.dagster_run.tags.get("dagster/will_retry") == "true",
        )
        for record in records
    ]
    return runs, max([after, *(record.update_timestamp.timestamp() for record in records)])
