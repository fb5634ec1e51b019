"""Puts the drift report of a batch together, with the history of the batches before it."""

from collections.abc import Callable, Sequence

import pandas as pd

from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.performance import (
    expected_performance,
    newest_time,
    realized_performance,
)
from fraud_assets.drift.profile import Profile
from fraud_assets.drift.statistics import compare_scores
from fraud_assets.records.drift import (
    BatchPerformance,
    DriftReference,
    DriftVerdict,
    HeldComparison,
    HistoryPoint,
    JudgedDrift,
    MeasuredDrift,
    ScoreMeasurement,
    TooFewRows,
    UnjudgedDrift,
)


def make_report(
    batch: str,
    reference: DriftReference,
    settings: DriftSettings,
    measurement: TooFewRows | DriftVerdict,
    of_scores: ScoreMeasurement,
    scored: pd.DataFrame | None,
    earlier: Sequence[MeasuredDrift],
    load_scores: Callable[[MeasuredDrift], pd.DataFrame | None],
    to_held: HeldComparison | None = None,
) -> MeasuredDrift:
    """Return the report on a batch.

    Parameters
    ----------
    batch : str
        Name of the batch (partition key).
    reference : DriftReference
        The champion and the batch it was trained for.
    settings : DriftSettings
        What the batch was measured with.
    measurement : TooFewRows or DriftVerdict
        As from `measure.measure_drift`.
    of_scores : ScoreMeasurement
        As from `measure_scores`.
    scored : DataFrame of shape (n_rows, n_columns) or None
        The champion's scores of the batch, with `label`, `known_us` and `label_known_us`; its
        newest timestamp is the current time. None: the batch was not scored.
    earlier : sequence of MeasuredDrift
        Reports on earlier batches, oldest first.
    load_scores : callable
        As of `performance_by_batch`.
    to_held : HeldComparison, optional
        The comparison with the batch of the held version.

    Returns
    -------
    UnjudgedDrift or JudgedDrift

    See Also
    --------
    fraud_assets.drift.messages.verdict_sentence : the report in a sentence.
    """
    performance: list[BatchPerformance] = []
    if scored is not None:
        now, champion = newest_time(scored), reference.version
        performance = performance_by_batch(earlier, load_scores, now)
        last = batch_performance(batch, champion, of_scores, scored, now)
        performance += [last] if last else []
    kind = JudgedDrift if isinstance(measurement, DriftVerdict) else UnjudgedDrift
    report: MeasuredDrift = kind(
        **dict(measurement),
        **dict(of_scores),
        batch=batch,
        champion=reference.version,
        reference=reference,
        settings=settings,
        performance=performance,
        history=[],
        to_held=to_held,
    )
    history = [history_point(each) for each in [*earlier, report]]
    return report.model_copy(update={"history": history})


def reference_of(version: str, batch: str, earlier: Sequence[MeasuredDrift]) -> DriftReference:
    """Return the reference, with the previous one where it changed since the last batch.

    Parameters
    ----------
    version, batch : str
        The champion, and the batch it was trained for.
    earlier : sequence of MeasuredDrift
        Reports on earlier batches, oldest first.

    Returns
    -------
    DriftReference

    See Also
    --------
    make_report : the report that it is part of.

    Examples
    --------
    >>> reference_of("2", "june", [])
    DriftReference(version='2', batch='june', before=None)
    """
    last = earlier[-1].champion if earlier else version
    return DriftReference(version=version, batch=batch, before=None if last == version else last)


def history_point(report: MeasuredDrift) -> HistoryPoint:
    """Return the figures of a report for the history.

    Parameters
    ----------
    report : MeasuredDrift
        The drift report of a batch, with or without a verdict.

    Returns
    -------
    HistoryPoint

    See Also
    --------
    fraud_assets.drift.plots.drift_over_batches : draws the history.
    """
    judged = report if isinstance(report, JudgedDrift) else None
    return HistoryPoint(
        batch=report.batch,
        champion=report.champion,
        verdict=report.verdict,
        drift_score=judged.drift_score if judged else None,
        n_drifted_features=judged.n_drifted_features if judged else None,
        max_feature_drift=judged.max_feature_drift if judged else None,
    )


def measure_scores(
    scored: pd.DataFrame | None, profile: Profile, threshold: float
) -> ScoreMeasurement:
    """Measure the drift of the champion's scores, and the performance to expect from them.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns) or None
        With `score`; None: the batch was not scored.
    profile : Profile
        Summary of the champion's training data.
    threshold : float
        Score from which a row is an alert.

    Returns
    -------
    ScoreMeasurement

    See Also
    --------
    fraud_assets.drift.statistics.compare_scores : the drift of the scores.
    fraud_assets.drift.performance.expected_performance : the performance.
    """
    if scored is None:
        return ScoreMeasurement()
    return ScoreMeasurement(
        decision_threshold=threshold,
        scores=compare_scores(profile.scores, scored["score"]),
        expected=expected_performance(scored, threshold),
    )


def performance_by_batch(
    earlier: Sequence[MeasuredDrift],
    load_scores: Callable[[MeasuredDrift], pd.DataFrame | None],
    now_us: int | None,
) -> list[BatchPerformance]:
    """Compare the performance expected of earlier batches with the labels that are known by now.

    Parameters
    ----------
    earlier : sequence of MeasuredDrift
        Reports, oldest first.
    load_scores : callable
        Returns the champion's scores of a report's batch, None where they are not kept. Called
        for one report after the other, so the scores of a single batch are in memory.
    now_us : int or None
        As of `performance.realized_performance`.

    Returns
    -------
    list of BatchPerformance
        Of the batches whose scores are kept, oldest first.

    See Also
    --------
    batch_performance : the same for a single batch.
    """
    performances = (
        batch_performance(report.batch, report.champion, report, load_scores(report), now_us)
        for report in earlier
    )
    return [performance for performance in performances if performance]


def batch_performance(
    batch: str,
    champion: str,
    measurement: ScoreMeasurement,
    scored: pd.DataFrame | None,
    now_us: int | None,
) -> BatchPerformance | None:
    """Compare the performance expected of a batch with the labels that are known by now.

    Parameters
    ----------
    batch, champion : str
        Name of the batch, and version of the champion that scored it.
    measurement : ScoreMeasurement
        When the batch arrived.
    scored : DataFrame of shape (n_rows, n_columns) or None
        The champion's scores, with `label` and `label_known_us`; None: they are not kept.
    now_us : int or None
        As of `performance.realized_performance`.

    Returns
    -------
    BatchPerformance or None
        None when the batch was not scored, or its scores are not kept.

    See Also
    --------
    performance_by_batch : the same for several batches.
    """
    expected, threshold = measurement.expected, measurement.decision_threshold
    if scored is None or expected is None or threshold is None:
        return None
    return BatchPerformance(
        batch=batch,
        champion=champion,
        expected=expected,
        came_true=realized_performance(scored, threshold, now_us),
    )
