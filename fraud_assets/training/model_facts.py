"""What a model is made from, and what later runs need to know of it."""

import hashlib

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.records.base import to_json
from fraud_assets.records.batches import Features, Splits
from fraud_assets.records.models import (
    Calibration,
    Configuration,
    ModelFacts,
    ModelSource,
    TrainedModel,
)
from fraud_assets.training.train import FittedModel

IDENTITY = ("batch", "content_hash", "configuration_hash", "window", "batch_features")
"""Fields of `ModelSource` that decide which model comes out of a training."""


def model_source(
    features: Features, splits: Splits, settings: TrainingSettings, tuned_on: str | None
) -> ModelSource:
    """Return what a model is made from.

    Parameters
    ----------
    features : Features
        Facts about the batch's features.
    splits : Splits
        Facts about the splits of the same batch.
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.
    tuned_on : str or None
        The batch that the parameters were tuned on.

    Returns
    -------
    ModelSource

    See Also
    --------
    model_facts : adds what the training found.
    """
    configuration = Configuration(
        training=settings, splits=splits.settings, label_delay_days=features.label_delay_days
    )
    as_json = to_json(configuration.model_dump(mode="json"))
    return ModelSource(
        batch=features.batch,
        content_hash=features.content_hash,
        source=features.source,
        kinds=features.kinds,
        batch_features=features.features,
        window=splits.window,
        split_mode=splits.mode,
        counts=splits.counts,
        configuration=configuration,
        configuration_hash=hashlib.sha256(as_json.encode()).hexdigest(),
        tuned_on=tuned_on,
    )


def model_facts(source: ModelSource, fitted: FittedModel) -> ModelFacts:
    """Return what later runs need to know of a fitted model.

    Parameters
    ----------
    source : ModelSource
        Data, splits and settings that a model is made from.
    fitted : FittedModel
        The result of the training.

    Returns
    -------
    ModelFacts

    See Also
    --------
    model_source : what the model is made from.
    """
    return ModelFacts(
        **dict(source),
        features=fitted.features,
        decision_threshold=fitted.decision_threshold,
        threshold_neighbours=fitted.neighbours,
        calibration=Calibration(slope=fitted.model.slope, intercept=fitted.model.intercept),
        iterations=fitted.iterations,
        converged=fitted.converged,
        validation=fitted.validation_figures,
    )


def is_same_model(model: TrainedModel, source: ModelSource) -> bool:
    """Tell whether a model was made from the same data with the same configuration.

    Parameters
    ----------
    model : TrainedModel
        A trained model with its facts: data, settings and threshold.
    source : ModelSource
        Data, splits and settings that a model is made from.

    Returns
    -------
    bool

    See Also
    --------
    model_source : what is compared.
    """
    return all(getattr(model, name) == getattr(source, name) for name in IDENTITY)
