"""Names that others see: the code location, the job, run tags, the registered model."""

CODE_LOCATION = "fraud_assets"


JOB_NAME = "fraud_pipeline"


SOURCE_TAG, CONTENT_TAG, KEY_TAG = "fraud/source_file", "fraud/content_hash", "fraud/run_key"
"""What a run of the pipeline says of itself: the file, its SHA-256, and which attempt it is."""


USER_TAG = "fraud/user"
"""The login that asked for a run, set by the run coordinator; missing or empty when nobody did."""


RETRAINING_TAG, REASON_TAG = "fraud/retraining", "fraud/reason"
"""What a run that drift asked for says of itself: that it is one, and why."""


MODEL_NAME = "fraud_detector"


EXPERIMENT_NAME = "fraud_assets"
