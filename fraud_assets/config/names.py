"""Names that others see: the code location, the job, run tags, the registered model."""

CODE_LOCATION = "fraud_assets"

JOB_NAME = "fraud_pipeline"

SOURCE_TAG, CONTENT_TAG, KEY_TAG = "fraud/source_file", "fraud/content_hash", "fraud/run_key"
"""Tags of a pipeline run: the file, its SHA-256, and which attempt it is."""

USER_TAG = "fraud/user"
"""Tag of a run: the login that requested it, set by the run coordinator; missing or empty when
nobody did."""

RETRAINING_TAG, REASON_TAG = "fraud/retraining", "fraud/reason"
"""Tags of a run that drift requested: that it retrains, and why."""

PARTITION_TAG = "dagster/partition"
"""Dagster's tag of a run: the partition, which is the batch."""

RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
"""Dagster's tag of a run: whether it is retried also when a step failed."""

RETRIED_BY_TAG = "dagster/auto_retry_run_id"
"""Dagster's tag of a failed run: the run that its daemon started instead."""

MODEL_NAME = "fraud_detector"

EXPERIMENT_NAME = "fraud_assets"
