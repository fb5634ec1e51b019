"""Every default that a person may want to change, once.

The settings classes are plain pydantic models; each asset offers its own as typed
launchpad configuration. The limits below them are read by the asset checks, the
promotion rule and the docs.
"""

import re
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fraud_assets.config.estimators import SINGLE_ESTIMATORS, EstimatorName


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


WORD_PATTERN = r"[A-Za-z0-9_.+-]*"
"""Texts among an estimator's parameters: LightGBM reads what follows a blank as an option."""


class IntakeSettings(Settings):
    """Roles of the columns and format of the file; roles that are empty are detected by name."""

    target: str | None = Field(
        None,
        description="Label column, 0 or 1; by default the column with a known name, else "
        "the last one.",
    )
    timestamp: str | None = Field(None, description="Time of the transaction; detected by default.")
    amount: str | None = Field(None, description="Amount of the transaction; detected by default.")
    card: str | None = Field(None, description="Card or customer; detected by default.")
    terminal: str | None = Field(None, description="Terminal or merchant; detected by default.")
    transaction_id: str | None = Field(
        None, description="Unique ID of the transaction; detected by default."
    )
    known_at: str | None = Field(
        None, description="When the row became known; detected by default."
    )
    label_known_at: str | None = Field(
        None, description="When the label became known; detected by default."
    )
    fraud_labels: list[str] = Field(
        ["1", "1.0", "true", "yes", "fraud"],
        description="Labels of frauds; case and surrounding spaces are ignored.",
    )
    genuine_labels: list[str] = Field(
        ["0", "0.0", "false", "no", "genuine"],
        description="Labels of genuine transactions; case and surrounding spaces are ignored.",
    )
    encoding: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.:-]{1,40}$",
        description="Encoding of the file, for example latin-1; detected by default.",
    )
    delimiter: str | None = Field(
        None,
        pattern=r'^[^"\x00\r\n\x80-\U0010FFFF]$',
        description="Field delimiter, one ASCII character; detected by default.",
    )
    decimal: str | None = Field(
        None, pattern=r"^[.,]$", description="Decimal mark, . or , ; detected by default."
    )
    timestamp_format: str | None = Field(
        None,
        pattern=r"^[^\x00-\x1f]{1,100}$",
        description="Format of the timestamps, for example %d/%m/%Y %H:%M; ISO 8601 by default.",
    )

    @model_validator(mode="after")
    def _labels_mean_one_thing(self) -> Self:
        both = {*map(str.lower, self.fraud_labels)} & {*map(str.lower, self.genuine_labels)}
        if both or not self.fraud_labels or not self.genuine_labels:
            raise ValueError(
                f"fraud_labels {self.fraud_labels} and genuine_labels {self.genuine_labels} must "
                "both be given and have nothing in common"
            )
        return self


KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "target": ("Class", "TX_FRAUD"),
    "timestamp": ("Time", "TX_DATETIME"),
    "amount": ("Amount", "TX_AMOUNT"),
    "card": ("CUSTOMER_ID",),
    "terminal": ("TERMINAL_ID",),
    "transaction_id": ("TRANSACTION_ID",),
    "known_at": ("KNOWN_AT",),
    "label_known_at": ("LABEL_KNOWN_AT",),
}


MISSING = (
    *("", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "-nan", "-NaN"),
    *("NULL", "Null", "null", "None", "NaT"),
)
"""Texts that mean a missing value."""


LABEL_LEAKS = ("TX_FRAUD_SCENARIO",)
"""Columns that say how a fraud was made: kept in the data, never a feature."""


class SimulationShape(StrEnum):
    """Which layout a simulated CSV has."""

    cards = "cards"
    creditcard = "creditcard"


class SimulationSettings(Settings):
    """What a simulated CSV looks like."""

    shape: SimulationShape = Field(
        SimulationShape.cards,
        description="Layout of the CSV. cards: customers and terminals over time; creditcard: as "
        "creditcard.csv, Time,V1..V28,Amount,Class.",
    )
    transactions: int = Field(60_000, ge=1, le=50_000_000, description="Number of rows.")
    fraud_rate: float = Field(0.01, ge=0, le=1, description="Share of frauds.")
    days: int = Field(60, ge=1, description="Number of days that the cards layout covers.")
    first_day: str = Field(
        "2026-01-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="First day of the cards layout.",
    )
    drift: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Drift of amounts, hours and features: 0 none, 1 large.",
    )
    seed: int = Field(0, ge=0, description="Random seed; the same settings give the same file.")


RESERVED_NAMES = ("source_line", "known_us", "label_known_us", "days_known", "file_row_number")
"""Names of columns that the platform adds, in upper or lower case."""


SETTLE_SECONDS = 2.0
"""A file is read when its size and modification time have not changed for this long."""


FILES_PER_TICK = 50
"""Most new files read per check of the drop folder; the others wait for the next check."""


LOST_RUN_SECONDS = 60.0
"""A requested run that Dagster has not launched after this long is lost and requested again.

Dagster creates and launches a run up to some ten seconds after the tick that requested it.
Until then its check of run keys finds nothing, so a second daemon that requested the run again
would run the batch twice.
"""


class FeatureSettings(Settings):
    """How the point-in-time features are computed."""

    label_delay_days: float = Field(
        7.0, gt=0, description="Days until the label of a transaction is known."
    )


class SplitMode(StrEnum):
    """How a batch is cut into train, validation and test rows."""

    auto = "auto"
    stratified = "stratified"
    temporal = "temporal"


class SplitSettings(Settings):
    """How rows are assigned to train, validation and test, and from which batches."""

    mode: SplitMode = Field(
        SplitMode.auto,
        description="stratified: at random within each class; temporal: in time order; auto: "
        "temporal when real timestamps span at least four times the label delay.",
    )
    train_share: float = Field(0.6, gt=0, lt=1, description="Share of train rows.")
    validation_share: float = Field(0.2, gt=0, lt=1, description="Share of validation rows.")
    window_batches: int | None = Field(
        None,
        ge=1,
        description="Train on the last N batches; empty: on all so far.",
    )
    seed: int = Field(0, ge=0, description="Seed of the random assignment.")

    @model_validator(mode="after")
    def _leave_rows_for_the_test(self) -> Self:
        if self.train_share + self.validation_share >= 1:
            raise ValueError(
                f"train_share {self.train_share} + validation_share {self.validation_share} "
                "leave no test rows; make them add up to less than 1"
            )
        return self

    @property
    def test_share(self) -> float:
        """Share of test rows."""
        return 1 - self.train_share - self.validation_share


class Imbalance(StrEnum):
    """How the class imbalance is treated, on the train rows only."""

    none = "none"
    class_weight = "class_weight"
    undersample = "undersample"
    smote = "smote"
    focal_loss = "focal_loss"


class ThresholdRule(StrEnum):
    """How the decision threshold is chosen on the validation rows."""

    max_f1 = "max_f1"
    min_cost = "min_cost"
    min_recall = "min_recall"
    max_alerts = "max_alerts"


ALERT_CAPACITY = 100
"""Alerts a day that the analysts can review."""


class Costs(Settings):
    """Costs, in the currency of the amount column."""

    missed_fraud: float | None = Field(
        None, ge=0, description="Cost of a missed fraud; empty: the transaction's amount."
    )
    missed_fraud_without_amount: float = Field(
        100.0, ge=0, description="Cost of a missed fraud when the data has no amount."
    )
    review: float = Field(2.0, ge=0, description="Cost of reviewing one alert.")
    false_alarm: float = Field(5.0, ge=0, description="Cost of disturbing a genuine customer.")


class ThresholdSettings(Costs):
    """The rule for the decision threshold, and its parameters."""

    threshold_rule: ThresholdRule = Field(
        ThresholdRule.max_f1,
        description="max_f1: the highest F1 score; min_cost: the lowest cost; min_recall: the "
        "fewest alerts that reach `recall_target`; max_alerts: as many as `alerts_per_day` allow.",
    )
    recall_target: float = Field(
        0.9, gt=0, le=1, description="Recall that min_recall has to reach."
    )
    alerts_per_day: float = Field(
        ALERT_CAPACITY, gt=0, description="Alerts per day that max_alerts may raise."
    )

    @property
    def costs(self) -> Costs:
        """The costs alone, for the evaluation."""
        return Costs(**self.model_dump(include=set(Costs.model_fields)))


def _require_words(name: str, value: Any) -> None:
    """Refuse texts in which a library would read further options, or the path of a file."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _require_words(f"{name}.{key}", key)
            _require_words(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            _require_words(f"{name}[{place}]", inner)
    elif isinstance(value, str) and not re.fullmatch(WORD_PATTERN, value):
        raise ValueError(
            f"{name} has a text with other characters than letters, digits and _ . + -; "
            "write one word, such as gbdt or l2, and each option as a parameter of its own"
        )


class TrainingSettings(ThresholdSettings):
    """The estimator and its parameters, the imbalance, the decision threshold and the costs."""

    estimator: EstimatorName = Field(EstimatorName.xgboost, description="The estimator to train.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="The estimator's own parameters, replacing the defaults, for example "
        "n_estimators: 300, or hidden_layer_sizes: [64, 32]; for soft_voting and stacking by "
        "member, for example xgboost: {max_depth: 3}.",
    )
    # Dagster takes no list of members of an enumeration.
    members: list[str] = Field(
        ["xgboost", "lightgbm", "random_forest"],
        description="Members of soft_voting and stacking: two or more estimators.",
    )
    imbalance: Imbalance = Field(
        Imbalance.none,
        description="none; class_weight: all frauds weigh as much as all genuine rows; "
        "undersample: drop genuine rows; smote: add synthetic frauds; focal_loss: a loss that "
        "emphasizes hard rows (xgboost and lightgbm).",
    )
    genuine_per_fraud: float = Field(
        10.0, ge=1, description="Genuine rows per fraud after undersample or smote."
    )
    focal_gamma: float = Field(
        1.0,
        ge=0,
        le=5,
        description="How much focal_loss down-weights easy rows; 0: not at all.",
    )
    anomaly_score: bool = Field(
        False, description="Add the score of an isolation forest to the features."
    )
    use_tuned: bool = Field(
        True,
        description="Use the best parameters that tuned_parameters found for this estimator; "
        "those in `parameters` take precedence.",
    )
    seed: int = Field(0, ge=0, description="Seed of the training.")

    @field_validator("parameters")
    @classmethod
    def _texts_are_words(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        _require_words("parameters", parameters)
        return parameters

    @model_validator(mode="after")
    def _ensembles_have_members(self) -> Self:
        unknown = set(self.members) - set(SINGLE_ESTIMATORS)
        if unknown or len(set(self.members)) < max(2, len(self.members)):
            raise ValueError(
                f"members is {self.members}; name two or more of "
                f"{', '.join(SINGLE_ESTIMATORS)}, each once"
            )
        return self


class TuningSettings(Settings):
    """How long, and on what, Optuna searches for better parameters."""

    estimator: EstimatorName = Field(
        EstimatorName.xgboost, description="The estimator to tune; it needs a search space."
    )
    trials: int = Field(30, ge=1, le=10_000, description="Trials in total, earlier ones included.")
    minutes: float = Field(20.0, gt=0, description="Minutes after which no new trial starts.")
    folds: int = Field(3, ge=2, le=10, description="Validation folds, in time order.")
    imbalance: Imbalance = Field(Imbalance.none, description="As for the training.")
    seed: int = Field(0, ge=0, description="Seed of the sampler and of the trials.")


class JudgedBy(StrEnum):
    """Which end of a figure its verdict looks at."""

    point = "point"
    interval = "interval"


class EvaluationSettings(Settings):
    """Intervals of the figures, and what a challenger has to show to be promoted."""

    bootstrap_resamples: int = Field(200, ge=50, description="Bootstrap resamples per interval.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")
    recall_judged_by: JudgedBy = Field(
        JudgedBy.point,
        description="What fraud_recall judges: the recall itself (point), or the lower end of its "
        "95% interval (interval).",
    )
    promotion_margin: float = Field(
        0.0,
        ge=0,
        le=1,
        description="By how much a challenger's average precision must exceed the champion's.",
    )
    promotion_confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Confidence of the interval of that difference, all of which must lie above "
        "promotion_margin.",
    )
    segments: list[str] = Field(
        ["amount_band", "night", "new_card", "week"],
        description="Segments of the test rows, in no part of which a challenger may be worse: "
        "amount_band, night, new_card, week, or a column of the data.",
    )


class ChallengerSettings(TrainingSettings):
    """One of several models that are compared on past batches."""

    version: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]{0,17}$",
        description="A registered version, used as it is; empty: trained with these settings.",
    )
    window_batches: int | None = Field(
        None,
        ge=1,
        description="Train from the last N batches of each batch's window; empty: from all of it.",
    )


class ComparisonSettings(EvaluationSettings):
    """Which past batches challengers are compared on, and with which reference."""

    batches: list[str] = Field([], description="Past batches to compare on; empty: the last three.")
    reference: str | None = Field(
        None, description="The challenger that the others are compared with; empty: the first."
    )


class ScoringSettings(Settings):
    """What the analysts get to review."""

    alerts_per_day: int = Field(
        ALERT_CAPACITY,
        ge=1,
        description="Alerts on a day's worklist, at most; the random sample comes on top.",
    )
    sampled_per_day: int = Field(
        5,
        ge=0,
        description="Random transactions per day, of those that nobody would otherwise review.",
    )
    seed: int = Field(0, ge=0, description="Seed of the random sample.")


class DriftSettings(Settings):
    """When a feature counts as drifted, and how thoroughly a batch is examined."""

    min_distance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Jensen-Shannon distance from which a feature may count as drifted.",
    )
    significance: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="Share of unchanged batches in which chance may be reported as a change.",
    )
    min_rows: int = Field(
        500, ge=20, description="Rows below which a batch gets no verdict: not enough rows."
    )
    classifier_rows: int = Field(
        5_000,
        ge=100,
        description="Rows of reference and batch each that the classifier uses, at most.",
    )
    folds: int = Field(3, ge=2, le=10, description="Folds of the classifier's cross-validation.")
    segments: list[str] = Field(
        ["amount_band", "hour"],
        description="Segments in addition to each column of categories: amount_band (by the "
        "quartiles of the reference), hour.",
    )
    seed: int = Field(0, ge=0, description="Seed of the samples, the folds and the classifier.")


class RetrainingSettings(Settings):
    """When critical drift may ask for a training run, and what that run trains from."""

    every_days: float = Field(7.0, gt=0, description="At most one such run in this many days.")
    window_batches: int = Field(
        2, ge=1, description="Train on the last N batches, which are most like current data."
    )


class Promotion(StrEnum):
    """Who makes a challenger that passes every check the champion."""

    automatic = "automatic"
    approval = "approval"


class ImplausibleBatches(StrEnum):
    """What happens to a batch that looks like a broken export."""

    keep = "keep"
    exclude = "exclude"


class PromotionSettings(Settings):
    """What the platform may do without a person."""

    promotion: Promotion = Field(
        Promotion.automatic,
        description="automatic: a challenger that passes every check is promoted; approval: it is "
        "proposed, and waits until a person decides.",
    )
    implausible_batches: ImplausibleBatches = Field(
        ImplausibleBatches.keep,
        description="keep: an implausible batch is trained on, and its model held; exclude: its "
        "run stops before training, and it enters no window and no history.",
    )


class ManualDecision(StrEnum):
    """What a person decides about a version that waits."""

    approve = "approve"
    reject = "reject"


class ApprovalSettings(Settings):
    """A person's decision about a version that is held or proposed."""

    version: str = Field(pattern=r"^[1-9][0-9]{0,17}$", description="The version that waits.")
    decision: ManualDecision = Field(description="approve: make it the champion; reject: do not.")
    reason: str = Field(min_length=1, description="Recorded in the decision log.")
