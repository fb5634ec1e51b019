"""The Prometheus rules, generated from `config/limits.py` into `prometheus/rules.yml`.

Pushed gauges are read through `last_over_time`, so that a Pushgateway that is briefly down does
not resolve alerts. Verdicts have the batch as a label, so that a second bad batch in a row is a new
alert.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from fraud_assets.config import environment, limits, names
from fraud_assets.config.limits import Limits

MEMORY = "1h"
"""How long a metric is used after its last scrape."""
BATCH = "model_part:fraud_batch_published_timestamp_seconds:newest"
DASHBOARD = "/d/fraud-model-monitoring"
HEALTH = "/d/fraud-pipeline-health"
NO_SUCCESS_HOURS = NO_FILE_HOURS = 26
CHAMPION_DAYS = 30
FILES_WAITING = 5
HEARTBEAT_SECONDS = 120


@dataclass(frozen=True)
class Alert:
    """An alerting rule.

    Attributes
    ----------
    name : str
        Also the name of its runbook, `docs/runbooks/<name>.md`.
    expr : str
        PromQL.
    severity : {"critical", "watch", "none"}
        "none" for the watchdog, which always fires.
    summary : str
        One sentence with its figures, in Prometheus' template language.
    hold : str
        How long the condition must hold.
    topic : str
        A critical alert suppresses the watch alert of the same topic.
    dashboard : str
        Path of the dashboard in Grafana.

    See Also
    --------
    all_alerts : all alerts of the platform.
    """

    name: str
    expr: str
    severity: str
    summary: str
    hold: str = "0s"
    topic: str = ""
    dashboard: str = HEALTH

    def to_rule(self) -> dict[str, Any]:
        """Return the rule in Prometheus' format.

        Returns
        -------
        dict
            Alert, expression, duration, labels and annotations.

        See Also
        --------
        rule_groups : all rules.
        """
        labels = {"severity": self.severity, "topic": self.topic or self.name}
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": labels,
            "annotations": {
                "summary": self.summary,
                "runbook_url": f"{environment.runbooks_url()}/{self.name}.md",
                "dashboard_url": f"{environment.grafana_url()}{self.dashboard}",
            },
        }


def verdict_alerts(name: str, expr: str, limits: Limits, summary: str) -> list[Alert]:
    """Return the two alerts of a verdict, watch and critical.

    Parameters
    ----------
    name : str
        Beginning of both names.
    expr : str
        PromQL of the metric, by `model` and `part`.
    limits : Limits
        Values from which the verdict is watch, and critical.
    summary : str
        With the placeholders `{value}` and `{batch}`.

    Returns
    -------
    list of Alert

    See Also
    --------
    all_alerts : all alerts of the platform.
    """
    figure = f"({expr})"
    if limits.higher_is_better:
        watch = f"{figure} < {limits.watch:g} and {figure} >= {limits.critical:g}"
        critical = f"{figure} < {limits.critical:g}"
    else:
        watch = f"{figure} >= {limits.watch:g} and {figure} <= {limits.critical:g}"
        critical = f"{figure} > {limits.critical:g}"
    text = summary.format(value='{{ printf "%.3g" $value }}', batch="{{ $labels.batch }}")
    good_side = "at least" if limits.higher_is_better else "below"
    good = f"good is {good_side} {limits.watch:g}"
    critical_side = "below" if limits.higher_is_better else "above"
    return [
        Alert(f"{name}Watch", _of_batch(watch), "watch", f"{text}; {good}.", topic=name,
              dashboard=DASHBOARD),
        Alert(f"{name}Critical", _of_batch(critical), "critical",
              f"{text}; {good}, critical {critical_side} {limits.critical:g}.", topic=name,
              dashboard=DASHBOARD),
    ]  # fmt: skip


def _last(metric: str) -> str:
    return f"last_over_time({metric}[{MEMORY}])"


def _of_batch(condition: str) -> str:
    return f"({condition}) * on (model, part) group_left (batch) ({BATCH} > bool 0)"


def _with_detail(condition: str) -> str:
    """Add the description of the check, whose figures make it a new alert for each batch."""
    return f"({condition}) * on (asset, check) group_left (detail) fraud_asset_check_detail_info"


def _by_model(metric: str) -> str:
    return f"max by (model, part) ({_last(metric)})"


def all_alerts() -> list[Alert]:
    """Return every alert of the platform.

    Returns
    -------
    list of Alert
        Those of the verdicts first.

    See Also
    --------
    rule_groups : the alerts as rules.

    Examples
    --------
    >>> [alert.name for alert in all_alerts() if alert.severity == "none"]
    ['Watchdog']
    """
    job = f'job_name="{names.JOB_NAME}"'
    return [
        *verdict_alerts("FraudRecall", _by_model("test_fraud_recall"), limits.FRAUD_RECALL,
                        "Batch {batch}: fraud recall is {value}"),
        *verdict_alerts("FalseAlarmRate", _by_model("false_alarm_rate"), limits.FALSE_ALARM_RATE,
                        "Batch {batch}: {value} of the genuine transactions raise an alert"),
        *verdict_alerts("Drift", _by_model("drift_score"), limits.DRIFT_SCORE,
                        "Batch {batch}: the drift score is {value}"),
        Alert("TooFewRowsToJudge", _of_batch(f"{_by_model('drift_judged')} == 0"), "watch",
              "Batch {{ $labels.batch }} has too few rows to judge drift.",
              dashboard=DASHBOARD),
        Alert("AssetCheckFailed", _with_detail('fraud_asset_check_passed{severity="ERROR"} == 0'),
              "critical", "{{ $labels.check }} of {{ $labels.asset }} fails: "
              "{{ $labels.detail }}.", topic="check"),
        Alert("AssetCheckWarns", _with_detail('fraud_asset_check_passed{severity="WARN"} == 0'),
              "watch", "{{ $labels.check }} of {{ $labels.asset }} warns: "
              "{{ $labels.detail }}.", topic="check"),
        Alert("AssetCheckFailedBriefly",
              'increase(fraud_asset_check_evaluations_total{result="failed"}[10m]) > 0 and on '
              '(asset, check) fraud_asset_check_passed{severity="ERROR"} == 1', "critical",
              "{{ $labels.check }} of {{ $labels.asset }} failed, and has passed since.",
              topic="check"),
        Alert("PipelineRunFailed",
              f'dagster_last_run_info{{{job},status="failure"}} == 1 or '
              f'increase(dagster_completed_runs_total{{{job},status="failure"}}[10m]) > 0',
              "critical", "A run of {{ $labels.job_name }} failed.", topic="run"),
        Alert("NoSuccessfulRun",
              f"time() - fraud_pipeline_last_success_timestamp_seconds > {NO_SUCCESS_HOURS} * 3600",
              "critical", "The pipeline has not succeeded for {{ $value | humanizeDuration }}.",
              topic="stale"),
        Alert("NoNewFile",
              f"time() - fraud_last_file_timestamp_seconds > {NO_FILE_HOURS} * 3600", "watch",
              "No CSV has landed for {{ $value | humanizeDuration }}.", topic="stale"),
        Alert("FilesWaiting", f"fraud_files_waiting > {FILES_WAITING}", "watch",
              "{{ $value }} files are waiting for a run.", hold="30m"),
        Alert("ChampionTooOld",
              f"time() - fraud_champion_since_timestamp_seconds > {CHAMPION_DAYS} * 86400", "watch",
              "The champion was promoted {{ $value | humanizeDuration }} ago.",
              dashboard=DASHBOARD),
        Alert("IntakeSensorFailing",
              'dagster_sensor_last_tick_status{sensor_name="csv_landing",status="failure"} == 1 '
              'or on () (abs(time() - dagster_sensor_last_tick_timestamp_seconds'
              '{sensor_name="csv_landing"}) > 600)', "critical",
              "The sensor csv_landing fails or is stuck: no file is ingested.", hold="1m"),
        Alert("DaemonSilent",
              f"time() - dagster_daemon_last_heartbeat_timestamp_seconds > {HEARTBEAT_SECONDS}",
              "critical", "The last heartbeat of {{ $labels.daemon_type }} was "
              "{{ $value | humanizeDuration }} ago.", hold="1m"),
        Alert("TargetDown", "up == 0", "critical",
              "{{ $labels.job }} does not respond at {{ $labels.instance }}.", hold="1m"),
        Alert("PushFailing", "push_failure_time_seconds > push_time_seconds", "watch",
              "The last push of {{ $labels.part }} was refused by the Pushgateway."),
        Alert("ExporterPartUnread", "fraud_exporter_part_up == 0", "critical",
              "The exporter cannot read {{ $labels.part }}.", hold="1m"),
        Alert("MetricsMissing", "absent(fraud_asset_check_evaluations_total)", "critical",
              "The asset checks have had no metrics for 30 minutes; they may be failing.",
              hold="30m"),
        Alert("FiguresNotPublished",
              "fraud_pipeline_last_success_timestamp_seconds - on () group_left () "
              'max(push_time_seconds{part="evaluation"}) > 1800', "critical",
              "A run of the pipeline succeeded, but its figures were not pushed."),
        Alert("Watchdog", "vector(1)", "none",
              "Always firing: when it stops, alerts are not delivered."),
    ]  # fmt: skip


def rule_groups() -> dict[str, Any]:
    """Return the recording and alerting rules in Prometheus' format.

    Returns
    -------
    dict
        The content of a rules file.

    See Also
    --------
    rules_text : the same as text.
    """
    newest = f"topk by (model, part) (1, {_last('fraud_batch_published_timestamp_seconds')})"
    alerts = [alert.to_rule() for alert in all_alerts()]
    rules = [{"record": BATCH, "expr": newest}, *alerts]
    return {"groups": [{"name": "fraud", "rules": rules}]}


def rules_text() -> str:
    """Return the text of `prometheus/rules.yml`.

    Returns
    -------
    str
        YAML.

    See Also
    --------
    rule_groups : the rules.
    """
    head = "# Generated by `fraud-assets rules` from fraud_assets/config/limits.py.\n"
    return head + yaml.safe_dump(rule_groups(), sort_keys=False, width=100)
