"""Prometheus metrics of the Dagster instance, the ledger of files and the model registry.

Alerts rely on them: they do not depend on anything being pushed.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import get_args

import dagster as dg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fraud_assets.config import names
from fraud_assets.intake.landing.ledger import FileState, open_ledger
from fraud_assets.monitoring.evaluations import RecordedEvaluation, new_evaluations
from fraud_assets.monitoring.exporter import Part
from fraud_assets.records.decisions import DecisionOutcome, LogEntry, VersionEntry
from fraud_assets.store import paths, tables
from fraud_assets.store.decision_log import promotions, read_entries
from fraud_assets.text import inert
from fraud_assets.tracking import Tracking

ACTIVE = {
    "queued": [dg.DagsterRunStatus.QUEUED],
    "starting": [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED],
    "started": [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
}
FINISHED = {
    "success": dg.DagsterRunStatus.SUCCESS,
    "failure": dg.DagsterRunStatus.FAILURE,
    "canceled": dg.DagsterRunStatus.CANCELED,
}
SEVERITIES = ("WARN", "ERROR")
RESULTS = ("passed", "warned", "failed")
DETAIL_LENGTH = 300
"""Longest description of a check in a metric, in characters."""
SENSOR, STOPPED = "SENSOR", "STOPPED"
"""Values of enumerations that Dagster does not export; a test compares them with Dagster's."""


class CheckEvaluations:
    """Counts the evaluations of every asset check, and keeps the last of each.

    The counter is needed next to the gauge: a bad batch that is replaced before the next scrape
    leaves no trace in a gauge.

    Parameters
    ----------
    checks : iterable of AssetCheckKey
        Every check, so that each series starts at 0.

    See Also
    --------
    parts : uses one for all scrapes.
    """

    def __init__(self, checks: Iterable[dg.AssetCheckKey]) -> None:
        self._checks = sorted(checks, key=lambda key: key.to_user_string())
        self._after: dict[str, int] = {}
        self._counts = {(*_names(k), result): 0 for k in self._checks for result in RESULTS}
        self._last: dict[tuple[str, str], RecordedEvaluation] = {}

    def collect(self, instance: dg.DagsterInstance) -> Iterator[Metric]:
        """Read the new evaluations, and yield the metrics of all checks.

        Parameters
        ----------
        instance : DagsterInstance
            Dagster instance to read from.

        Yields
        ------
        Metric
            The counter of evaluations, the state of each check, and its description.
        """
        for recorded in new_evaluations(instance, self._checks, self._after):
            check = _names(recorded.evaluation.asset_check_key)
            self._counts[*check, recorded.result] += 1
            self._last[check] = recorded
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
            "Description of the last evaluation of an asset check.",
            labels=["asset", "check", "detail"],
        )
        bad = dict(zip(("warned", "failed"), SEVERITIES, strict=True))
        for check, recorded in sorted(self._last.items()):
            for severity in SEVERITIES:
                state.add_metric([*check, severity], float(bad.get(recorded.result) != severity))
            detail.add_metric([*check, _shortened(recorded.evaluation.description or "")], 1)
        yield from (counter, state, detail)


def _shortened(text: str) -> str:
    # Alerts repeat it in chats and mails, also where an earlier release wrote it.
    line = inert(text)
    return line if len(line) <= DETAIL_LENGTH else f"{line[: DETAIL_LENGTH - 1]}…"


def _names(key: dg.AssetCheckKey) -> tuple[str, str]:
    return key.asset_key.to_user_string(), key.name


def runs(instance: dg.DagsterInstance, jobs: Iterable[str], location: str) -> Iterator[Metric]:
    """Yield the runs by job and status, under the metric names of the common Dagster exporter.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    jobs : iterable of str
        Names of the jobs.
    location : str
        Name of the code location, a label.

    Yields
    ------
    Metric
        Active and completed runs, and status and seconds of the last run.

    See Also
    --------
    step_seconds : the duration of each asset.
    """
    labels = ["job_name", "location", "status"]
    active = GaugeMetricFamily("dagster_active_runs", "Runs in progress.", labels=labels)
    completed = CounterMetricFamily("dagster_completed_runs", "Finished runs.", labels=labels)
    last = GaugeMetricFamily("dagster_last_run_info", "Status of the last run.", labels=labels)
    duration = GaugeMetricFamily(
        "dagster_last_run_duration_seconds", "Duration of the last finished run.", labels=labels
    )
    for job in jobs:
        for status, states in ACTIVE.items():
            count = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=states))
            active.add_metric([job, location, status], count)
        for status, state in FINISHED.items():
            count = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=[state]))
            completed.add_metric([job, location, status], count)
        filters = dg.RunsFilter(job_name=job, statuses=list(FINISHED.values()))
        for record in instance.get_run_records(filters, limit=1):
            values = [job, location, record.dagster_run.status.value.lower()]
            last.add_metric(values, 1)
            if record.end_time and record.start_time:
                duration.add_metric(values, record.end_time - record.start_time)
    yield from (active, completed, last, duration)


def daemons(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """Yield the health and the last heartbeat of each daemon.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.

    Yields
    ------
    Metric
        Heartbeats in seconds since 1970.

    See Also
    --------
    sensors : the ticks of the sensors.
    """
    healthy = GaugeMetricFamily(
        "dagster_daemon_healthy",
        "1 while Dagster considers a daemon's heartbeat recent.",
        labels=["daemon_type", "required"],
    )
    beat = GaugeMetricFamily(
        "dagster_daemon_last_heartbeat_timestamp_seconds",
        "Last heartbeat of a daemon.",
        labels=["daemon_type"],
    )
    for kind, status in instance.get_daemon_statuses().items():
        required = str(bool(status.required)).lower()
        healthy.add_metric([kind, required], float(bool(status.healthy)))
        if status.last_heartbeat is not None:
            beat.add_metric([kind], status.last_heartbeat.timestamp)
    yield from (healthy, beat)


def sensors(instance: dg.DagsterInstance, location: str) -> Iterator[Metric]:
    """Yield the last tick of every sensor, because nothing else shows that a sensor fails.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    location : str
        Name of the code location, a label.

    Yields
    ------
    Metric
        Whether each sensor is on, and status and time of its last finished tick.

    See Also
    --------
    daemons : the process that ticks them.
    """
    labels = ["sensor_name", "location", "status"]
    status = GaugeMetricFamily("dagster_sensor_status", "Whether a sensor is on.", labels=labels)
    last = GaugeMetricFamily(
        "dagster_sensor_last_tick_status", "Status of a sensor's last tick.", labels=labels
    )
    when = GaugeMetricFamily(
        "dagster_sensor_last_tick_timestamp_seconds",
        "Time of a sensor's last tick.",
        labels=labels[:2],
    )
    for state in instance.all_instigator_state():
        if state.instigator_type.value != SENSOR:
            continue
        name = state.instigator_name
        stopped = state.status.value == STOPPED
        status.add_metric([name, location, "stopped" if stopped else "running"], 1)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
        for tick in [tick for tick in ticks if tick.status.value != "STARTED"][:1]:
            last.add_metric([name, location, tick.status.value.lower()], 1)
            when.add_metric([name, location], tick.timestamp)
    yield from (status, last, when)


def pipeline(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """Yield the last success of the pipeline, its files, and the rows of the last batch.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.

    Yields
    ------
    Metric
        Times in seconds since 1970, and counts of files and rows.

    See Also
    --------
    runs : all runs by status.
    """
    success = GaugeMetricFamily(
        "fraud_pipeline_last_success_timestamp_seconds", "When the pipeline last succeeded."
    )
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=[dg.DagsterRunStatus.SUCCESS])
    for record in instance.get_run_records(filters, limit=1):
        success.add_metric([], record.end_time or record.update_timestamp.timestamp())
    yield from (success, *_files(), *_rows(instance))


def _files() -> Iterator[Metric]:
    with open_ledger(paths.ledger_path()) as ledger:
        entries = list(ledger.entries().values())
    waiting = sum(entry.state is FileState.waiting for entry in entries)
    yield GaugeMetricFamily("fraud_files_waiting", "Files waiting for a run.", value=waiting)
    refused = sum(entry.state is FileState.refused for entry in entries)
    yield GaugeMetricFamily("fraud_files_refused", "Refused files.", value=refused)
    newest = GaugeMetricFamily(
        "fraud_last_file_timestamp_seconds", "Modification time of the newest file."
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
    """Yield the duration of each asset in the last successful run of the pipeline.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.

    Yields
    ------
    Metric
        In seconds, by asset.

    See Also
    --------
    runs : the duration of whole runs.
    """
    seconds = GaugeMetricFamily(
        "fraud_asset_seconds", "Duration of an asset in the last run.", labels=["asset"]
    )
    filters = dg.RunsFilter(job_name=names.JOB_NAME, statuses=[FINISHED["success"]])
    for run_id in instance.get_run_ids(filters, limit=1):
        for step in instance.get_run_step_stats(run_id):
            if step.start_time and step.end_time and step.materialization_events:
                seconds.add_metric([step.step_key], step.end_time - step.start_time)
    yield seconds


def champion(tracking: Tracking) -> Iterator[Metric]:
    """Yield the champion, the time of its promotion, and the decisions by outcome.

    Parameters
    ----------
    tracking : Tracking
        The model registry.

    Yields
    ------
    Metric
        Without a champion, the decisions only.

    See Also
    --------
    champion_decided : verifies the champion.
    """
    entries = read_entries(paths.decisions_path())
    counts: dict[str, int] = defaultdict(int)
    for entry in entries:
        if isinstance(entry, VersionEntry):
            counts[entry.outcome] += 1
    decisions = CounterMetricFamily(
        "fraud_decisions", "Decisions about challengers by outcome.", labels=["outcome"]
    )
    for outcome in get_args(DecisionOutcome):
        decisions.add_metric([outcome], counts[outcome])
    info = GaugeMetricFamily(
        "fraud_champion_info", "The champion version.", labels=["model", "version"]
    )
    since = GaugeMetricFamily(
        "fraud_champion_since_timestamp_seconds",
        "When it became champion.",
        labels=["model"],
    )
    # Only the alias is read, so that these metrics exist even if its version fails verification.
    version = tracking.champion_alias()
    if version is not None:
        info.add_metric([tracking.model_name, version], 1)
        since.add_metric([tracking.model_name], _champion_since(entries, version))
    yield from (decisions, info, since)


def champion_decided(tracking: Tracking) -> Iterator[Metric]:
    """Yield no metric, but fail if the champion is not the one in the decision log.

    Parameters
    ----------
    tracking : Tracking
        The model registry.

    Yields
    ------
    Metric
        Never; the exporter counts the exception.

    See Also
    --------
    champion : the metrics of the champion.
    """
    tracking.champion()
    yield from ()


def _champion_since(entries: list[LogEntry], version: str) -> float:
    promoted = [entry for entry in promotions(entries) if entry.version == version]
    return datetime.fromisoformat(promoted[-1].time).timestamp() if promoted else time.time()


def parts(
    instance: dg.DagsterInstance,
    tracking: Tracking,
    checks: Iterable[dg.AssetCheckKey],
    jobs: Sequence[str],
    location: str,
) -> dict[str, Part]:
    """Return the parts of the exporter by name; each yields its metrics when it is called.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    tracking : Tracking
        The model registry.
    checks : iterable of AssetCheckKey
        Every asset check of the definitions.
    jobs : sequence of str
        Names of the jobs.
    location : str
        Name of the code location.

    Returns
    -------
    dict of str to callable
        Each callable returns an iterator of metrics.

    See Also
    --------
    fraud_assets.monitoring.exporter.Exporter : collects from them.
    """
    evaluations = CheckEvaluations(checks)
    return {
        "checks": lambda: evaluations.collect(instance),
        "runs": lambda: runs(instance, jobs, location),
        "daemons": lambda: daemons(instance),
        "sensors": lambda: sensors(instance, location),
        "pipeline": lambda: pipeline(instance),
        "steps": lambda: step_seconds(instance),
        "champion": lambda: champion(tracking),
        "champion_decided": lambda: champion_decided(tracking),
    }
