"""`drift_retraining`: critical drift asks for a training run, once the sensor is turned on."""

from datetime import UTC, datetime

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config import environment, names
from fraud_assets.config.names import REASON_TAG, RETRAINING_TAG
from fraud_assets.drift.retraining import retraining_due
from fraud_assets.intake.landing.runs import is_busy
from fraud_assets.records.drift import DriftReport

RETRAINED = (
    *("splits", "trained_model", "reference_profile", "evaluation_report"),
    *("registered_model", "published_metrics"),
)


@dg.sensor(job_name=names.JOB_NAME, minimum_interval_seconds=30)
def drift_retraining(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Train on the newest batches alone when the last one has critical drift.

    Off until it is turned on. The new model is a challenger like any other, promoted by the same
    rules.
    """
    if is_busy(context.instance):
        return dg.SkipReason("a pipeline run is still going; its batch may change the verdict")
    catalog = BatchCatalog.of(context.instance)
    accepted = list(catalog.accepted().values())
    report = catalog.report(DriftReport, accepted[-1].batch) if accepted else None
    settings = environment.retraining()
    due, reason = retraining_due(report, _last(context.instance), datetime.now(UTC), settings)
    if not due or report is None:
        return dg.SkipReason(reason)
    batch = accepted[-1]
    return dg.RunRequest(
        run_key=f"drift/{batch.batch}/{batch.content_hash}/{report.champion}",
        partition_key=batch.batch,
        asset_selection=[dg.AssetKey(name) for name in RETRAINED],
        tags={RETRAINING_TAG: "drift", REASON_TAG: reason},
        run_config={
            "ops": {"splits": {"config": {"window_batches": settings.window_batches}}},
        },
    )


def _last(instance: dg.DagsterInstance) -> datetime | None:
    """Return when drift last asked for a run."""
    runs = instance.get_run_records(dg.RunsFilter(tags={RETRAINING_TAG: "drift"}), limit=1)
    return runs[0].create_timestamp.astimezone(UTC) if runs else None
