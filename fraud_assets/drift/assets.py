"""`drift_report`: the batch against what the champion was trained on."""

from typing import Any

import dagster as dg

from fraud_assets import storage
from fraud_assets.config import DriftSettings
from fraud_assets.drift.plots import drift_by_feature
from fraud_assets.drift.statistics import measure_drift
from fraud_assets.evaluation.assets import plot_metadata
from fraud_assets.intake.resources import OWNERS, batches
from fraud_assets.sql import identifier
from fraud_assets.tracking import REFERENCE_PROFILE, Tracking

NO_REFERENCE = "no champion with a reference profile yet, so there is nothing to measure against"
FIGURES = ("drift_score", "n_drifted_features", "max_feature_drift")


class DriftConfig(DriftSettings, dg.Config):
    """Launchpad configuration of `drift_report`."""


@dg.asset(
    partitions_def=batches,
    group_name="drift",
    owners=OWNERS,
    kinds={"scipy", "json"},
    code_version="1",
    io_manager_key="reports",
)
def drift_report(
    context: dg.AssetExecutionContext,
    config: DriftConfig,
    features: storage.Table,
    engine: storage.Engine,
    tracking: Tracking,
) -> dg.MaterializeResult[dict[str, Any]]:
    """How far the batch has moved from the champion's training data.

    Needs no training, so that a batch too poor to train on is still watched.
    """
    report: dict[str, Any] = {
        "batch": context.partition_key,
        "champion": features.facts["champion"],
        "min_distance": config.min_distance,
    }
    profile = _reference_profile(tracking, features.facts["champion"])
    if profile is None:
        report["not_measured"] = NO_REFERENCE
        context.log.info(NO_REFERENCE)
        return dg.MaterializeResult(value=report, metadata={"not_measured": NO_REFERENCE})
    with engine.connect() as connection:
        names = features.facts["features"]
        rows = connection.execute(
            f"SELECT {', '.join(map(identifier, names))}, "
            "CAST(days_known AS DOUBLE) AS days_known_ FROM read_parquet(?)",
            [str(features.path)],
        ).df()
    report |= {"rows": len(rows), "reference_rows": profile["rows"]}
    report |= measure_drift(rows, names, profile, features.facts["warm_up_days"], config)
    plot = drift_by_feature(report["features"], config.min_distance)
    storage.write_atomically(storage.report_folder(context.partition_key) / "drift.png", plot)
    return dg.MaterializeResult(value=report, metadata=_metadata(tracking, report, plot))


def _reference_profile(tracking: Tracking, champion: str | None) -> dict[str, Any] | None:
    if champion is None:
        return None
    profile: dict[str, Any] | None = tracking.read_json(
        tracking.version(champion).run_id, REFERENCE_PROFILE
    )
    return profile


def _metadata(tracking: Tracking, report: dict[str, Any], plot: bytes) -> dict[str, Any]:
    return {
        "champion": tracking.version_link(report["champion"]),
        "verdict": report["verdict"],
        "dagster/row_count": report["rows"],
        **{name: report[name] for name in FIGURES},
        "not_judged": report["not_judged"],
        "features": dg.MetadataValue.table(
            [dg.TableRecord(feature) for feature in report["features"][:20]]
        ),
        "plot_drift": plot_metadata(plot),
    }
