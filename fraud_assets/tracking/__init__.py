"""MLflow as a typed resource: runs, artifacts, models, versions. It decides nothing."""

from fraud_assets.tracking.artifacts import (
    MODEL_FACTS,
    REFERENCE_PROFILE,
    REFERENCE_SAMPLE,
    TRAINING_FILES,
    TRAINING_KEYS,
)
from fraud_assets.tracking.registry import CHALLENGER, CHAMPION, DECISION_TAG, ModelVersion
from fraud_assets.tracking.resource import Tracking
from fraud_assets.tracking.runs import BATCH_TAG

__all__ = [
    "BATCH_TAG",
    "CHALLENGER",
    "CHAMPION",
    "DECISION_TAG",
    "MODEL_FACTS",
    "REFERENCE_PROFILE",
    "REFERENCE_SAMPLE",
    "TRAINING_FILES",
    "TRAINING_KEYS",
    "ModelVersion",
    "Tracking",
]
