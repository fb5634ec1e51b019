"""Every default that a person may want to change, once.

The settings classes are plain pydantic models; each asset offers its own as typed
launchpad configuration. The limits below them are read by the asset checks, the
promotion rule and the docs.
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator


class Settings(BaseModel):
    """Base of all settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# --- where things are -------------------------------------------------------------------


MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}


def drop_folder() -> Path:
    """Return the folder in which CSV files land (`FRAUD_DATA_DIR`, default `data/`)."""
    return Path(os.environ.get("FRAUD_DATA_DIR", "data")).resolve()


def home_folder() -> Path:
    """Return the folder that holds all that the platform writes (`FRAUD_HOME`, default `var/`)."""
    return Path(os.environ.get("FRAUD_HOME", "var")).resolve()


def tracking_uri() -> str:
    """Return where MLflow keeps runs and models (`MLFLOW_TRACKING_URI`, default SQLite)."""
    embedded = f"sqlite:///{home_folder() / 'mlflow' / 'mlflow.db'}"
    return os.environ.get("MLFLOW_TRACKING_URI") or embedded


def mlflow_url() -> str:
    """Return where a person opens MLflow (`MLFLOW_UI_URL`, default that of `make mlflow`)."""
    return os.environ.get("MLFLOW_UI_URL", "http://127.0.0.1:5001").rstrip("/")


def set_mlflow_defaults() -> None:
    """Set what MLflow reads from its environment, before it is imported; set variables stay.

    Its makers learn nothing of what is done here, unless `MLFLOW_DISABLE_TELEMETRY` is `false`.
    """
    for name, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)


def dagster_url() -> str:
    """Return where a person opens Dagster (`DAGSTER_URL`, default that of `make dev`)."""
    return os.environ.get("DAGSTER_URL", "http://127.0.0.1:8080").rstrip("/")


def alert_urls() -> str | None:
    """Return whom the embedded default tells (`FRAUD_ALERT_URLS`, for Apprise), None when unset."""
    return os.environ.get("FRAUD_ALERT_URLS") or None


def grafana_url() -> str:
    """Return where a person opens Grafana (`GRAFANA_URL`, default that of the full stack)."""
    return os.environ.get("GRAFANA_URL", "http://127.0.0.1:3000").rstrip("/")


def runbooks_url() -> str:
    """Return where a person reads the runbooks (`RUNBOOKS_URL`, default the full stack's proxy)."""
    return os.environ.get("RUNBOOKS_URL", f"{dagster_url()}/runbooks").rstrip("/")


def pushgateway_url() -> str | None:
    """Return the Pushgateway's address (`PROMETHEUS_PUSHGATEWAY_URL`), None when unset."""
    return os.environ.get("PROMETHEUS_PUSHGATEWAY_URL") or None


def dagster_database() -> str | None:
    """Return where Dagster keeps runs and events (`DAGSTER_POSTGRES_URL`), None for SQLite."""
    url = os.environ.get("DAGSTER_POSTGRES_URL") or None
    if url is not None and not url.startswith("postgresql"):
        raise ValueError(
            f"DAGSTER_POSTGRES_URL begins with {url.partition(':')[0]!r}; set it to "
            "postgresql+psycopg2://user@host:port/database with the password in PGPASSWORD, or not "
            "at all"
        )
    return url


def user_header() -> str | None:
    """Return the request header in which the proxy names the login (`FRAUD_USER_HEADER`)."""
    return os.environ.get("FRAUD_USER_HEADER") or None


def object_store() -> str | None:
    """Return where tables and reports are kept beside `FRAUD_HOME` (`FRAUD_OBJECT_STORE`)."""
    return os.environ.get("FRAUD_OBJECT_STORE") or None


def kept_versions() -> int | None:
    """Return how many accepted versions of a batch are kept (`FRAUD_KEEP_VERSIONS`, all)."""
    text = os.environ.get("FRAUD_KEEP_VERSIONS")
    if text is None or text == "":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"FRAUD_KEEP_VERSIONS is {text!r}; set it to 1 or more, or not at all")
    return int(text)


def suppressions_path() -> Path:
    """Return the CSV of what analysts do not want to see (`FRAUD_SUPPRESSIONS`)."""
    return Path(os.environ.get("FRAUD_SUPPRESSIONS") or home_folder() / "suppressions.csv")


HASH_KEY_LENGTH = 16
"""Characters that a key has at least."""


def hash_key() -> str | None:
    """Return the key of card tokens (`FRAUD_HASH_KEY_FILE`, else `FRAUD_HASH_KEY`).

    Returns
    -------
    str or None
        None when neither is set: `FRAUD_HOME` keeps one of its own then.

    Raises
    ------
    ValueError
        When the file cannot be read, or the key is short.
    """
    text, name = os.environ.get("FRAUD_HASH_KEY") or None, "FRAUD_HASH_KEY"
    if path := os.environ.get("FRAUD_HASH_KEY_FILE"):
        name = f"FRAUD_HASH_KEY_FILE ({path})"
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(
                f"{name} cannot be read: {error.strerror}; write the key into it, or unset it"
            ) from None
    if text is not None and len(text.strip()) < HASH_KEY_LENGTH:
        raise ValueError(
            f"{name} holds fewer than {HASH_KEY_LENGTH} characters; `make secrets` makes a key"
        )
    return None if text is None else text.strip()


IN_PROCESS = "duckdb"
"""The engine of features that needs nothing beside this process."""


def feature_engine() -> str:
    """Return what computes features (`FRAUD_ENGINE`, default DuckDB): `spark://host:port`."""
    text = os.environ.get("FRAUD_ENGINE") or IN_PROCESS
    if text != IN_PROCESS and not text.startswith("spark://"):
        raise ValueError(
            f"FRAUD_ENGINE is {text!r}; set it to spark://host:port, to {IN_PROCESS}, or not at all"
        )
    return text


CODE_LOCATION = "fraud_assets"
JOB_NAME = "fraud_pipeline"
SOURCE_TAG, CONTENT_TAG, KEY_TAG = "fraud/source_file", "fraud/content_hash", "fraud/run_key"
"""What a run of the pipeline says of itself: the file, its SHA-256, and which attempt it is."""
USER_TAG = "fraud/user"
"""The login that asked for a run, set by the run coordinator; missing or empty when nobody did."""
RETRAINING_TAG, REASON_TAG = "fraud/retraining", "fraud/reason"
"""What a run that drift asked for says of itself: that it is one, and why."""
MODEL_NAME = "fraud_detector"
WORD_PATTERN = r"[A-Za-z0-9_.+-]*"
"""Texts among an estimator's parameters: LightGBM reads what follows a blank as an option."""
EXPERIMENT_NAME = "fraud_assets"


# --- intake -----------------------------------------------------------------------------


class IntakeSettings(Settings):
    """Which columns play which role; an empty role is found by its known name."""

    target: str | None = Field(
        None, description="Label column, 0 or 1. Default: a known name, else the last column."
    )
    timestamp: str | None = Field(None, description="When the transaction took place.")
    amount: str | None = Field(None, description="Money moved by the transaction.")
    card: str | None = Field(None, description="Card or customer that paid.")
    terminal: str | None = Field(None, description="Terminal or merchant that was paid.")
    transaction_id: str | None = Field(None, description="Unique name of the transaction.")
    known_at: str | None = Field(None, description="When the row became known.")
    label_known_at: str | None = Field(None, description="When the row's label became known.")
    fraud_labels: list[str] = Field(
        ["1", "1.0", "true", "yes", "fraud"],
        description="What the target says of a fraud; capitals and spaces around do not matter.",
    )
    genuine_labels: list[str] = Field(
        ["0", "0.0", "false", "no", "genuine"],
        description="What the target says of a genuine transaction.",
    )
    encoding: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.:-]{1,40}$",
        description="Encoding of the file, for example latin-1. Default: found out.",
    )
    delimiter: str | None = Field(
        None,
        pattern=r'^[^"\x00\r\n\x80-\U0010FFFF]$',
        description="Field delimiter, one ASCII character. Detected by default.",
    )
    decimal: str | None = Field(
        None, pattern=r"^[.,]$", description="Decimal mark, . or , . Detected by default."
    )
    timestamp_format: str | None = Field(
        None,
        pattern=r"^[^\x00-\x1f]{1,100}$",
        description="How timestamps are written when not as in ISO 8601, for example "
        "%d/%m/%Y %H:%M.",
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
"""What stands for a missing value."""
LABEL_LEAKS = ("TX_FRAUD_SCENARIO",)
"""Columns that say how a fraud was made: kept in the data, never a feature."""


# Dagster's launchpad takes a member of an enumeration by its name: names are spelled like values.


class SimulationShape(StrEnum):
    """Which layout a simulated CSV has."""

    cards = "cards"
    creditcard = "creditcard"


class SimulationSettings(Settings):
    """What a simulated CSV looks like."""

    shape: SimulationShape = Field(
        SimulationShape.cards,
        description="cards: customers and terminals through time; creditcard: the layout of "
        "creditcard.csv, Time,V1..V28,Amount,Class.",
    )
    transactions: int = Field(60_000, ge=1, le=50_000_000, description="Rows.")
    fraud_rate: float = Field(0.01, ge=0, le=1, description="Share of frauds.")
    days: int = Field(60, ge=1, description="Days that the cards layout spans.")
    first_day: str = Field(
        "2026-01-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="First day of the cards layout.",
    )
    drift: float = Field(
        0.0, ge=0, le=1, description="0: as usual; 1: amounts, hours and features moved far."
    )
    seed: int = Field(0, ge=0, description="Seed; the same settings give the same file.")


RESERVED_NAMES = ("source_line", "known_us", "label_known_us", "days_known", "file_row_number")
"""Names that the platform gives to columns of its own, in whatever case."""

SETTLE_SECONDS = 2.0
"""A file is taken when its size and modification time have held still this long."""
FILES_PER_TICK = 50
"""New files that a look at the drop folder reads at most; the others wait for the next."""


# --- features and splits ----------------------------------------------------------------


class FeatureSettings(Settings):
    """How the point-in-time features are made."""

    label_delay_days: float = Field(
        7.0, gt=0, description="Days until a transaction's label is known."
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
        description="stratified (random), temporal (in time order), or auto: temporal when "
        "real timestamps span at least four times the label delay.",
    )
    train_share: float = Field(0.6, gt=0, lt=1, description="Share of train rows.")
    validation_share: float = Field(0.2, gt=0, lt=1, description="Share of validation rows.")
    window_batches: int | None = Field(
        None, ge=1, description="Train from the last N batches; empty: from all so far."
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


# --- training ---------------------------------------------------------------------------


class EstimatorName(StrEnum):
    """The estimators that `training/estimators.py` can build."""

    xgboost = "xgboost"
    lightgbm = "lightgbm"
    hist_gradient_boosting = "hist_gradient_boosting"
    random_forest = "random_forest"
    logistic_regression = "logistic_regression"
    mlp = "mlp"
    isolation_forest = "isolation_forest"
    soft_voting = "soft_voting"
    stacking = "stacking"


ENSEMBLES = (EstimatorName.soft_voting, EstimatorName.stacking)


class Imbalance(StrEnum):
    """What is done about frauds being few, on the train rows only."""

    none = "none"
    class_weight = "class_weight"
    undersample = "undersample"
    smote = "smote"
    focal_loss = "focal_loss"


class ThresholdRule(StrEnum):
    """How the decision threshold is chosen, on the validation rows."""

    max_f1 = "max_f1"
    min_cost = "min_cost"
    min_recall = "min_recall"
    max_alerts = "max_alerts"


ALERT_CAPACITY = 100
"""Alerts a day that the analysts can review."""


class Costs(Settings):
    """Money lost, in the currency of the amount column."""

    missed_fraud: float | None = Field(
        None, ge=0, description="Cost of a missed fraud; empty: the transaction's amount."
    )
    missed_fraud_without_amount: float = Field(
        100.0, ge=0, description="Cost of a missed fraud when the data has no amount."
    )
    review: float = Field(2.0, ge=0, description="Cost of reviewing one alert.")
    false_alarm: float = Field(5.0, ge=0, description="Cost of disturbing a genuine customer.")


class ThresholdSettings(Costs):
    """The rule for the decision threshold, and what the rules need."""

    threshold_rule: ThresholdRule = Field(
        ThresholdRule.max_f1,
        description="max_f1; min_cost; min_recall: the fewest alerts that catch `recall_target`; "
        "max_alerts: as many as `alerts_per_day` allow.",
    )
    recall_target: float = Field(
        0.9, gt=0, le=1, description="Share of the frauds that min_recall has to catch."
    )
    alerts_per_day: float = Field(
        ALERT_CAPACITY, gt=0, description="Alerts a day that max_alerts may raise."
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
    """Estimator, its parameters, imbalance, the decision threshold and the costs."""

    estimator: EstimatorName = Field(
        EstimatorName.xgboost, description="Which estimator is trained."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="The estimator's own parameters that replace the defaults, for example "
        "n_estimators: 300, or hidden_layer_sizes: [64, 32]; of soft_voting and stacking by "
        "member, for example xgboost: {max_depth: 3}.",
    )
    # Dagster takes no list of members of an enumeration.
    members: list[str] = Field(
        ["xgboost", "lightgbm", "random_forest"],
        description="What soft_voting and stacking are made of: two or more estimators.",
    )
    imbalance: Imbalance = Field(
        Imbalance.none,
        description="none; class_weight: frauds weigh as much as all genuine rows; undersample; "
        "smote; focal_loss (xgboost and lightgbm).",
    )
    genuine_per_fraud: float = Field(
        10.0, ge=1, description="Genuine rows for each fraud after undersample or smote."
    )
    focal_gamma: float = Field(
        1.0, ge=0, le=5, description="How much focal_loss forgets the easy rows; 0: not at all."
    )
    anomaly_score: bool = Field(
        False, description="Add the score of an isolation forest to the features."
    )
    use_tuned: bool = Field(
        True,
        description="Use the parameters that tuned_parameters found best for this estimator, "
        "under those of `parameters`.",
    )
    seed: int = Field(0, ge=0, description="Seed of the training.")

    @field_validator("parameters")
    @classmethod
    def _texts_are_words(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        _require_words("parameters", parameters)
        return parameters

    @model_validator(mode="after")
    def _ensembles_have_members(self) -> Self:
        single = [e for e in EstimatorName if e not in ENSEMBLES]
        strangers = sorted(set(self.members) - set(single))
        if strangers or len(set(self.members)) < max(2, len(self.members)):
            raise ValueError(
                f"members is {self.members}; name two or more of {', '.join(single)}, each once"
            )
        return self


class TuningSettings(Settings):
    """How long, and over what, Optuna looks for better parameters."""

    estimator: EstimatorName = Field(
        EstimatorName.xgboost, description="Which estimator is tuned; one with a search space."
    )
    trials: int = Field(30, ge=1, le=10_000, description="Trials in all, earlier ones included.")
    minutes: float = Field(20.0, gt=0, description="Minutes after which no new trial begins.")
    folds: int = Field(3, ge=2, le=10, description="Validation folds, in time order.")
    imbalance: Imbalance = Field(Imbalance.none, description="As in the training.")
    seed: int = Field(0, ge=0, description="Seed of the sampler and of the trainings.")


# --- evaluation and drift ---------------------------------------------------------------


SMALLEST_CATEGORY = 10
"""Rows below which a category is not named in reports and profiles: it counts as another."""


class JudgedBy(StrEnum):
    """Which end of a figure its verdict looks at."""

    point = "point"
    interval = "interval"


class EvaluationSettings(Settings):
    """How sure the figures are said to be, and what a challenger has to show."""

    bootstrap_resamples: int = Field(200, ge=50, description="Resamples behind an interval.")
    seed: int = Field(0, ge=0, description="Seed of the resampling.")
    recall_judged_by: JudgedBy = Field(
        JudgedBy.point,
        description="Whether fraud_recall judges the figure itself (point), or the lower end of "
        "its interval (interval).",
    )
    promotion_margin: float = Field(
        0.0, ge=0, le=1, description="By how much more a challenger's average precision must lie."
    )
    promotion_confidence: float = Field(
        0.95, gt=0.5, lt=1, description="How sure that must be: the paired interval's coverage."
    )
    segments: list[str] = Field(
        ["amount_band", "night", "new_card", "week"],
        description="Parts of the test rows in none of which a challenger may be worse: "
        "amount_band, night, new_card, week, or a column of the data.",
    )


class ChallengerSettings(TrainingSettings):
    """One of several models that are compared on past batches."""

    version: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]{0,17}$",
        description="A registered version, taken as it is; empty: trained as said here.",
    )
    window_batches: int | None = Field(
        None, ge=1, description="Train from the last N batches; empty: from the batch's window."
    )


class ComparisonSettings(EvaluationSettings):
    """Which challengers are compared, on which past batches."""

    batches: list[str] = Field([], description="Past batches; empty: the last three.")
    reference: str | None = Field(
        None, description="The challenger that the others are held against; empty: the first."
    )


class ScoringSettings(Settings):
    """What the analysts get to review."""

    alerts_per_day: int = Field(
        ALERT_CAPACITY,
        ge=1,
        description="Entries of a day's worklist, the random ones not counted.",
    )
    sampled_per_day: int = Field(
        5, ge=0, description="Transactions a day drawn from those that nobody would review."
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")


class DriftSettings(Settings):
    """When a feature counts as drifted, and how far the look at a batch goes."""

    min_distance: float = Field(
        0.1, ge=0, le=1, description="Jensen-Shannon distance from which a feature may drift."
    )
    significance: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="How often, at most, chance alone may pass for a change of a batch.",
    )
    min_rows: int = Field(
        500, ge=20, description="Rows below which a batch is not judged: not enough rows."
    )
    classifier_rows: int = Field(
        5_000, ge=100, description="Rows of each side that the classifier tells apart, at most."
    )
    folds: int = Field(3, ge=2, le=10, description="Folds of the classifier's cross-validation.")
    segments: list[str] = Field(
        ["amount_band", "hour"],
        description="Segments that are looked at, beside each category: amount_band, hour.",
    )
    seed: int = Field(0, ge=0, description="Seed of samples, folds and classifier.")


MIN_PROFILE_ROWS = 500
"""Rows with a full window below which a window feature is not watched for drift."""


class RetrainingSettings(Settings):
    """When critical drift may ask for a training run, and what that run trains from."""

    every_days: float = Field(7.0, gt=0, description="At most one such run in so many days.")
    window_batches: int = Field(
        2, ge=1, description="Train from the last N batches: those like the present."
    )


def retraining() -> RetrainingSettings:
    """Return when drift asks for a training run (`FRAUD_RETRAIN_DAYS`, `FRAUD_RETRAIN_BATCHES`).

    Raises
    ------
    ValueError
        When one of them is no positive number.
    """
    named = {"every_days": "FRAUD_RETRAIN_DAYS", "window_batches": "FRAUD_RETRAIN_BATCHES"}
    given = {field: os.environ[name] for field, name in named.items() if os.environ.get(name)}
    try:
        return RetrainingSettings.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise ValueError(
            f"{named[field]} is {given[field]!r}; set it to a number above 0, or not at all"
        ) from error


# --- limits: the verdicts ---------------------------------------------------------------

Verdict = Literal["good", "watch", "critical"]


class Limits(Settings):
    """Two limits that part good from watch and watch from critical.

    Attributes
    ----------
    watch : float
        The value at which a figure stops being good.
    critical : float
        The value at which it becomes critical.
    higher_is_better : bool
        Whether large values are good.
    """

    watch: float
    critical: float
    higher_is_better: bool

    def verdict(self, value: float) -> Verdict:
        """Judge one value.

        Parameters
        ----------
        value : float
            The figure, in the unit of the limits.

        Returns
        -------
        {"good", "watch", "critical"}
            The watch limit itself is good for figures that should be high and watch for
            those that should be low; the critical limit itself is still watch.
        """
        if self.higher_is_better:
            if value >= self.watch:
                return "good"
            return "watch" if value >= self.critical else "critical"
        if value < self.watch:
            return "good"
        return "watch" if value <= self.critical else "critical"


FRAUD_RECALL = Limits(watch=0.80, critical=0.60, higher_is_better=True)
FRAUDS_MISSED_SHARE = Limits(watch=10 / 99, critical=25 / 99, higher_is_better=False)
"""Missed frauds per run of 99 test frauds; other sizes in proportion."""
FALSE_ALARM_RATE = Limits(watch=0.005, critical=0.02, higher_is_better=False)
DRIFT_SCORE = Limits(watch=0.1, critical=0.3, higher_is_better=False)
DRIFTED_FEATURES_SHARE = Limits(watch=0.1, critical=0.3, higher_is_better=False)
REJECTED_SHARE = Limits(watch=1e-12, critical=0.01, higher_is_better=False)
"""Rejected rows: any is worth a look, over 1% stops the batch."""
FRAUD_PREVALENCE_RANGE = (0.0001, 0.05)
"""Share of frauds that card data usually has; outside, look at the labels."""
MIN_FRAUDS = {"train": 10, "validation": 3, "test": 3}
"""Frauds without which a split can carry no model, no threshold or no verdict."""
