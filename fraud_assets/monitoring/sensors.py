"""`fraud_alerts`: failing asset checks and runs reach a person, where no Alertmanager runs."""

import json
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from fraud_assets.config import environment
from fraud_assets.monitoring.collectors import new_evaluations
from fraud_assets.monitoring.incidents import CheckEvent, Message, RunEvent, State, tell
from fraud_assets.monitoring.notify import apprise_sender, send_once
from fraud_assets.store import paths

OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


@dg.sensor(minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def fraud_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tell each failing check and each failed run once, and once when it is over."""
    instance = context.instance
    graph = context.repository_def.asset_graph if context.repository_def else None
    checks = list(graph.asset_check_keys) if graph else []
    if context.cursor is None:
        context.update_cursor(json.dumps(_now(instance, checks).to_dict()))
        return dg.SkipReason("from now on")
    state = State.from_dict(json.loads(context.cursor))
    # Runs first: the evaluations of a run that is over are all there then.
    ended, runs_after = _ended(instance, state)
    read = dict(state.after)
    messages, after = tell(state, _evaluated(instance, checks, read), ended)
    after.after, after.runs_after = read, runs_after
    said = _sent(messages)
    context.update_cursor(json.dumps(after.to_dict()))
    return dg.SkipReason(said)


def _sent(messages: list[Message]) -> str:
    if environment.pushgateway_url():
        return "PROMETHEUS_PUSHGATEWAY_URL is set: Alertmanager tells"
    urls = environment.alert_urls()
    if urls is None:
        return "FRAUD_ALERT_URLS is not set: nobody is told"
    link = f"{environment.dagster_url()}/assets"
    count = send_once(messages, paths.alerts_path(), apprise_sender(urls, link))
    return f"{count} messages sent"


def _now(instance: dg.DagsterInstance, checks: list[dg.AssetCheckKey]) -> State:
    """Return the state of somebody who has read everything."""
    runs = instance.get_run_records(
        dg.RunsFilter(statuses=list(OVER)), limit=1, order_by="update_timestamp"
    )
    read: dict[str, int] = {}
    new_evaluations(instance, checks, read)
    return State(
        after=read,
        runs_after=runs[0].update_timestamp.timestamp() if runs else 0.0,
        runs=[record.dagster_run.run_id for record in runs],
    )


RESULTS: dict[str, Literal["passed", "WARN", "ERROR"]] = {
    "passed": "passed",
    "warned": "WARN",
    "failed": "ERROR",
}


def _evaluated(
    instance: dg.DagsterInstance, checks: list[dg.AssetCheckKey], read: dict[str, int]
) -> list[CheckEvent]:
    return [
        CheckEvent(
            event=evaluated.place,
            asset=evaluated.found.asset_key.to_user_string(),
            check=evaluated.found.check_name,
            batch=evaluated.found.partition or "",
            run_id=evaluated.run_id,
            result=RESULTS[evaluated.result],
            blocking=bool(evaluated.found.blocking),
            description=evaluated.found.description or "",
        )
        for evaluated in new_evaluations(instance, checks, read)
    ]


def _ended(instance: dg.DagsterInstance, state: State) -> tuple[list[RunEvent], float]:
    # The same moment again: two runs may end in it, and those that are known are left out.
    since = datetime.fromtimestamp(max(0.0, state.runs_after - 1), UTC)
    records = instance.get_run_records(
        dg.RunsFilter(statuses=list(OVER), updated_after=since),
        order_by="update_timestamp",
        ascending=True,
    )
    ended = [
        RunEvent(
            run_id=record.dagster_run.run_id,
            job=record.dagster_run.job_name,
            batch=record.dagster_run.tags.get("dagster/partition", ""),
            failed=record.dagster_run.status is dg.DagsterRunStatus.FAILURE,
            will_retry=record.dagster_run.tags.get("dagster/will_retry") == "true",
        )
        for record in records
    ]
    newest = [record.update_timestamp.timestamp() for record in records]
    return ended, max([state.runs_after, *newest])
