"""What the Dagster instance knows, as Prometheus metrics: the source of truth for alerts."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fraud_assets.config import names
from fraud_assets.intake.landing.ledger import FileState, open_ledger
from fraud_assets.store import paths, tables
from fraud_assets.store.decision_lines import Outcome as Decided
from fraud_assets.store.decision_log import read_entries
from fraud_assets.text import inert
from fraud_assets.tracking import Tracking

PAGE = 1000
FEW = 5
"""Executions of a check that are read first; mostly one of them is new."""
EVALUATED = {
    AssetCheckExecutionRecordStatus.SUCCEEDED,
    AssetCheckExecutionRecordStatus.FAILED,
}
ACTIVE = {
    "queued": [dg.DagsterRunStatus.QUEUED],
    "starting": [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED],
    "started": [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
}
OVER = {
    "success": dg.DagsterRunStatus.SUCCESS,
    "failure": dg.DagsterRunStatus.FAILURE,
    "canceled": dg.DagsterRunStatus.CANCELED,
}
SEVERITIES = ("WARN", "ERROR")
RESULTS = ("passed", "warned", "failed")
DETAIL_LENGTH = 300
"""Characters of a check's description that a metric carries."""


@dataclass(frozen=True)
class Evaluated:
    """An evaluation of an asset check.

    Attributes
    ----------
    place : int
        Grows with every run that evaluates the check; no two evaluations have the same.
    run_id : str
    found : AssetCheckEvaluation
    """

    place: int
    run_id: str
    found: dg.AssetCheckEvaluation

    @property
    def result(self) -> str:
        """`passed`, `warned` or `failed`."""
        if self.found.passed:
            return "passed"
        return "failed" if self.found.severity is dg.AssetCheckSeverity.ERROR else "warned"


def new_evaluations(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], after: dict[str, int]
) -> list[Evaluated]:
    """Return the evaluations of asset checks that have not been read yet, oldest first.

    By check, from the table of executions: SQLite keeps events by run, and has no cursor over
    those of all runs.

    Parameters
    ----------
    instance : DagsterInstance
    checks : iterable of AssetCheckKey
    after : dict of str to int
        By check the place that was read last; changed to what is read now.
    """
    found: list[tuple[float, Evaluated]] = []
    keys = list(checks)
    # One question for all of them: mostly there is nothing new.
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        name = key.to_user_string()
        if key not in latest or latest[key].id <= after.get(name, 0):
            continue
        for record in _executions(instance, key, after.get(name, 0)):
            event = record.event.dagster_event if record.event else None
            if event is not None and isinstance(event.event_specific_data, dg.AssetCheckEvaluation):
                evaluated = Evaluated(record.id, record.run_id, event.event_specific_data)
                found.append((record.event.timestamp, evaluated))
                after[name] = max(after.get(name, 0), record.id)
    return [evaluated for _, evaluated in sorted(found, key=lambda pair: pair[0])]


def _executions(instance: dg.DagsterInstance, key: dg.AssetCheckKey, after: int) -> Iterator[Any]:
    """Yield the evaluated executions of a check after one, newest first."""
    cursor, limit = None, FEW
    while True:
        records = instance.event_log_storage.get_asset_check_execution_history(
            key, limit=limit, cursor=cursor, status=EVALUATED
        )
        for record in records:
            if record.id <= after:
                return
            yield record
        if len(records) < limit:
            return
        cursor, limit = records[-1].id, PAGE


class CheckEvaluations:
    """Counts the evaluations of every asset check, and keeps the last of each.

    A counter, beside the state: a bad batch that is replaced before the next scrape leaves no
    trace in a gauge.

    Parameters
    ----------
    checks : iterable of AssetCheckKey
        Every check, so that each series is there at 0 from the start.
    """

    def __init__(self, checks: Iterable[dg.AssetCheckKey]) -> None:
        self._checks = sorted(checks, key=lambda key: key.to_user_string())
        self._after: dict[str, int] = {}
        self._counts = {(*_named(k), result): 0 for k in self._checks for result in RESULTS}
        self._last: dict[tuple[str, str], Evaluated] = {}

    def collect(self, instance: dg.DagsterInstance) -> Iterator[Metric]:
        """Read what is new; yield counters and states."""
        for evaluated in new_evaluations(instance, self._checks, self._after):
            check = _named(evaluated.found.asset_check_key)
            self._counts[*check, evaluated.result] += 1
            self._last[check] = evaluated
        counter = CounterMetricFamily(
            "fraud_asset_check_evaluations",
            "Evaluations of an asset check by result: passed, warned, failed.",
            labels=["asset", "check", "result"],
        )
        for labels, count in self._counts.items():
            counter.add_metric(list(labels), count)
        state = GaugeMetricFamily(
            "fraud_asset_check_passed",
            "0 while the last evaluation of an asset check failed with this severity, else 1.",
            labels=["asset", "check", "severity"],
        )
        detail = GaugeMetricFamily(
            "fraud_asset_check_detail_info",
            "What the last evaluation of an asset check says.",
            labels=["asset", "check", "detail"],
        )
        bad = dict(zip(("warned", "failed"), SEVERITIES, strict=True))
        for check, evaluated in sorted(self._last.items()):
            for severity in SEVERITIES:
                state.add_metric([*check, severity], float(bad.get(evaluated.result) != severity))
            detail.add_metric([*check, _in_short(evaluated.found.description or "")], 1)
        yield from (counter, state, detail)


def _in_short(text: str) -> str:
    # Alerts repeat it in chats and mails; a check of before may say it in other words.
    line = inert(text)
    return line if len(line) <= DETAIL_LENGTH else f"{line[: DETAIL_LENGTH - 1]}…"


def _named(key: dg.AssetCheckKey) -> tuple[str, str]:
    return key.asset_key.to_user_string(), key.name


def runs(instance: dg.DagsterInstance, jobs: Iterable[str], location: str) -> Iterator[Metric]:
    """Yield runs by job and status, under the names of the exporter that others use."""
    labels = ["job_name", "location", "status"]
    active = GaugeMetricFamily("dagster_active_runs", "Runs that are not over.", labels=labels)
    over = CounterMetricFamily("dagster_completed_runs", "Runs that are over.", labels=labels)
    last = GaugeMetricFamily("dagster_last_run_info", "Status of the last run.", labels=labels)
    took = GaugeMetricFamily(
        "dagster_last_run_duration_seconds", "Seconds of the last run that is over.", labels=labels
    )
    for job in jobs:
        for status, states in ACTIVE.items():
            count = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=states))
            active.add_metric([job, location, status], count)
        for status, state in OVER.items():
            count = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=[state]))
            over.add_metric([job, location, status], count)
        filters = dg.RunsFilter(job_name=job, statuses=list(OVER.values()))
        for record in instance.get_run_records(filters, limit=1):
            named = [job, location, record.dagster_run.status.value.lower()]
            last.add_metric(named, 1)
            if record.end_time and record.start_time:
                took.add_metric(named, record.end_time - record.start_time)
    yield from (active, over, last, took)


def daemons(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """Yield the heartbeats of the daemons."""
    healthy = GaugeMetricFamily(
        "dagster_daemon_healthy",
        "1 while a daemon's heartbeat is recent by Dagster's own measure.",
        labels=["daemon_type", "required"],
    )
    beat = GaugeMetricFamily(
        "dagster_daemon_last_heartbeat_timestamp_seconds",
        "When a daemon was last heard of.",
        labels=["daemon_type"],
    )
    for kind, status in instance.get_daemon_statuses().items():
        required = str(bool(status.required)).lower()
        healthy.add_metric([kind, required], float(bool(status.healthy)))
        if status.last_heartbeat is not None:
            beat.add_metric([kind], status.last_heartbeat.timestamp)
    yield from (healthy, beat)


def sensors(instance: dg.DagsterInstance, location: str) -> Iterator[Metric]:
    """Yield the last tick of every sensor that runs: one that fails is silent otherwise."""
    labels = ["sensor_name", "location", "status"]
    status = GaugeMetricFamily("dagster_sensor_status", "Whether a sensor is on.", labels=labels)
    last = GaugeMetricFamily(
        "dagster_sensor_last_tick_status", "How a sensor's last tick ended.", labels=labels
    )
    when = GaugeMetricFamily(
        "dagster_sensor_last_tick_timestamp_seconds", "When it was.", labels=labels[:2]
    )
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        name = state.instigator_name
        stopped = state.status == InstigatorStatus.STOPPED
        status.add_metric([name, location, "stopped" if stopped else "running"], 1)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
        for tick in [tick for tick in ticks if tick.status.value != "STARTED"][:1]:
            last.add_metric([name, location, tick.status.value.lower()], 1)
            when.add_metric([name, location], tick.timestamp)
    yield from (status, last, when)


def pipeline(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """Yield what the operators of the pipeline ask first: last success, files, rows, seconds."""
    success = GaugeMetricFamily(
        "fraud_pipeline_last_success_timestamp_seconds", "When a batch last went through whole."
    )
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=[dg.DagsterRunStatus.SUCCESS])
    for record in instance.get_run_records(filters, limit=1):
        success.add_metric([], record.end_time or record.update_timestamp.timestamp())
    yield from (success, *_files(), *_rows(instance))


def _files() -> Iterator[Metric]:
    with open_ledger(paths.ledger_path()) as ledger:
        entries = list(ledger.entries().values())
    waiting = sum(entry.state is FileState.waiting for entry in entries)
    yield GaugeMetricFamily("fraud_files_waiting", "Files that wait for a run.", value=waiting)
    refused = sum(entry.state is FileState.refused for entry in entries)
    yield GaugeMetricFamily("fraud_files_refused", "Files that were refused.", value=refused)
    newest = GaugeMetricFamily(
        "fraud_last_file_timestamp_seconds", "When the newest file was last written."
    )
    if entries:
        newest.add_metric([], max(entry.modified_ns for entry in entries) / 1e9)
    yield newest


def _rows(instance: dg.DagsterInstance) -> Iterator[Metric]:
    rows = GaugeMetricFamily(
        "fraud_rows", "Rows of the last batch, accepted or rejected.", labels=["outcome"]
    )
    event = instance.get_latest_materialization_event(dg.AssetKey("raw_transactions"))
    batch = event.asset_materialization.partition if event and event.asset_materialization else None
    if batch is not None:
        facts = tables.load_table(tables.RawTable, batch).facts
        rows.add_metric(["accepted"], facts.rows)
        rows.add_metric(["rejected"], facts.rejected)
    yield rows


def step_seconds(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """Yield the seconds that each asset took in the last run of the pipeline."""
    took = GaugeMetricFamily(
        "fraud_asset_seconds", "Seconds that an asset took in the last run.", labels=["asset"]
    )
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=[OVER["success"]])
    for run_id in instance.get_run_ids(filters, limit=1):
        for step in instance.get_run_step_stats(run_id):
            if step.start_time and step.end_time and step.materialization_events:
                took.add_metric([step.step_key], step.end_time - step.start_time)
    yield took


def champion(tracking: Tracking) -> Iterator[Metric]:
    """Yield the version in charge and since when, and how often which decision was made."""
    entries = read_entries(paths.decisions_path())
    counts: dict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry.get("outcome", "")] += 1
    promotions = CounterMetricFamily(
        "fraud_decisions", "Decisions about challengers by outcome.", labels=["outcome"]
    )
    for outcome in get_args(Decided):
        promotions.add_metric([outcome], counts[outcome])
    info = GaugeMetricFamily(
        "fraud_champion_info", "The version in charge.", labels=["model", "version"]
    )
    since = GaugeMetricFamily(
        "fraud_champion_since_timestamp_seconds", "Since when it is.", labels=["model"]
    )
    # The alias alone: these figures are there also when the version behind it is not believed.
    version = tracking.champion_alias()
    if version is not None:
        info.add_metric([tracking.model_name, version], 1)
        since.add_metric([tracking.model_name], _in_charge_since(entries, version))
    yield from (promotions, info, since)


def champion_decided(tracking: Tracking) -> Iterator[Metric]:
    """Yield nothing, and raise when the champion is not the version that was decided about."""
    tracking.champion()
    yield from ()


def _in_charge_since(entries: list[dict[str, Any]], version: str) -> float:
    promoted = [e for e in entries if e.get("outcome") == "promote" and e["version"] == version]
    return datetime.fromisoformat(promoted[-1]["time"]).timestamp() if promoted else time.time()


def parts(
    instance: dg.DagsterInstance,
    tracking: Tracking,
    graph: Any,
    jobs: list[str],
    location: str,
) -> dict[str, Any]:
    """Return the parts of the exporter by name.

    Parameters
    ----------
    instance : DagsterInstance
    tracking : Tracking
    graph : AssetGraph
        Of the definitions: names every asset check.
    jobs : list of str
    location : str
        Name of the code location.
    """
    checks = CheckEvaluations(graph.asset_check_keys)
    return {
        "checks": lambda: checks.collect(instance),
        "runs": lambda: runs(instance, jobs, location),
        "daemons": lambda: daemons(instance),
        "sensors": lambda: sensors(instance, location),
        "pipeline": lambda: pipeline(instance),
        "steps": lambda: step_seconds(instance),
        "champion": lambda: champion(tracking),
        "champion_decided": lambda: champion_decided(tracking),
    }
