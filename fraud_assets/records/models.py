"""What is known of a model: what it was made from, its version, its reference profile."""

from typing import Any, Literal

from pydantic import AliasChoices, Field

from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.settings import Settings, SplitSettings, TrainingSettings
from fraud_assets.records.base import Report
from fraud_assets.records.batches import Provenance, SplitCounts


class Configuration(Settings):
    """The settings that make a model.

    Attributes
    ----------
    training : TrainingSettings
    splits : SplitSettings
    label_delay_days : float
    """

    training: TrainingSettings
    splits: SplitSettings
    label_delay_days: float


class Calibration(Settings):
    """How scores are turned into probabilities: a line on the log-odds."""

    slope: float
    intercept: float


class ThresholdPoint(Settings):
    """What a threshold gives on the validation rows.

    Attributes
    ----------
    threshold : float
        Between 0 and 1.
    alerts, frauds_detected, frauds_missed, false_alarms : int
    cost : float
        Losses of missed frauds, reviews and false alarms, in money.
    chosen : bool
        Whether it is the model's threshold.
    """

    threshold: float
    alerts: int
    frauds_detected: int
    frauds_missed: int
    false_alarms: int
    cost: float
    chosen: bool


class ModelSource(Report):
    """What a model is made from, known before it is trained.

    Attributes
    ----------
    batch, content_hash : str
    source : Provenance
    kinds : dict of str to str
        Kind of each source column.
    batch_features : list of str
        Features of the batch; the model reads those with a value in some train row.
    window : list of (str, str)
        Batch and content hash of the batches it is trained from, oldest first.
    split_mode : str
    counts : dict of str to SplitCounts
    configuration : Configuration
    configuration_hash : str
        SHA-256 of the configuration as JSON, in hexadecimal.
    tuned_on : str or None
        The batch that the parameters were tuned on; None when they were not.
    """

    content_hash: str
    source: Provenance
    kinds: dict[str, str]
    batch_features: list[str]
    window: list[tuple[str, str]]
    split_mode: str
    counts: dict[str, SplitCounts]
    configuration: Configuration
    configuration_hash: str
    tuned_on: str | None = None


class ModelFacts(ModelSource):
    """What later runs need to know of a trained model; kept with its MLflow run.

    Attributes
    ----------
    features : list of str
        Columns that the model reads, in order.
    decision_threshold : float
        Score from which a row is an alert, between 0 and 1.
    threshold_neighbours : list of ThresholdPoint
        What other thresholds would give on the validation rows.
    calibration : Calibration
    iterations : int
    converged : bool
    validation : dict of str to float
        Figures on the rows that chose the threshold, so they are optimistic.
    """

    features: list[str]
    decision_threshold: float
    threshold_neighbours: list[ThresholdPoint]
    calibration: Calibration
    iterations: int
    converged: bool
    validation: dict[str, float]


class TrainedModel(ModelFacts):
    """A registered model: its facts, and where it is.

    Attributes
    ----------
    run_id : str
        Its MLflow run.
    version : str
        Its version in the registry.
    model_hash : str
        SHA-256 of the model file, in hexadecimal.
    artifacts : dict of str to str
        SHA-256 of the artifacts that later runs read, by name.
    """

    ASSET = "trained_model"

    run_id: str
    version: str
    model_hash: str
    artifacts: dict[str, str]


class TunedParameters(Report):
    """The best parameters that a tuning found for an estimator.

    Attributes
    ----------
    batch, content_hash : str
        The batch whose train rows were searched on.
    estimator : EstimatorName
    parameters : dict
        The estimator's own parameters that differ from the defaults.
    average_precision : float
        Mean over the validation folds, between 0 and 1.
    average_precision_of_defaults : float or None
        The same for the default parameters; None when their trial did not end.
    trials, pruned : int
        Trials that ended, and those among them that were stopped after a poor fold.
    mlflow_run_id : str
        The run that has the trials as child runs.
    """

    ASSET = "tuned_parameters"

    content_hash: str
    estimator: EstimatorName
    parameters: dict[str, Any]
    average_precision: float
    average_precision_of_defaults: float | None
    trials: int
    pruned: int
    mlflow_run_id: str


class ReferenceProfile(Report):
    """Where the summary of a model's training data lies, which drift is measured against.

    Attributes
    ----------
    batch : str
    model_version : str
        The challenger whose training data it summarizes.
    mlflow_run_id : str
        Whose artifacts hold it.
    artifacts : dict of str to str
        SHA-256 of the artifacts, in hexadecimal, by name.
    """

    ASSET = "reference_profile"

    record_version: Literal[1] = Field(
        1, validation_alias=AliasChoices("record_version", "version")
    )
    model_version: str
    mlflow_run_id: str
    artifacts: dict[str, str]
