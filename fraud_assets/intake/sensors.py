"""`csv_landing`: a CSV in the drop folder becomes a batch and a run."""

import dagster as dg

from fraud_assets import config
from fraud_assets.intake import landing
from fraud_assets.intake.resources import batches


@dg.sensor(
    job_name="fraud_pipeline",
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def csv_landing(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Take new and changed CSV files once they hold still, oldest first."""
    folder = config.drop_folder()
    if not folder.is_dir():
        return dg.SkipReason(f"there is no drop folder {folder}; make it, or set FRAUD_DATA_DIR")
    arrivals, seen = landing.take_arrivals(
        folder,
        landing.from_cursor(context.cursor),
        config.SETTLE_SECONDS,
        config.FILES_PER_TICK,
    )
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=arrival.run_key,
                partition_key=arrival.batch,
                tags={"fraud/source_file": arrival.path.name},
            )
            for arrival in arrivals
        ],
        dynamic_partitions_requests=[batches.build_add_request([a.batch for a in arrivals])],
        cursor=landing.to_cursor(seen),
        skip_reason=None if arrivals else f"nothing new has settled in {folder}",
    )
