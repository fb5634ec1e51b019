"""Drift of a batch against the champion's training data, and the profile it is measured against."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from fraud_assets.config.limits import DRIFTED_FEATURES_SHARE, Verdict, worst
from fraud_assets.config.settings import DriftSettings, Settings
from fraud_assets.records.base import Record, Report

NOT_ENOUGH_ROWS: Literal["not_enough_rows"] = "not_enough_rows"


class ReferenceColumn(Settings):
    """The distribution of a column in the reference.

    Attributes
    ----------
    name : str
    kind : {"number", "category"}
    cuts : list of float
        Of a number: ascending quantiles from the smallest value to just above the largest. Code i
        holds `cuts[i-1] <= value < cuts[i]`: code 0 is below the range, the last above it.
    categories : list of str
        Code i is category i; the code after the last category means all others.
    pooled : bool
        Whether the reference had more categories than are kept.
    counts : list of int
        Rows of the reference by code; missing values last.
    """

    name: str
    kind: Literal["number", "category"]
    cuts: list[float]
    categories: list[str]
    pooled: bool
    counts: list[int]


class ProfileFacts(Record):
    """All of a reference profile but its sample; an artifact of the model's MLflow run.

    Attributes
    ----------
    rows, frauds : int
        Of the training data.
    columns : list of ReferenceColumn
    kinds : dict of str to str
        Kind of each source column.
    scores : ReferenceColumn or None
        Distribution of the model's scores on rows that it was not fitted on; None: not known.
    rows_per_day : float or None
        Rows of the window's batches by day; None without dates, and in profiles of releases that
        did not measure it.
    """

    rows: int
    frauds: int
    columns: list[ReferenceColumn]
    kinds: dict[str, str]
    scores: ReferenceColumn | None
    rows_per_day: float | None = None


class ColumnFindings(Settings):
    """Columns that the batch and the reference do not share.

    Attributes
    ----------
    appeared, vanished, changed_type : list of str
        Sorted names.
    """

    appeared: list[str] = Field(default_factory=list)
    vanished: list[str] = Field(default_factory=list)
    changed_type: list[str] = Field(default_factory=list)

    def by_finding(self) -> dict[str, list[str]]:
        """Return the names of columns by finding, without findings that no column has.

        Returns
        -------
        dict of str to list of str
            The keys are among `appeared`, `vanished` and `changed_type`.

        Examples
        --------
        >>> ColumnFindings(appeared=["channel"]).by_finding()
        {'appeared': ['channel']}
        """
        return {finding: names for finding, names in self if names}


class PrevalenceChange(Settings):
    """The share of frauds, compared with that of the reference.

    Attributes
    ----------
    reference, batch : float
        Shares of frauds, in [0, 1].
    ratio : float or None
        Batch over reference; None without a fraud in the reference.
    interval : (float, float or None)
        Exact 95% interval of the ratio; the upper end is None where it has no bound.
    p_value : float
        Of the hypothesis that the share is unchanged.
    changed : bool
        Whether 1 lies outside the interval.
    """

    reference: float
    batch: float
    ratio: float | None
    interval: tuple[float, float | None]
    p_value: float
    changed: bool


PlausibilityName = Literal["amount_scale", "fraud_prevalence", "volume", "missing_share"]


class PlausibilityFigure(Settings):
    """A figure of the batch that shows a broken file, compared with the reference.

    Attributes
    ----------
    name : str
        The median amount, the share of frauds, the rows per day, or the share of missing values of
        the column where it has grown most.
    reference, batch : float
    judged : float
        What the limits apply to: by how many times the figure is larger or smaller, 1 or more; for
        the missing values, the increase of their share. At the end of the 95% interval that is
        nearest to no change.
    verdict : {"good", "watch", "critical"}
    column : str or None
        Whose values are missing; None for the other figures.
    """

    name: PlausibilityName
    reference: float
    batch: float
    judged: float
    verdict: Verdict
    column: str | None = None


class Plausibility(Settings):
    """Whether a batch is what such a file usually is, or looks like a broken export.

    Attributes
    ----------
    figures : list of PlausibilityFigure
        Those that could be compared with the reference.
    """

    figures: list[PlausibilityFigure]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of a figure; critical: the batch is implausible."""
        return worst(figure.verdict for figure in self.figures)


class ColumnDrift(Settings):
    """How far the distribution of a column differs from the reference, and whether by chance.

    Attributes
    ----------
    distance : float
        Jensen-Shannon distance, base 2, in [0, 1].
    psi : float
        Population stability index, in nats, not negative.
    ks : float or None
        Kolmogorov-Smirnov statistic over the reference's quantiles, in [0, 1]; None for
        categories.
    missing_change : float
        Share of missing values, batch minus reference, in [-1, 1].
    outside : float
        Share of the batch outside the reference's range or in categories that the reference does
        not have, in [0, 1].
    p_value : float
        Of the null hypothesis that both have the same distribution: the smallest of the column's
        tests, corrected for their number.
    noise : float
        Distance that chance alone exceeds in one batch in a hundred.
    """

    distance: float
    psi: float
    ks: float | None
    missing_change: float
    outside: float
    p_value: float
    noise: float


class FeatureDrift(Settings):
    """Drift of a feature, as it is reported.

    Attributes
    ----------
    feature : str
    distance, psi, ks, missing_change, outside, noise
        As of `ColumnDrift`. A column that appeared, vanished or changed its type has a distance
        of 1 and None for the rest.
    p_value : float
        Corrected over the features after Benjamini and Hochberg.
    finding : str
        "appeared", "vanished" or "changed type"; empty for a feature that could be compared.
    drifted : bool
        Whether distance and p-value pass the limits of the settings.
    """

    feature: str
    distance: float
    psi: float | None
    ks: float | None
    missing_change: float | None
    outside: float | None
    p_value: float
    noise: float | None
    finding: str
    drifted: bool


class CorrelationChange(Settings):
    """A pair of columns whose correlation changed.

    Attributes
    ----------
    first, second : str
    before, after : float
        Rank correlations, in [-1, 1].
    p_value : float
        Corrected for the number of pairs.
    """

    first: str
    second: str
    before: float
    after: float
    p_value: float


class Extremes(Settings):
    """How extreme the rows are, over all numeric columns.

    Attributes
    ----------
    before, after : float
        Mean square of the normal scores; 1 for the training data, apart from rounding.
    p_value : float
        Of the hypothesis that the mean is unchanged.
    """

    before: float
    after: float
    p_value: float


class Giveaway(Settings):
    """A column, or a pair of columns, that gave the batch away to the classifier.

    Attributes
    ----------
    feature : str
    importance : float
        Drop of the AUC when the values are shuffled; above 0.
    """

    feature: str
    importance: float


class SegmentDrift(Settings):
    """A part of a segment that drifted, such as hour 03.

    Attributes
    ----------
    segment, part : str
    share_reference, share_batch : float
        Share of the rows, in [0, 1].
    drift_score : float or None
        Of the rows of this part alone; None when they are too few.
    p_value : float
        Corrected over the parts after Benjamini and Hochberg.
    """

    segment: str
    part: str
    share_reference: float
    share_batch: float
    drift_score: float | None
    p_value: float


class SmallestVisible(Settings):
    """The smallest effects that a batch of this size shows.

    Attributes
    ----------
    drift_score : float
        Detected in 95 batches of 100.
    distance : float
        The largest `noise` of a feature.
    """

    drift_score: float
    distance: float


class ExpectedPerformance(Settings):
    """Performance of the champion's alerts, estimated from its scores alone.

    Attributes
    ----------
    alerts : int
    frauds : float
        Expected number.
    precision, recall : float
        Expected, in [0, 1].
    """

    alerts: int
    frauds: float
    precision: float
    recall: float


class RealizedPerformance(Settings):
    """Performance of the champion's alerts on the rows whose label is known by now.

    Attributes
    ----------
    labels_known : float
        Share of the rows, in [0, 1].
    precision, recall : float or None
        None without an alert or without a fraud.
    precision_interval, recall_interval : (float, float)
        95% intervals.
    expected : ExpectedPerformance
        Of the same rows.
    """

    labels_known: float
    precision: float | None
    precision_interval: tuple[float, float]
    recall: float | None
    recall_interval: tuple[float, float]
    expected: ExpectedPerformance


class BatchPerformance(Settings):
    """Expected and realized performance of the champion on a batch.

    Attributes
    ----------
    batch, champion : str
    expected : ExpectedPerformance
        When the batch arrived.
    came_true : RealizedPerformance
        By the labels known now.
    """

    batch: str
    champion: str
    expected: ExpectedPerformance
    came_true: RealizedPerformance


class HistoryPoint(Settings):
    """The figures of one of the last batches; None where the batch was not judged."""

    batch: str
    champion: str
    verdict: Verdict | Literal["not_enough_rows"]
    drift_score: float | None
    n_drifted_features: int | None
    max_feature_drift: float | None


class DriftReference(Settings):
    """What a batch was compared with.

    Attributes
    ----------
    version, batch : str
        The champion, and the batch it was trained for.
    before : str or None
        The champion that the previous batch was compared with, where it was another.
    """

    version: str
    batch: str
    before: str | None


class ScoreMeasurement(Settings):
    """What is measured of the champion's scores of a batch.

    Attributes
    ----------
    decision_threshold : float or None
        The champion's; None when the batch was not scored.
    scores : ColumnDrift or None
        Drift of the scores; None when the batch was not scored, or nothing is known of the scores
        in the reference.
    expected : ExpectedPerformance or None
        None when the batch was not scored.
    """

    decision_threshold: float | None = None
    scores: ColumnDrift | None = None
    expected: ExpectedPerformance | None = None


class HeldComparison(Settings):
    """The batch compared with that of the version that is held.

    Attributes
    ----------
    version, batch : str
        The held version, and the batch it was trained for.
    drift_score : float or None
        Of this batch against the held one; None when it has too few rows.
    verdicts : dict of str to {"good", "watch", "critical"}
        By the name of the asset check, as against the champion's training data.
    """

    version: str
    batch: str
    drift_score: float | None
    verdicts: dict[str, Verdict]

    @property
    def is_similar(self) -> bool:
        """Whether the batch is like the held one: it has a verdict, and none is critical."""
        return self.drift_score is not None and worst(self.verdicts.values()) != "critical"


class DriftMeasurement(Settings):
    """What is measured of every batch, however small.

    Attributes
    ----------
    rows, reference_rows : int
    columns : ColumnFindings
    prevalence : PrevalenceChange
    plausibility : Plausibility or None
        None in reports of releases that did not judge it.
    """

    rows: int
    reference_rows: int
    columns: ColumnFindings
    prevalence: PrevalenceChange
    plausibility: Plausibility | None = None

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts on the batch, by the name of the asset check."""
        return {"batch_plausible": self.plausibility.verdict} if self.plausibility else {}

    @property
    def figures(self) -> dict[str, float]:
        """The figures of the verdict by metric name; none without a verdict."""
        return {}


class TooFewRows(DriftMeasurement):
    """Of a batch that is too small for a verdict.

    Attributes
    ----------
    verdict : {"not_enough_rows"}
    min_rows : int
        Rows that a verdict needs.
    """

    verdict: Literal["not_enough_rows"] = NOT_ENOUGH_ROWS
    min_rows: int

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts on the batch, by the name of the asset check; unknown drift is watch."""
        return {"drift_score": "watch", "drifted_features": "watch", **super().verdicts}


class DriftVerdict(DriftMeasurement):
    """Of a batch with enough rows.

    Attributes
    ----------
    verdict : {"good", "watch", "critical"}
    drift_score : float
        How well a classifier distinguishes the batch from the reference: max(0, 2 AUC - 1).
    n_drifted_features : int
    max_feature_drift : float
        The largest distance of a feature.
    p_value : float
        Of the null hypothesis that nothing changed: the smallest of all tests, corrected for
        their number.
    changed : bool
        Whether anything changed beyond chance, however little.
    smallest_visible : SmallestVisible
    features : list of FeatureDrift
        Largest distance first.
    pairs : list of CorrelationChange
        Largest change first.
    extremes : Extremes or None
        None in reports of releases that did not measure it.
    giveaways : list of Giveaway
        Most important first; empty when nothing changed.
    segments : list of SegmentDrift
        Largest drift first.
    not_judged : list of str
        Features that were left out: their windows are not full yet, or they only tell the
        calendar.
    """

    verdict: Verdict
    drift_score: float
    n_drifted_features: int
    max_feature_drift: float
    p_value: float
    changed: bool
    smallest_visible: SmallestVisible
    features: list[FeatureDrift]
    pairs: list[CorrelationChange]
    extremes: Extremes | None = None
    giveaways: list[Giveaway]
    segments: list[SegmentDrift]
    not_judged: list[str]

    @property
    def drifted_share(self) -> float:
        """The share of the features that drifted, in [0, 1]."""
        return self.n_drifted_features / len(self.features) if self.features else 0.0

    @property
    def features_verdict(self) -> Verdict:
        """The verdict on that share; a column that the champion cannot read is critical."""
        if self.columns.vanished or self.columns.changed_type:
            return "critical"
        verdict = DRIFTED_FEATURES_SHARE.verdict(self.drifted_share)
        return "watch" if self.columns.appeared and verdict == "good" else verdict

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts on the batch, by the name of the asset check."""
        return {
            "drift_score": self.verdict,
            "drifted_features": self.features_verdict,
            **super().verdicts,
        }

    @property
    def figures(self) -> dict[str, float]:
        """The figures of the verdict by metric name."""
        return {
            "drift_score": self.drift_score,
            "n_drifted_features": self.n_drifted_features,
            "max_feature_drift": self.max_feature_drift,
        }


class DriftReport(Report):
    """Drift of a batch. Every report is of one of the classes below.

    Attributes
    ----------
    batch : str
    champion : str or None
        None while there is none.

    See Also
    --------
    UnmeasuredDrift : there was nothing to compare with.
    UnjudgedDrift : the batch was too small for a verdict.
    JudgedDrift : the batch has a verdict.
    """

    ASSET: ClassVar[str] = "drift_report"

    champion: str | None

    @classmethod
    def variant_of(cls, value: dict[str, Any]) -> type["DriftReport"]:
        """Return the class of a report by its keys.

        Parameters
        ----------
        value : dict
            The report as parsed from JSON.

        Returns
        -------
        type of DriftReport
            `UnmeasuredDrift`, `UnjudgedDrift` or `JudgedDrift`; `cls` when it is one of them.
        """
        if cls is not DriftReport:
            return cls
        if "not_measured" in value:
            return UnmeasuredDrift
        return UnjudgedDrift if value.get("verdict") == NOT_ENOUGH_ROWS else JudgedDrift


class UnmeasuredDrift(DriftReport):
    """Of a batch that could not be compared with anything.

    Attributes
    ----------
    not_measured : str
        The reason.
    """

    not_measured: str


class MeasuredDrift(DriftReport, ScoreMeasurement, DriftMeasurement):
    """What every report has that compares a batch with a reference.

    Attributes
    ----------
    champion : str
    reference : DriftReference
    settings : DriftSettings
    verdict : {"good", "watch", "critical", "not_enough_rows"}
    performance : list of BatchPerformance
        The last batches that were scored, oldest first, this one last.
    history : list of HistoryPoint
        The last batches that were measured, oldest first, this one last.
    to_held : HeldComparison or None
        The comparison with the batch of the held version; None when no version is held, or no
        verdict against the champion's data is critical.
    """

    champion: str
    reference: DriftReference
    settings: DriftSettings
    verdict: Verdict | Literal["not_enough_rows"]
    performance: list[BatchPerformance]
    history: list[HistoryPoint]
    to_held: HeldComparison | None = None


class UnjudgedDrift(MeasuredDrift, TooFewRows):
    """Of a batch that is too small for a verdict."""

    verdict: Literal["not_enough_rows"] = NOT_ENOUGH_ROWS


class JudgedDrift(MeasuredDrift, DriftVerdict):
    """Of a batch that has a verdict."""

    verdict: Verdict


def verdicts_of_batch(report: DriftReport) -> dict[str, Verdict]:
    """Return the verdicts of a drift report.

    Parameters
    ----------
    report : DriftReport
        Of any class.

    Returns
    -------
    dict of str to {"good", "watch", "critical"}
        By the name of the asset check; empty when nothing was measured.

    See Also
    --------
    fraud_assets.config.limits.worst : the worst of them.
    """
    return report.verdicts if isinstance(report, MeasuredDrift) else {}
