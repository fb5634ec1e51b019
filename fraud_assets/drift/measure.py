"""Measures the drift of a batch against a reference profile: every figure and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.config.limits import DRIFT_SCORE, MIN_PROFILE_ROWS
from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.classifier import (
    TwoSampleTest,
    classifier_inputs,
    giveaways,
    two_sample_test,
)
from fraud_assets.drift.correlations import Numbers, changed_pairs, extremes, ranks
from fraud_assets.drift.encoding import Column
from fraud_assets.drift.performance import prevalence_change
from fraud_assets.drift.profile import (
    DAYS_KNOWN,
    Profile,
    Summary,
    Watched,
    chosen_rows,
    shared_history_days,
)
from fraud_assets.drift.segments import drifted_segments, label_segments
from fraud_assets.drift.statistics import compare_column
from fraud_assets.records.drift import (
    ColumnFindings,
    CorrelationChange,
    DriftMeasurement,
    DriftVerdict,
    Extremes,
    FeatureDrift,
    Giveaway,
    SegmentDrift,
    SmallestVisible,
    TooFewRows,
)

CALENDAR = ("weekday", "is_weekend")
"""Features that only tell which days a batch spans."""
TESTS = 5
"""Tests for a change beyond chance: features, pairs, extremes, classifier, prevalence."""
LISTED = 20


def common_columns(profile: Profile, watched: Watched) -> list[Column]:
    """Return the columns of a profile that can be compared with a batch.

    Parameters
    ----------
    profile : Profile
        Summary of the champion's training data.
    watched : Watched
        The batch's columns.

    Returns
    -------
    list of Column

    See Also
    --------
    column_findings : the columns that cannot be compared.
    """
    present = {"number": set(watched.numbers), "category": set(watched.texts)}
    return [c for c in profile.columns if c.name in present[c.kind] and c.name not in CALENDAR]


def column_findings(profile: Profile, watched: Watched) -> ColumnFindings:
    """Return which columns appeared, vanished, or changed their type.

    Parameters
    ----------
    profile : Profile
        Summary of the champion's training data.
    watched : Watched
        The batch's columns.

    Returns
    -------
    ColumnFindings

    See Also
    --------
    common_columns : the columns that can be compared.
    """
    before = {c.name: c.kind for c in profile.columns}
    now = dict.fromkeys(watched.numbers, "number") | dict.fromkeys(watched.texts, "category")
    in_both = profile.kinds.keys() & watched.kinds.keys()
    changed = {name for name in in_both if profile.kinds[name] != watched.kinds[name]}
    changed |= {name for name in before.keys() & now.keys() if before[name] != now[name]}
    return ColumnFindings(
        appeared=sorted(now.keys() - before.keys() - changed),
        vanished=sorted(before.keys() - now.keys() - changed),
        changed_type=sorted(changed),
    )


def measure_drift(
    profile: Profile,
    batch: Summary,
    columns: Sequence[Column],
    findings: ColumnFindings,
    warm_up_days: Mapping[str, float],
    amount: str | None,
    settings: DriftSettings,
) -> TooFewRows | DriftVerdict:
    """Measure the drift of a batch against a reference profile.

    Parameters
    ----------
    profile : Profile
        Summary of the champion's training data.
    batch : Summary
        The batch, summarized by the columns of the profile.
    columns : sequence of Column
        As from `common_columns`.
    findings : ColumnFindings
        As from `column_findings`.
    warm_up_days : mapping of str to float
        Days of history that a window feature needs, by feature.
    amount : str or None
        The column of amounts.
    settings : DriftSettings
        Significance, minimum distance, sample sizes, folds and seed.

    Returns
    -------
    TooFewRows or DriftVerdict
        Too few rows: no verdict is given.

    See Also
    --------
    fraud_assets.drift.messages.verdict_sentence : the result in words.

    Notes
    -----
    A feature has drifted when its distance is at least `min_distance` and its p-value, corrected
    over the features after Benjamini and Hochberg (1995), is at most `significance`. A column that
    appeared, vanished or changed its type has a distance of 1. `p_value` is the smallest of the
    five tests, times five, so that chance is reported as a change in at most `significance` of
    all batches.
    """
    measurement = DriftMeasurement(
        rows=batch.rows,
        reference_rows=profile.rows,
        columns=findings,
        prevalence=prevalence_change(batch.frauds, batch.rows, profile.frauds, profile.rows),
    )
    judged = [c for c in columns if _has_rows(c, batch.counts[c.name], warm_up_days)]
    if batch.rows < settings.min_rows or not any(c.name not in warm_up_days for c in judged):
        return TooFewRows(**dict(measurement), min_rows=settings.min_rows)
    features, smallest = _features(judged, batch, settings)
    tests = _MultivariateTests.prepare(profile, batch, judged, warm_up_days, settings)
    pairs, of_pairs = tests.pairs()
    score, extreme = tests.classifier.score, tests.extremes()
    p_values = (smallest, of_pairs, extreme.p_value, tests.classifier.p_value,
                measurement.prevalence.p_value)  # fmt: skip
    p_value = min(1.0, TESTS * min(p_values))
    changed = p_value <= settings.significance or score >= DRIFT_SCORE.watch
    reported = sorted([*features, *_of_findings(findings)], key=lambda f: (-f.distance, f.feature))
    return DriftVerdict(
        **dict(measurement),
        verdict=DRIFT_SCORE.verdict(score),
        drift_score=score,
        n_drifted_features=sum(feature.drifted for feature in reported),
        max_feature_drift=max((feature.distance for feature in reported), default=0.0),
        p_value=p_value,
        changed=changed,
        smallest_visible=_smallest_visible(tests.classifier, features),
        features=reported,
        pairs=pairs[:LISTED],
        extremes=extreme,
        giveaways=tests.giveaways() if changed else [],
        segments=tests.segments(amount)[:LISTED],
        not_judged=_not_judged(profile, judged, findings),
    )


def _has_rows(column: Column, counts: NDArray[np.int64], warm_up: Mapping[str, float]) -> bool:
    """Tell whether enough rows have the history that a column needs."""
    if column.name not in warm_up:
        return True
    return sum(column.counts) > 0 and int(counts.sum()) >= MIN_PROFILE_ROWS


def _features(
    judged: Sequence[Column], batch: Summary, settings: DriftSettings
) -> tuple[list[FeatureDrift], float]:
    """Return the drift of each feature that could be compared, and the smallest p-value."""
    from scipy.stats import false_discovery_control

    drifts = [compare_column(column, batch.counts[column.name]) for column in judged]
    corrected = false_discovery_control([drift.p_value for drift in drifts]).tolist()
    features = [
        FeatureDrift(
            feature=column.name,
            finding="",
            drifted=drift.distance >= settings.min_distance and p_value <= settings.significance,
            **dict(drift) | {"p_value": p_value},
        )
        for column, drift, p_value in zip(judged, drifts, corrected, strict=True)
    ]
    return features, min(corrected, default=1.0)


def _of_findings(findings: ColumnFindings) -> list[FeatureDrift]:
    """Return the drift of columns that could not be compared."""
    return [
        FeatureDrift(
            feature=name, distance=1.0, psi=None, ks=None, missing_change=None, outside=None,
            noise=None, p_value=0.0, finding=finding.replace("_", " "), drifted=True,
        )
        for finding, names in findings.by_finding().items()
        for name in names
    ]  # fmt: skip


def _smallest_visible(
    classifier: TwoSampleTest, features: Sequence[FeatureDrift]
) -> SmallestVisible:
    noise = (feature.noise for feature in features if feature.noise)
    return SmallestVisible(
        drift_score=classifier.smallest_visible, distance=max(noise, default=0.0)
    )


def _not_judged(profile: Profile, judged: Sequence[Column], findings: ColumnFindings) -> list[str]:
    reported = {c.name for c in judged} | {*findings.vanished} | {*findings.changed_type}
    return sorted({c.name for c in profile.columns} - reported)


@dataclass(frozen=True)
class _MultivariateTests:
    """The tests of several columns at once, on rows whose windows were full.

    Attributes
    ----------
    columns : sequence of Column
        Those that most rows have enough history for.
    reference, batch : DataFrame of shape (n_rows, n_columns)
        Samples.
    seen : DataFrame of shape (n_rows, n_columns)
        The rows that the classifier sees, of both.
    is_batch : ndarray of shape (n_rows,)
    inputs : ndarray of shape (n_rows, n_inputs)
        Of the classifier.
    names : list of tuple of str
        The columns that each input is made of.
    classifier : TwoSampleTest
    settings : DriftSettings
    """

    columns: Sequence[Column]
    reference: pd.DataFrame
    batch: pd.DataFrame
    seen: pd.DataFrame
    is_batch: NDArray[np.int64]
    inputs: Numbers
    names: list[tuple[str, ...]]
    classifier: TwoSampleTest
    settings: DriftSettings

    @classmethod
    def prepare(
        cls,
        profile: Profile,
        batch: Summary,
        judged: Sequence[Column],
        warm_up_days: Mapping[str, float],
        settings: DriftSettings,
    ) -> "_MultivariateTests":
        """Choose columns and rows, and fit the classifier."""
        days = shared_history_days(judged, warm_up_days, profile.sample, batch.sample)
        columns = [c for c in judged if warm_up_days.get(c.name, 0.0) <= days]
        reference, of_batch = (s[s[DAYS_KNOWN] >= days] for s in (profile.sample, batch.sample))
        drawn = [
            side.iloc[chosen_rows(len(side), settings.classifier_rows, settings.seed)]
            for side in (reference, of_batch)
        ]
        seen, is_batch = pd.concat(drawn), np.repeat([0, 1], [len(side) for side in drawn])
        inputs, names = classifier_inputs(seen, is_batch, columns)
        classifier = two_sample_test(inputs, is_batch, settings.folds, settings.seed)
        return cls(
            columns, reference, of_batch, seen, is_batch, inputs, names, classifier, settings
        )

    def pairs(self) -> tuple[list[CorrelationChange], float]:
        names = [c.name for c in self.columns]
        before, now = ranks(self.reference, self.columns), ranks(self.batch, self.columns)
        return changed_pairs(names, before, now, self.settings.significance / TESTS)

    def extremes(self) -> Extremes:
        numbers = [c for c in self.columns if c.kind == "number"]
        if not numbers:
            return Extremes(before=1.0, after=1.0, p_value=1.0)
        return extremes(ranks(self.reference, numbers), ranks(self.batch, numbers))

    def giveaways(self) -> list[Giveaway]:
        seed = self.settings.seed
        return giveaways(self.classifier, self.inputs, self.is_batch, self.names, seed)

    def segments(self, amount: str | None) -> list[SegmentDrift]:
        labels = label_segments(self.seen, self.columns, amount, self.settings.segments)
        probabilities = self.classifier.probabilities
        return drifted_segments(labels, self.is_batch, probabilities, self.settings.significance)
