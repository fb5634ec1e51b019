"""`fraud_alerts`: sends failing asset checks and runs to people where no Alertmanager runs."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from fraud_assets.config import environment
from fraud_assets.monitoring.evaluations import new_evaluations
from fraud_assets.monitoring.incidents import (
    AlertState,
    CheckEvent,
    Message,
    RunEvent,
    messages_for,
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
    """Report each failing check and failed run once, and once more when it is resolved."""
    instance = context.instance
    graph = context.repository_def.asset_graph if context.repository_def else None
    checks = list(graph.asset_check_keys) if graph else []
    if context.cursor is None:
        context.update_cursor(json.dumps(current_state(instance, checks).to_dict()))
        return dg.SkipReason("reports what happens from now on")
    state = AlertState.from_dict(json.loads(context.cursor))
    # Runs first: when a run has finished, all of its evaluations are stored.
    runs, runs_after = finished_runs(instance, state.runs_after)
    read = dict(state.after)
    messages, updated = messages_for(state, check_events(instance, checks, read), runs)
    updated.after, updated.runs_after = read, runs_after
    summary = _send(messages)
    context.update_cursor(json.dumps(updated.to_dict()))
    return dg.SkipReason(summary)


def _send(messages: Sequence[Message]) -> str:
    """Send the messages where a receiver is set; return what was done."""
    if environment.pushgateway_url():
        return "PROMETHEUS_PUSHGATEWAY_URL is set: Alertmanager sends the alerts"
    urls = environment.alert_urls()
    if urls is None:
        return "FRAUD_ALERT_URLS is not set: no alerts are sent"
    link = f"{environment.dagster_url()}/assets"
    count = send_once(messages, paths.alerts_path(), apprise_sender(urls, link))
    return f"{count} messages sent"


def current_state(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> AlertState:
    """Return the state after everything up to now has been read.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    checks : sequence of AssetCheckKey
        The asset checks to read.

    Returns
    -------
    AlertState

    See Also
    --------
    check_events, finished_runs : read what happened later.
    """
    runs = instance.get_run_records(
        dg.RunsFilter(statuses=list(FINISHED)), limit=1, order_by="update_timestamp"
    )
    read: dict[str, int] = {}
    new_evaluations(instance, checks, read)
    return AlertState(
        after=read,
        runs_after=runs[0].update_timestamp.timestamp() if runs else 0.0,
        runs=[record.dagster_run.run_id for record in runs],
    )


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
