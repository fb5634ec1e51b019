"""How a model did on its test rows, alone and against the champion or other challengers."""

from typing import Annotated, Literal

from pydantic import Field

from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.limits import Verdict
from fraud_assets.config.settings import (
    ChallengerSettings,
    ComparisonSettings,
    Costs,
    Imbalance,
    JudgedBy,
    Settings,
    ThresholdRule,
)
from fraud_assets.records.base import Record, Report
from fraud_assets.records.batches import SplitCounts
from fraud_assets.records.models import Calibration, ModelFacts, ThresholdPoint

Interval = tuple[float, float]
"""Lower and upper end."""
Metrics = dict[str, int | float]
"""Figures by metric name; counts are integers."""


class ModelIds(Settings):
    """Where the evaluated model is: its MLflow run and its version in the registry."""

    mlflow_run_id: str
    model_version: str


class EvaluatedModel(Settings):
    """The choices behind the evaluated model.

    Attributes
    ----------
    estimator : EstimatorName
    decision_threshold : float
        Score from which a row is an alert, between 0 and 1.
    threshold_rule : ThresholdRule
    threshold_neighbours : list of ThresholdPoint
        What other thresholds would give on the validation rows.
    imbalance : Imbalance
    calibration : Calibration
    split_mode : str
    window : list of (str, str)
        Batch and content hash of the batches it was trained from, oldest first.
    configuration_hash : str
        SHA-256 in hexadecimal.
    costs : Costs
        Money is counted at these costs.
    has_amount : bool
        Whether the test rows have amounts.
    """

    estimator: EstimatorName
    decision_threshold: float
    threshold_rule: ThresholdRule
    threshold_neighbours: list[ThresholdPoint]
    imbalance: Imbalance
    calibration: Calibration
    split_mode: str
    window: list[tuple[str, str]]
    configuration_hash: str
    costs: Costs
    has_amount: bool

    @classmethod
    def of(cls, model: ModelFacts, has_amount: bool) -> "EvaluatedModel":
        """Return the choices behind a model.

        Parameters
        ----------
        model : ModelFacts
            The facts that the training recorded.
        has_amount : bool
            Whether the test rows have amounts.

        Returns
        -------
        EvaluatedModel
        """
        training = model.configuration.training
        return cls(
            estimator=training.estimator,
            decision_threshold=model.decision_threshold,
            threshold_rule=training.threshold_rule,
            threshold_neighbours=model.threshold_neighbours,
            imbalance=training.imbalance,
            calibration=model.calibration,
            split_mode=model.split_mode,
            window=model.window,
            configuration_hash=model.configuration_hash,
            costs=training.costs,
            has_amount=has_amount,
        )


class BusinessRow(Settings):
    """A row of the money table: what is counted, how many, and how much money that is."""

    what: str
    count: int
    money: float


class ReliabilityBin(Settings):
    """Test rows with similar predicted probabilities.

    Attributes
    ----------
    rows : int
    predicted : float
        Mean probability of fraud.
    observed : float
        Share of frauds.
    low, high : float
        95% interval of the observed share.
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


class SegmentFigures(Settings):
    """Figures of the model on one part of the test rows.

    Attributes
    ----------
    segment, part : str
        How the rows are divided, and which part this is.
    rows, frauds : int
    fraud_recall : float
    low, high : float
        95% interval of the recall.
    fraud_precision, false_alarm_rate : float
    """

    segment: str
    part: str
    rows: int
    frauds: int
    fraud_recall: float
    low: float
    high: float
    fraud_precision: float
    false_alarm_rate: float


class SegmentDifference(Settings):
    """The difference between model and champion on one part of the test rows.

    Attributes
    ----------
    segment, part : str
    rows, frauds : int
    difference : float
        Average precision of the model less that of the champion.
    worse : bool
        Whether the difference is negative beyond chance.
    """

    segment: str
    part: str
    rows: int
    frauds: int
    difference: float
    worse: bool

    @property
    def name(self) -> str:
        """Segment and part in one phrase."""
        return f"{self.segment}: {self.part}"


class NotComparable(Settings):
    """Why the model cannot be compared with the champion."""

    comparable: Literal[False] = False
    reason: str


class Comparison(Settings):
    """The model against the champion, on test rows that neither was trained or tuned on.

    Attributes
    ----------
    comparable : True
    rows, frauds : int
        Rows and frauds that are compared.
    rows_seen_by_champion : int
        Test rows that are left out.
    average_precision, champion_average_precision : float
    difference : float
        The first less the second.
    interval : pair of float
        Of the difference, with the coverage `confidence`.
    confidence : float
    margin : float
        The lower end of the interval must be greater than this.
    savings_difference : float
        Net savings of the model less those of the champion, each at its own threshold.
    savings_interval : pair of float
        Of the difference in money, with the coverage `confidence`.
    segments : list of SegmentDifference
        The parts of the rows that have enough frauds.
    """

    comparable: Literal[True] = True
    rows: int
    rows_seen_by_champion: int
    frauds: int
    average_precision: float
    champion_average_precision: float
    difference: float
    interval: Interval
    confidence: float
    margin: float
    savings_difference: float
    savings_interval: Interval
    segments: list[SegmentDifference]

    @property
    def worse_segments(self) -> list[str]:
        """The parts of the rows on which the model is worse beyond chance, by name."""
        return [segment.name for segment in self.segments if segment.worse]


class Evaluation(Settings):
    """Figures, verdicts and money of a model on its test rows.

    Attributes
    ----------
    test : SplitCounts
    metrics : dict of str to int or float
    intervals : dict of str to (float, float)
        95% intervals of those metrics that have one.
    recall_judged_by : JudgedBy
    verdicts : dict of str to {"good", "watch", "critical"}
        By the name of the asset check.
    reliability : list of ReliabilityBin
        Lowest probabilities first.
    business : list of BusinessRow
    """

    test: SplitCounts
    metrics: Metrics
    intervals: dict[str, Interval]
    recall_judged_by: JudgedBy
    verdicts: dict[str, Verdict]
    reliability: list[ReliabilityBin]
    business: list[BusinessRow]


class EvaluationReport(Evaluation, Report):
    """A model on its test rows: which model, how it did, and the comparison with the champion.

    Attributes
    ----------
    source_file, content_hash : str
        The CSV of the batch, and its SHA-256 in hexadecimal.
    ids : ModelIds
    model : EvaluatedModel
    champion : str or None
        The version that was compared with; None while there is no champion.
    comparison : Comparison, NotComparable or None
        None while there is no champion.
    slices : list of SegmentFigures
    importance : dict of str to float
        Mean absolute contribution in log-odds, by feature; empty when it is not known.
    batch_verdicts : dict of str to {"good", "watch", "critical"}
        Verdicts on the drift and the plausibility of the batch, by the name of the asset check;
        empty without a champion to compare with, and in reports of earlier releases.
    """

    ASSET = "evaluation_report"

    source_file: str
    content_hash: str
    ids: ModelIds
    model: EvaluatedModel
    champion: str | None
    comparison: Annotated[Comparison | NotComparable, Field(discriminator="comparable")] | None
    slices: list[SegmentFigures]
    importance: dict[str, float]
    batch_verdicts: dict[str, Verdict] = Field(default_factory=dict)


class ComparisonRow(Settings):
    """A challenger on the test rows of one past batch, or of all of them.

    Attributes
    ----------
    batch : str
        "all" for the rows of several batches together.
    challenger : str
    rows, frauds : int
    frauds_detected_count, frauds_missed_count, false_alarms_count : int
    fraud_recall, average_precision, net_savings : float
    fraud_recall_interval, average_precision_interval, net_savings_interval : pair of float
        95% intervals.
    difference, savings_difference : float or None
        Average precision and net savings less those of the reference; None for the reference.
    interval, savings_interval : pair of float or None
        Of the differences, with the coverage `promotion_confidence`.
    verdict : str
        In words, by the intervals of the differences.
    """

    batch: str
    challenger: str
    rows: int
    frauds: int
    frauds_detected_count: int
    frauds_missed_count: int
    false_alarms_count: int
    fraud_recall: float
    fraud_recall_interval: Interval
    average_precision: float
    average_precision_interval: Interval
    net_savings: float
    net_savings_interval: Interval
    difference: float | None = None
    interval: Interval | None = None
    savings_difference: float | None = None
    savings_interval: Interval | None = None
    verdict: str


class ComparisonReport(Record):
    """Challengers side by side on past batches.

    Attributes
    ----------
    challengers : dict of str to ChallengerSettings
        By name.
    settings : ComparisonSettings
    table : list of ComparisonRow
        One row for each batch and challenger; of several batches, those of all together first.
    """

    challengers: dict[str, ChallengerSettings]
    settings: ComparisonSettings
    table: list[ComparisonRow]
