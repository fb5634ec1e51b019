"""Records with plausible values, for tests that care about one of their fields."""

from typing import Any, ClassVar, TypeVar

import pandas as pd

from fraud_assets.config.limits import Verdict
from fraud_assets.config.settings import (
    DriftSettings,
    SplitMode,
    SplitSettings,
    TrainingSettings,
)
from fraud_assets.records.batches import (
    ChampionScores,
    Features,
    Provenance,
    RawTransactions,
    Roles,
    SplitCounts,
    Splits,
    TableFacts,
)
from fraud_assets.records.decisions import DecisionEntry, RegisteredModel
from fraud_assets.records.drift import (
    BatchPerformance,
    ColumnDrift,
    ColumnFindings,
    CorrelationChange,
    DriftReference,
    DriftVerdict,
    ExpectedPerformance,
    FeatureDrift,
    HeldComparison,
    HistoryPoint,
    JudgedDrift,
    Plausibility,
    PlausibilityFigure,
    PrevalenceChange,
    RealizedPerformance,
    SegmentDrift,
    SmallestVisible,
    TooFewRows,
    UnjudgedDrift,
    UnmeasuredDrift,
)
from fraud_assets.records.evaluation import (
    Comparison,
    EvaluatedModel,
    EvaluationReport,
    ModelIds,
)
from fraud_assets.records.models import (
    Calibration,
    Configuration,
    ModelFacts,
    TrainedModel,
    TunedParameters,
)
from fraud_assets.records.published import PublishedDrift, PublishedMetrics
from fraud_assets.records.scoring import ScoredBatch
from fraud_assets.store import tables

T = TypeVar("T", bound=tables.Table[Any])
ROLES = Roles(target="Class", timestamp="t", transaction_id="id", real_time=True)


class ThingTable(tables.Table[TableFacts]):
    """The table of an asset that only tests have."""

    ASSET: ClassVar[str] = "thing"
    RECORD: ClassVar[type[TableFacts]] = TableFacts


class OtherTable(ThingTable):
    """The table of another."""

    ASSET: ClassVar[str] = "other"


def new_table(batch: str, content_hash: str, value: int) -> ThingTable:
    """Return a table of one row that is not committed yet."""
    path = tables.new_rows_file("thing", batch)
    pd.DataFrame({"a": [value]}).to_parquet(path)
    return ThingTable(path, TableFacts(batch=batch, content_hash=content_hash))


def raw_transactions(**changes: Any) -> RawTransactions:
    values = {
        "batch": "june",
        "content_hash": "a",
        "source_file": "june.csv",
        "source_bytes": 1,
        "encoding": "utf-8",
        "delimiter": ",",
        "decimal": ".",
        "columns": ["a"],
        "kinds": {"a": "DOUBLE"},
        "roles": ROLES,
        "labels": {"0": 0, "1": 1},
        "zoned": [],
        "timestamp_format": None,
        "problems": [],
        "long_numbers": [],
        "rows": 1000,
        "frauds": 5,
        "rejected": 0,
        "schema_fingerprint": "f",
        "constant_columns": [],
        "rows_hash": "?",
    }
    return RawTransactions(**values | changes)


def features(**changes: Any) -> Features:
    values = {
        "batch": "june",
        "content_hash": "a",
        "source": Provenance.of(raw_transactions()),
        "kinds": {"a": "DOUBLE"},
        "roles": ROLES,
        "features": ["a"],
        "label_delay_days": 7.0,
        "span": (None, None, None),
        "warm_up_days": {},
    }
    return Features(**values | changes)


def splits(**changes: Any) -> Splits:
    values = {
        "batch": "june",
        "content_hash": "a",
        "settings": SplitSettings(),
        "mode": SplitMode.stratified,
        "validation_start": None,
        "test_start": None,
        "window": [("june", "a")],
        "counts": {s: SplitCounts(rows=1000, frauds=30) for s in ("train", "validation", "test")},
        "straddling_contents": 0,
        "unassigned_rows": 0,
    }
    return Splits(**values | changes)


def champion_scores(**changes: Any) -> ChampionScores:
    values = {
        "batch": "june",
        "content_hash": "h",
        "champion": "1",
        "decision_threshold": 0.5,
        "missing_columns": [],
        "champion_batch": "may",
        "source_file": "june.csv",
        "column_changes": [],
    }
    return ChampionScores(**values | changes)


def model_facts(**changes: Any) -> ModelFacts:
    values = {
        "batch": "june",
        "content_hash": "abc",
        "source": Provenance.of(raw_transactions()),
        "kinds": {"a": "DOUBLE", "b": "DOUBLE"},
        "batch_features": ["a", "b"],
        "window": [("may", "x"), ("june", "abc")],
        "split_mode": "stratified",
        "counts": {"train": SplitCounts(rows=1000, frauds=30)},
        "configuration": Configuration(
            training=TrainingSettings(), splits=SplitSettings(), label_delay_days=7.0
        ),
        "configuration_hash": "c",
        "features": ["a", "b"],
        "decision_threshold": 0.25,
        "threshold_neighbours": [],
        "calibration": Calibration(slope=1.0, intercept=-1.5),
        "iterations": 100,
        "converged": True,
        "validation": {"validation_fraud_recall": 0.8},
    }
    return ModelFacts(**values | changes)


def trained_model(**changes: Any) -> TrainedModel:
    ids = {"run_id": "r", "version": "3", "model_hash": "m", "artifacts": {}}
    return TrainedModel(**dict(model_facts()) | ids | changes)


def feature_drift(**changes: Any) -> FeatureDrift:
    values = dict(column_drift()) | {"feature": "amount", "finding": "", "drifted": False}
    return FeatureDrift(**values | changes)


def correlation_change(**changes: Any) -> CorrelationChange:
    values = {"first": "a", "second": "b", "before": 0.6, "after": 0.1, "p_value": 1e-6}
    return CorrelationChange(**values | changes)


def segment_drift(**changes: Any) -> SegmentDrift:
    values = {
        "segment": "hour",
        "part": "03",
        "share_reference": 0.01,
        "share_batch": 0.04,
        "drift_score": None,
        "p_value": 1e-6,
    }
    return SegmentDrift(**values | changes)


def column_drift(**changes: Any) -> ColumnDrift:
    values = {
        "distance": 0.05,
        "psi": 0.01,
        "ks": 0.02,
        "missing_change": 0.0,
        "outside": 0.0,
        "p_value": 0.4,
        "noise": 0.06,
    }
    return ColumnDrift(**values | changes)


def prevalence_change(**changes: Any) -> PrevalenceChange:
    values = {
        "reference": 0.01,
        "batch": 0.011,
        "ratio": 1.1,
        "interval": (0.5, 2.1),
        "p_value": 0.7,
        "changed": False,
    }
    return PrevalenceChange(**values | changes)


def plausibility(verdict: Verdict = "good") -> Plausibility:
    """What a batch with usual amounts has, or with amounts of another verdict."""
    judged = {"good": 1.0, "watch": 1.7, "critical": 2.9}[verdict]
    figure = PlausibilityFigure(
        name="amount_scale", reference=50.0, batch=50 * judged, judged=judged, verdict=verdict
    )
    return Plausibility(figures=[figure])


def held_comparison(**changes: Any) -> HeldComparison:
    """A batch that is like that of the held version."""
    values = {
        "version": "2",
        "batch": "may",
        "drift_score": 0.04,
        "verdicts": {"drift_score": "good", "drifted_features": "good", "batch_plausible": "good"},
    }
    return HeldComparison(**values | changes)


def drift_verdict(**changes: Any) -> DriftVerdict:
    values = {
        "rows": 1000,
        "reference_rows": 5000,
        "columns": ColumnFindings(),
        "prevalence": prevalence_change(),
        "plausibility": plausibility(),
        "verdict": "good",
        "drift_score": 0.03,
        "n_drifted_features": 0,
        "max_feature_drift": 0.05,
        "p_value": 0.4,
        "changed": False,
        "smallest_visible": SmallestVisible(drift_score=0.08, distance=0.06),
        "features": [feature_drift()],
        "pairs": [],
        "giveaways": [],
        "segments": [],
        "not_judged": [],
    }
    return DriftVerdict(**values | changes)


def expected_performance(**changes: Any) -> ExpectedPerformance:
    values = {"alerts": 20, "frauds": 10.0, "precision": 0.4, "recall": 0.8}
    return ExpectedPerformance(**values | changes)


def realized_performance(**changes: Any) -> RealizedPerformance:
    values = {
        "labels_known": 0.5,
        "precision": 0.5,
        "precision_interval": (0.3, 0.7),
        "recall": None,
        "recall_interval": (0.0, 1.0),
        "expected": expected_performance(),
    }
    return RealizedPerformance(**values | changes)


def batch_performance(**changes: Any) -> BatchPerformance:
    values = {
        "batch": "june",
        "champion": "1",
        "expected": expected_performance(),
        "came_true": realized_performance(),
    }
    return BatchPerformance(**values | changes)


def history_point(**changes: Any) -> HistoryPoint:
    values = {
        "batch": "june",
        "champion": "1",
        "verdict": "good",
        "drift_score": 0.03,
        "n_drifted_features": 0,
        "max_feature_drift": 0.05,
    }
    return HistoryPoint(**values | changes)


def _compared() -> dict[str, Any]:
    """Return what every report has that compares a batch with the champion's training data."""
    return {
        "batch": "june",
        "champion": "1",
        "reference": DriftReference(version="1", batch="march", before=None),
        "settings": DriftSettings(),
        "decision_threshold": 0.5,
        "expected": expected_performance(),
        "performance": [batch_performance()],
        "history": [history_point()],
    }


def drift_report(**changes: Any) -> JudgedDrift:
    return JudgedDrift(**dict(drift_verdict()) | _compared() | changes)


def too_few_rows(**changes: Any) -> TooFewRows:
    values = {
        "rows": 120,
        "reference_rows": 5000,
        "columns": ColumnFindings(),
        "prevalence": prevalence_change(),
        "min_rows": 500,
    }
    return TooFewRows(**values | changes)


def unjudged_drift(**changes: Any) -> UnjudgedDrift:
    return UnjudgedDrift(**dict(too_few_rows()) | _compared() | changes)


def unmeasured_drift(**changes: Any) -> UnmeasuredDrift:
    values = {"batch": "june", "champion": None, "not_measured": "no champion yet"}
    return UnmeasuredDrift(**values | changes)


def scored_transactions(**changes: Any) -> ScoredBatch:
    values = {
        "batch": "june",
        "content_hash": "h",
        "champion": "1",
        "decision_threshold": 0.5,
        "rows": 1000,
        "suppressions": None,
        "worklist_entries": 12,
        "alerts_count": 9,
        "suppressed_count": 1,
        "frauds_detected_count": 4,
        "frauds_missed_count": 1,
        "frauds_suppressed_count": 0,
        "false_alarms_count": 5,
        "fraud_detection_rate": 0.8,
    }
    return ScoredBatch(**values | changes)


def tuned_parameters(**changes: Any) -> TunedParameters:
    values = {
        "batch": "june",
        "content_hash": "a",
        "estimator": "xgboost",
        "parameters": {"max_depth": 3},
        "average_precision": 0.75,
        "average_precision_of_defaults": 0.7,
        "trials": 30,
        "pruned": 4,
        "mlflow_run_id": "r",
    }
    return TunedParameters(**values | changes)


def saved_table(kind: type[T], facts: TableFacts, rows: pd.DataFrame | None = None) -> T:
    """Commit a table of these facts, with one row unless others are given."""
    path = tables.new_rows_file(kind.ASSET, facts.batch)
    (pd.DataFrame({"source_line": [2]}) if rows is None else rows).to_parquet(path)
    return tables.save_table(kind(path, facts))


def comparison(**changes: Any) -> Comparison:
    """A challenger that is better than the champion beyond chance."""
    values = {
        "rows": 1000,
        "rows_seen_by_champion": 0,
        "frauds": 40,
        "average_precision": 0.8,
        "champion_average_precision": 0.77,
        "difference": 0.03,
        "interval": (0.01, 0.05),
        "confidence": 0.95,
        "margin": 0.0,
        "savings_difference": 12.0,
        "savings_interval": (-3.0, 27.0),
        "segments": [],
    }
    return Comparison(**values | changes)


def evaluation_report(**changes: Any) -> EvaluationReport:
    """A good model of a batch, without a champion to compare with."""
    metrics = {
        "decision_threshold": 0.25,
        "false_alarm_rate": 0.002,
        "false_alarms_count": 2,
        "fraud_detection_rate": 0.9,
        "frauds_detected_count": 36,
        "frauds_missed_count": 4,
        "net_savings": 3456.78,
        "return_on_investment": 40.5,
        "test_average_precision": 0.85,
        "test_brier_score": 0.001234567,
        "test_fraud_f1": 0.92307,
        "test_fraud_precision": 0.94736,
        "test_fraud_recall": 0.9,
        "test_macro_f1": 0.96,
        "test_macro_precision": 0.97,
        "test_macro_recall": 0.95,
        "test_roc_auc": 0.99,
        "test_weighted_f1": 0.99,
        "test_weighted_precision": 0.99,
        "test_weighted_recall": 0.99,
    }
    values = {
        "batch": "june",
        "source_file": "june.csv",
        "content_hash": "abc",
        "ids": ModelIds(mlflow_run_id="r", model_version="3"),
        "model": EvaluatedModel.of(model_facts(), has_amount=True),
        "champion": None,
        "comparison": None,
        "slices": [],
        "importance": {"a": 1.5, "b": 0.2},
        "test": SplitCounts(rows=1000, frauds=40),
        "metrics": metrics,
        "intervals": {
            name: (0.9 * metrics[name], 1.1 * metrics[name])
            for name in (
                *("false_alarm_rate", "false_alarms_count", "fraud_detection_rate"),
                *("frauds_detected_count", "frauds_missed_count", "net_savings"),
                *("test_average_precision", "test_fraud_f1", "test_fraud_precision"),
                *("test_fraud_recall", "test_roc_auc"),
            )
        },
        "recall_judged_by": "point",
        "verdicts": {"fraud_recall": "good", "frauds_missed": "watch", "false_alarm_rate": "good"},
        "reliability": [
            {"rows": 1000, "predicted": 0.04, "observed": 0.04, "low": 0.03, "high": 0.05}
        ],
        "business": [{"what": "frauds", "count": 40, "money": 4000.0}],
    }
    return EvaluationReport(**values | changes)


def decision_entry(**changes: Any) -> DecisionEntry:
    """The log's entry of a run that promoted its model."""
    values = {
        "time": "2026-06-30T12:00:00+00:00",
        "batch": "june",
        "version": "3",
        "champion_before": None,
        "actor": "run 1, file june.csv",
        "dagster_run_id": "1",
        "mlflow_run_id": "r",
        "model_hash": "a" * 64,
        "data_hash": "abc",
        "configuration_hash": "c",
        "artifacts": {},
        "outcome": "promote",
        "reason": "there is no champion yet, and no figure is critical",
        "passed": ["no_figure_critical"],
        "failed": [],
        "figures": {"test_fraud_recall": 0.9},
        "thresholds": {"fraud_recall_critical": 0.6},
    }
    return DecisionEntry(**values | changes)


def decision(**changes: Any) -> RegisteredModel:
    """The same as the asset `registered_model` hands it on."""
    return RegisteredModel.of(decision_entry(**changes))


def published_drift(**changes: Any) -> PublishedDrift:
    return PublishedDrift(**_published({"champion": "2"}) | changes)


def published_metrics(**changes: Any) -> PublishedMetrics:
    return PublishedMetrics(**_published({"version": "3", "decision": "promote"}) | changes)


def _published(labels: dict[str, str]) -> dict[str, Any]:
    return {
        "batch": "june",
        "figures": {"fraud_prevalence": 0.01},
        "info": {"batch": "june"} | labels,
        "pushed": False,
        "gateway": None,
        "error": None,
    }
