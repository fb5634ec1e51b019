"""Records with plausible values, for tests that care about one of their fields."""

from typing import Any, ClassVar

import pandas as pd

from fraud_assets.config.settings import SplitMode, SplitSettings, TrainingSettings
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
from fraud_assets.records.models import Calibration, Configuration, ModelFacts, TrainedModel
from fraud_assets.records.published import PublishedDrift, PublishedMetrics
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
