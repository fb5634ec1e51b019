"""Compares a challenger with the champion, on test rows that neither was trained or tuned on."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import EvaluationSettings
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.evaluation.segments import parts_of
from fraud_assets.metrics import Difference, paired_differences
from fraud_assets.records.evaluation import Comparison, NotComparable, SegmentDifference

MIN_COMPARED_FRAUDS = 3
"""Frauds below which two models are not compared."""
MIN_SEGMENT_FRAUDS = 10
"""Frauds below which a segment says nothing about a model."""


def compare(
    challenger: ScoredRows,
    champion: ScoredRows,
    seen_by_champion: ArrayLike,
    parts: Mapping[str, ArrayLike],
    settings: EvaluationSettings,
) -> Comparison | NotComparable:
    """Compare a challenger with the champion on the test rows that the champion has not seen.

    Parameters
    ----------
    challenger, champion : ScoredRows
        The same rows with the scores of each, at its own threshold.
    seen_by_champion : array-like of bool, shape (n_rows,)
        Which of the rows the champion was trained or tuned on.
    parts : mapping of str to array-like of shape (n_rows,)
        As from `segments.segment_rows`.
    settings : EvaluationSettings
        Number of bootstrap resamples, seed and limits of the promotion rule.

    Returns
    -------
    Comparison or NotComparable
        Not comparable when the champion has seen nearly all frauds, or all genuine rows.

    See Also
    --------
    differences : the differences over all rows.
    compare_segments : the differences by segment.
    """
    unseen = ~as_array("seen_by_champion", seen_by_champion, "flag", len(challenger.labels))
    challenger, champion = challenger.of(unseen), champion.of(unseen)
    n_rows, frauds = len(challenger.labels), challenger.counts.frauds
    left_out = len(unseen) - n_rows
    if frauds < MIN_COMPARED_FRAUDS or frauds == n_rows:
        return NotComparable(
            reason=f"{left_out} of {len(unseen)} test rows were seen by the champion; the others "
            f"hold {frauds} frauds, too few to compare on"
        )
    precision, money = differences(challenger, champion, settings)
    return Comparison(
        rows=n_rows,
        rows_seen_by_champion=left_out,
        frauds=frauds,
        average_precision=challenger.ranking[0],
        champion_average_precision=champion.ranking[0],
        difference=precision.value,
        interval=precision.interval(settings.promotion_confidence),
        confidence=settings.promotion_confidence,
        margin=settings.promotion_margin,
        savings_difference=money.value,
        savings_interval=money.interval(settings.promotion_confidence),
        segments=compare_segments(
            challenger,
            champion,
            {
                name: as_array(f"parts of {name}", values, "text", len(unseen))[unseen]
                for name, values in parts.items()
            },
            settings,
        ),
    )


def differences(
    challenger: ScoredRows, champion: ScoredRows, settings: EvaluationSettings
) -> tuple[Difference, Difference]:
    """Return by how much a challenger exceeds the champion, on the same resamples of the rows.

    Parameters
    ----------
    challenger, champion : ScoredRows
        The same rows with the scores of each, at its own threshold.
    settings : EvaluationSettings
        Number of bootstrap resamples, seed and limits of the promotion rule.

    Returns
    -------
    average_precision, net_savings : Difference
        Challenger minus champion; positive when the challenger is better.

    See Also
    --------
    fraud_assets.metrics.paired_differences : the same on arrays.
    """
    return paired_differences(
        challenger.labels,
        (challenger.scores, champion.scores),
        (challenger.savings, champion.savings),
        settings.bootstrap_resamples,
        settings.seed,
    )


def compare_segments(
    challenger: ScoredRows,
    champion: ScoredRows,
    parts: Mapping[str, ArrayLike],
    settings: EvaluationSettings,
) -> list[SegmentDifference]:
    """Compare two models on each part of the rows that has enough frauds.

    Parameters
    ----------
    challenger, champion : ScoredRows
        The same rows with the scores of each, at its own threshold.
    parts : mapping of str to array-like of shape (n_rows,)
        As from `segments.segment_rows`.
    settings : EvaluationSettings
        Number of bootstrap resamples, seed and limits of the promotion rule.

    Returns
    -------
    list of SegmentDifference

    See Also
    --------
    differences : the same over all rows.

    Notes
    -----
    A part counts as worse at a confidence that is corrected for the number of parts (Bonferroni).
    """
    judged = [
        (segment, part, inside)
        for segment, part, inside in parts_of(parts, len(challenger.labels))
        if MIN_SEGMENT_FRAUDS <= challenger.labels[inside].sum() < inside.sum()
    ]
    confidence = 1 - (1 - settings.promotion_confidence) / max(len(judged), 1)
    return [
        _segment_difference(
            segment, part, challenger.of(inside), champion.of(inside), confidence, settings
        )
        for segment, part, inside in judged
    ]


def _segment_difference(
    segment: str,
    part: str,
    challenger: ScoredRows,
    champion: ScoredRows,
    confidence: float,
    settings: EvaluationSettings,
) -> SegmentDifference:
    precision, _ = differences(challenger, champion, settings)
    return SegmentDifference(
        segment=segment,
        part=part,
        rows=len(challenger.labels),
        frauds=challenger.counts.frauds,
        difference=precision.value,
        worse=precision.is_negative(confidence),
    )
