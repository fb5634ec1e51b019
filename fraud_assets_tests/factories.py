"""Records with plausible values, for tests that care about one of their fields."""

from typing import Any, ClassVar

import pandas as pd

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
from fraud_assets.records.drift import (
    BatchPerformance,
    ColumnDrift,
    ColumnFindings,
    CorrelationChange,
    DriftReference,
    DriftVerdict,
    ExpectedPerformance,
    FeatureDrift,
    HistoryPoint,
    JudgedDrift,
    PrevalenceChange,
    RealizedPerformance,
    SegmentDrift,
    SmallestVisible,
    TooFewRows,
    UnjudgedDrift,
    UnmeasuredDrift,
)
from fraud_assets.records.models import Calibration, Configuration, ModelFacts, TrainedModel
from fraud_assets.records.published import PublishedDrift, PublishedMetrics
from fraud_assets.records.scoring import ScoredBatch
from fraud_assets.store import tables

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


def drift_verdict(**changes: Any) -> DriftVerdict:
    values = {
        "rows": 1000,
        "reference_rows": 5000,
        "columns": ColumnFindings(),
        "prevalence": prevalence_change(),
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
