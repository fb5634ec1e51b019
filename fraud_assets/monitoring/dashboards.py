"""The Grafana dashboards, generated into `grafana/dashboards/*.json`.

Thresholds come from `config/limits.py`. Needs the Grafana Foundation SDK, which is a development
dependency only.
"""

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_assets.config import environment, limits, names
from fraud_assets.config.limits import Limits

GREEN, ORANGE, RED, BLUE, PURPLE = "#3d9970", "#e08e0b", "#c0392b", "#2c7fb8", "#7e57c2"
MODEL = '{model="$model"}'
VERDICT_CHECKS = (
    'check=~"fraud_recall|frauds_missed|false_alarm_rate|beats_champion|drift_score|batch_plausible|'
    'schema_contract|rejected_rows|enough_frauds"'
)
VERDICT_HEIGHT, PANEL_HEIGHT = 4, 8
COLORS = {
    "frauds_detected_count": GREEN,
    "frauds_missed_count": RED,
    "false_alarms_count": ORANGE,
    "promote": GREEN,
    "shadow_only": BLUE,
    "reject": ORANGE,
    "held": RED,
    "proposed": PURPLE,
    "success": GREEN,
    "failure": RED,
    "canceled": ORANGE,
}
"""Series with a fixed meaning have a fixed color."""
COUNTS = ("frauds_detected_count", "frauds_missed_count", "false_alarms_count")
UNITS = {"return_on_investment": "percentunit"}
GOOD_OR_BAD = ("fails", "passes")
BOOKKEEPING = ("Time", "__name__", "instance", "job", "location")
"""Columns that tables hide."""


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes
    ----------
    title, description : str
        Shown above the panel, and as its tooltip.
    kind : {"stat", "timeseries", "bargauge", "table", "statetimeline"}
        Type of the panel in Grafana.
    queries : sequence of (str, str)
        PromQL and legend.
    unit : str
        As Grafana names it.
    limits : Limits, optional
        Where colors change.
    states : (str, str), optional
        Texts for 0, in red, and 1, in green.
    colored : sequence of str
        Series that have their color of `COLORS`.
    by_name : bool
        Whether a stat shows the name of its series instead of its value.
    width, height : int
        In columns, of 24, and in rows.

    See Also
    --------
    dashboards : the dashboards made of panels.
    """

    title: str
    description: str
    kind: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    limits: Limits | None = None
    width: int = 8
    height: int = PANEL_HEIGHT
    states: tuple[str, str] | None = None
    colored: Sequence[str] = ()
    by_name: bool = False


def _last(name: str) -> str:
    return f"last_over_time({name}{MODEL}[1h])"


def _figures(*names: str) -> list[tuple[str, str]]:
    return [(_last(name), name) for name in names]


def _top_row() -> list[Panel]:
    missed, caught = _last("frauds_missed_count"), _last("frauds_detected_count")
    verdicts = [
        ("Fraud recall", "Share of test frauds caught.", _last("test_fraud_recall"),
         "percentunit", limits.FRAUD_RECALL),
        ("Frauds missed", "Share of test frauds missed: one minus the recall.",
         f"{missed} / ({missed} + {caught})", "percentunit", limits.FRAUD_RECALL.complement),
        ("False alarms", "Share of genuine transactions that raise an alert.",
         _last("false_alarm_rate"), "percentunit", limits.FALSE_ALARM_RATE),
        ("Drift score", "How well a classifier tells the batch from the reference.",
         _last("drift_score"), "percentunit", limits.DRIFT_SCORE),
    ]  # fmt: skip
    row = [
        Panel(title, description, "stat", [(expr, title)], unit, limits, 4, VERDICT_HEIGHT)
        for title, description, expr, unit, limits in verdicts
    ]
    since = f"time() - fraud_champion_since_timestamp_seconds{MODEL}"
    return [
        *row,
        Panel("Champion", "The champion version.", "stat",
              [(f"fraud_champion_info{MODEL}", "version {{version}}")], "none", None, 4,
              VERDICT_HEIGHT, by_name=True),
        Panel("Champion age", "Time since the champion was promoted.", "stat",
              [(since, "age")], "s", None, 4, VERDICT_HEIGHT),
    ]  # fmt: skip


def model_panels() -> list[Panel]:
    """Return the panels of the dashboard ML Model Monitoring.

    Returns
    -------
    list of Panel
        In the order of the dashboard; the verdicts come first.

    See Also
    --------
    health_panels : the panels of the other dashboard.
    """
    return [
        *_top_row(),
        Panel("Fraud detection performance", "F1, precision and recall of the fraud class.",
              "bargauge", _figures("test_fraud_f1", "test_fraud_precision", "test_fraud_recall"),
              "percentunit", limits.FRAUD_RECALL),
        Panel("Business impact", "Money saved on the test rows by detection.", "stat",
              _figures("net_savings", "return_on_investment")),
        Panel("Confusion counts over time", "Frauds caught and missed, and false alarms.",
              "timeseries",
              _figures(*COUNTS), colored=COUNTS),
        Panel("Performance over time", "The figures of each batch's own model.", "timeseries",
              _figures("test_fraud_recall", "test_fraud_precision", "test_average_precision"),
              "percentunit", limits.FRAUD_RECALL),
        Panel("Threshold", "Score from which a transaction is an alert.", "timeseries",
              _figures("decision_threshold"), "percentunit"),
        Panel("Challengers by decision", "Decisions about challengers, by outcome.", "timeseries",
              [("fraud_decisions_total", "{{outcome}}")],
              colored=("promote", "shadow_only", "reject", "held", "proposed")),
        Panel("Drift metrics", "Drift score, and the largest distance of a feature.", "bargauge",
              _figures("drift_score", "max_feature_drift"), "percentunit", limits.DRIFT_SCORE),
        Panel("Drift score over time", "Below 0.1: stable; above 0.3: retrain.", "timeseries",
              _figures("drift_score"), "percentunit", limits.DRIFT_SCORE),
        Panel("Drifted features", "Features that drifted beyond chance.", "timeseries",
              _figures("n_drifted_features")),
        Panel("Prevalence and score drift", "Share of frauds, and drift of the champion's scores.",
              "timeseries", _figures("fraud_prevalence", "score_drift"), "percentunit"),
        Panel("Expected and realized recall",
              "Estimated from the scores, and measured on the labels known by now.", "timeseries",
              _figures("expected_recall", "realized_recall"), "percentunit"),
        Panel("Expected and realized precision",
              "Estimated from the scores, and measured on the labels known by now.", "timeseries",
              _figures("expected_precision", "realized_precision"), "percentunit"),
        Panel("Verdicts over time", "When each verdict passed, and when its check failed.",
              "statetimeline",
              [(f'fraud_asset_check_passed{{severity="ERROR",{VERDICT_CHECKS}}}', "{{check}}")],
              "none", None, 12, states=GOOD_OR_BAD),
        Panel("Asset checks", "Checks that fail now, with their severity.", "table",
              [("fraud_asset_check_passed", "")], "none", None, 12, states=GOOD_OR_BAD),
    ]  # fmt: skip


def health_panels() -> list[Panel]:
    """Return the panels of the dashboard Pipeline health.

    Returns
    -------
    list of Panel
        In the order of the dashboard.

    See Also
    --------
    model_panels : the panels of the other dashboard.
    """
    job = f'{{job_name="{names.JOB_NAME}"}}'
    since = [("time() - fraud_pipeline_last_success_timestamp_seconds", "since the last success")]
    return [
        Panel("Last success", "Time since the pipeline last succeeded.", "stat", since, "s",
              Limits(watch=86_400, critical=93_600, higher_is_better=False), 6, VERDICT_HEIGHT),
        Panel("Files waiting", "Files waiting for their run.", "stat",
              [("fraud_files_waiting", "waiting")], "short",
              Limits(watch=1, critical=5, higher_is_better=False), 6, VERDICT_HEIGHT),
        Panel("Rejected rows", "Rows of the last batch that were rejected.", "stat",
              [('fraud_rows{outcome="rejected"}', "rejected")], "short", None, 6, VERDICT_HEIGHT),
        Panel("Push age", "Time since the figures were last pushed.", "stat",
              [("time() - max by (part) (push_time_seconds)", "{{part}}")], "s", None, 6,
              VERDICT_HEIGHT),
        Panel("Finished runs", "By status.", "timeseries",
              [(f"dagster_completed_runs_total{job}", "{{status}}")],
              colored=("success", "failure", "canceled")),
        Panel("Runs in progress", "Queued, starting or started.", "timeseries",
              [(f"dagster_active_runs{job}", "{{status}}")]),
        Panel("Duration of the last run", "Of the pipeline, from start to end.", "timeseries",
              [(f"dagster_last_run_duration_seconds{job}", "{{status}}")], "s"),
        Panel("Duration by asset", "In the last run.", "bargauge",
              [("fraud_asset_seconds", "{{asset}}")], "s"),
        Panel("Daemons", "Time since each daemon's last heartbeat.", "bargauge",
              [("time() - dagster_daemon_last_heartbeat_timestamp_seconds", "{{daemon_type}}")],
              "s", Limits(watch=60, critical=120, higher_is_better=False)),
        Panel("Sensors", "Status of each sensor's last tick.", "table",
              [("dagster_sensor_last_tick_status", "")], "none"),
        Panel("Targets", "When Prometheus could scrape each target.", "statetimeline",
              [("up", "{{job}}")], "none", None, 12, states=("down", "up")),
        Panel("Exporter", "Which parts of the exporter could be read.", "statetimeline",
              [("fraud_exporter_part_up", "{{part}}")], "none", None, 12,
              states=("failed", "read")),
    ]  # fmt: skip


def dashboards() -> dict[str, str]:
    """Return the dashboards as JSON.

    Returns
    -------
    dict of str to str
        JSON by the dashboard's uid.

    See Also
    --------
    model_panels, health_panels : the panels.
    """
    titles: dict[str, tuple[str, Callable[[], list[Panel]]]] = {
        "fraud-model-monitoring": ("ML Model Monitoring", model_panels),
        "fraud-pipeline-health": ("Pipeline health", health_panels),
    }
    return {uid: _text(uid, title, panels()) for uid, (title, panels) in titles.items()}


def _text(uid: str, title: str, panels: Sequence[Panel]) -> str:
    with warnings.catch_warnings():
        # The SDK recommends a format of dashboards that Grafana 11 cannot read.
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["fraud"])
        .refresh("30s")
        .time("now-7d", "now")
        .timezone("browser")
    )
    built.with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    model = dashboard.QueryVariable("model").label("Model").datasource(_source())
    built.with_variable(model.query(MODELS))
    for name, expr, color in ANNOTATIONS:
        annotation = dashboard.AnnotationQuery().name(name).datasource(_source()).enable(True)
        built.annotation(annotation.icon_color(color).expr(expr))
    for name, url in links():
        built.link(dashboard.DashboardLink(name).url(url).type(_link_kind()).target_blank(True))
    for place, panel in enumerate(panels, start=1):
        built.with_panel(_build(panel, place))
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


MODELS = "label_values(fraud_batch_info, model)"
ANNOTATIONS = (
    ("Promotions", 'changes(fraud_decisions_total{outcome="promote"}[1m]) > 0', GREEN),
    ("Data arrived", "changes(fraud_last_file_timestamp_seconds[1m]) > 0", BLUE),
)


def links() -> list[tuple[str, str]]:
    """Return the links at the top of the dashboards.

    Returns
    -------
    list of (str, str)
        Name and address.

    See Also
    --------
    dashboards : the dashboards with these links.
    """
    return [
        ("Dagster", environment.dagster_url()),
        ("MLflow", environment.mlflow_url()),
        ("Runbooks", f"{environment.runbooks_url()}/"),
    ]


def _link_kind() -> Any:
    from grafana_foundation_sdk.models.dashboard import DashboardLinkType

    return DashboardLinkType.LINK


def _source() -> Any:
    from grafana_foundation_sdk.models.common import DataSourceRef

    return DataSourceRef(type_val="prometheus", uid="${datasource}")


def _build(panel: Panel, place: int) -> Any:
    import importlib

    from grafana_foundation_sdk.builders import prometheus

    module = importlib.import_module(f"grafana_foundation_sdk.builders.{panel.kind}")
    built = (
        module.Panel().id(place).title(panel.title).description(panel.description)
        .datasource(_source()).unit(panel.unit).span(panel.width).height(panel.height)
        .thresholds(_thresholds(panel.limits))
    )  # fmt: skip
    if panel.kind == "stat":
        _as_tile(built, panel.by_name)
    if panel.unit == "percentunit":
        built.min(0)
    if panel.unit == "percentunit" and panel.kind == "bargauge":
        built.max(1)
    if panel.states:
        built.mappings([_mapping(panel.states)])
    for name, properties in _overrides(panel):
        built.override_by_name(name, properties)
    for number, (expr, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expr).ref_id(chr(ord("A") + number))
        query.legend_format(legend).datasource(_source())
        lasting = panel.kind in ("timeseries", "statetimeline")
        built.with_target(query.range() if lasting else _instant(query, panel.kind))
    return built


def _as_tile(built: Any, by_name: bool) -> None:
    from grafana_foundation_sdk.models import common

    built.color_mode(common.BigValueColorMode.BACKGROUND)
    built.graph_mode(common.BigValueGraphMode.NONE)
    if by_name:
        built.text_mode(common.BigValueTextMode.NAME)


def _mapping(states: tuple[str, str]) -> Any:
    from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

    return ValueMap({
        str(value): ValueMappingResult(text, color, index=value)
        for value, (text, color) in enumerate(zip(states, (RED, GREEN), strict=True))
    })  # fmt: skip


def _overrides(panel: Panel) -> Iterator[tuple[str, list[Any]]]:
    """Yield the series or columns that differ from the panel's defaults, with their properties."""
    from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

    if panel.kind == "table":
        for name in BOOKKEEPING:
            yield name, [DynamicConfigValue("custom.hidden", True)]
        shown = {"displayName": "state", "custom.cellOptions": {"type": "color-text"}}
        yield "Value", [DynamicConfigValue(name, value) for name, value in shown.items()]
    for name in panel.colored:
        color = {"mode": "fixed", "fixedColor": COLORS[name]}
        yield name, [DynamicConfigValue("color", color)]
    for name, unit in UNITS.items():
        if any(name == legend for _, legend in panel.queries):
            yield name, [DynamicConfigValue("unit", unit)]


def _instant(query: Any, kind: str) -> Any:
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    return query.instant().format(PromQueryFormat.TABLE) if kind == "table" else query.instant()


def _thresholds(limits: Limits | None) -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode

    steps = [Threshold(None, BLUE)]
    if limits is not None and limits.higher_is_better:
        steps = [Threshold(None, RED), Threshold(limits.critical, ORANGE),
                 Threshold(limits.watch, GREEN)]  # fmt: skip
    elif limits is not None:
        steps = [Threshold(None, GREEN), Threshold(limits.watch, ORANGE),
                 Threshold(limits.critical, RED)]  # fmt: skip
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
