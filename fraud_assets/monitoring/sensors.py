"""`fraud_alerts`: failing asset checks and runs reach a person, where no Alertmanager runs."""

import json
from collections.abc import Iterator

import dagster as dg

from fraud_assets import config, storage
from fraud_assets.monitoring.causes import CheckEvent, Message, RunEvent, State, tell
from fraud_assets.monitoring.notify import apprise_sender, send_once

PAGE = 1000
OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


@dg.sensor(minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def fraud_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tell each failing check and each failed run once, and once when it is over."""
    instance = context.instance
    if context.cursor is None:
        context.update_cursor(json.dumps(_now(instance).to_dict()))
        return dg.SkipReason("from now on")
    state = State.from_dict(json.loads(context.cursor))
    # Runs first: the evaluations of a run that is over are all in the log then.
    ended, runs_after = _ended(instance, state)
    messages, after = tell(state, _evaluated(instance, state.after), ended)
    after.runs_after = runs_after
    said = _sent(messages)
    context.update_cursor(json.dumps(after.to_dict()))
    return dg.SkipReason(said)


def _sent(messages: list[Message]) -> str:
    if config.pushgateway_url():
        return "PROMETHEUS_PUSHGATEWAY_URL is set: Alertmanager tells"
    urls = config.alert_urls()
    if urls is None:
        return "FRAUD_ALERT_URLS is not set: nobody is told"
    link = f"{config.dagster_url()}/assets"
    count = send_once(messages, storage.alerts_path(), apprise_sender(urls, link))
    return f"{count} messages sent"


def _now(instance: dg.DagsterInstance) -> State:
    """Return the state of somebody who has read everything."""
    newest = instance.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), limit=1
    )
    runs = instance.get_run_records(
        dg.RunsFilter(statuses=list(OVER)), limit=1, order_by="update_timestamp"
    )
    return State(
        after=newest[0].storage_id if newest else 0,
        runs_after=runs[0].update_timestamp.timestamp() if runs else 0.0,
        runs=[record.dagster_run.run_id for record in runs],
    )


def _evaluated(instance: dg.DagsterInstance, after: int) -> Iterator[CheckEvent]:
    while True:
        records = instance.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=after),
            limit=PAGE,
            ascending=True,
        )
        for record in records:
            after = record.storage_id
            entry = record.event_log_entry
            found = entry.dagster_event.event_specific_data if entry.dagster_event else None
            if isinstance(found, dg.AssetCheckEvaluation):
                yield CheckEvent(
                    event=after,
                    asset=found.asset_key.to_user_string(),
                    check=found.check_name,
                    batch=found.partition or "",
                    run_id=entry.run_id,
                    result="passed" if found.passed else found.severity.value,
                    blocking=bool(found.blocking),
                    description=found.description or "",
                )
        if len(records) < PAGE:
            return


def _ended(instance: dg.DagsterInstance, state: State) -> tuple[list[RunEvent], float]:
    from datetime import UTC, datetime

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
