"""The drift of a batch in words."""

from collections.abc import Sequence

from fraud_assets.records.drift import (
    ColumnFindings,
    DriftVerdict,
    FeatureDrift,
    JudgedDrift,
    MeasuredDrift,
    TooFewRows,
)
from fraud_assets.text import inert, named

ADVICE = {"good": "stable", "watch": "watch it", "critical": "retrain"}
LISTED = 5
FINDINGS = {
    "appeared": "new columns",
    "vanished": "columns missing",
    "changed_type": "columns with another type",
}


def what_changed(drift: DriftVerdict) -> str:
    """Return what changed in a batch, in words.

    Parameters
    ----------
    drift : DriftVerdict
        As from `measure.measure_drift`.

    Returns
    -------
    str
        Empty when nothing changed that matters. With the verdict "good", columns and features
        alone.

    See Also
    --------
    verdict_sentence : the verdict with its figures.
    """
    changes = [_columns(drift.columns), largest_drift(drift.features)]
    if drift.verdict != "good":
        changes += _details(drift)
    return "; ".join(filter(None, changes))


def _details(drift: DriftVerdict) -> list[str]:
    details = []
    if drift.giveaways:
        features = ", ".join(giveaway.feature for giveaway in drift.giveaways[:LISTED])
        details.append(f"the classifier relied most on: {features}")
    for pair in drift.pairs[:1]:
        details.append(
            f"correlation of {pair.first} and {pair.second}: {pair.before:+.2f} before, "
            f"{pair.after:+.2f} now"
        )
    for segment in drift.segments[:1]:
        details.append(
            f"segment with the largest drift: {segment.segment} {segment.part}, "
            f"{segment.share_reference:.1%} of the transactions before, "
            f"{segment.share_batch:.1%} now"
        )
    if drift.prevalence.changed:
        reference, batch = drift.prevalence.reference, drift.prevalence.batch
        details.append(f"share of frauds: {reference:.3%} before, {batch:.3%} now")
    return details


def largest_drift(features: Sequence[FeatureDrift]) -> str:
    """Return the features that drifted, in words.

    Parameters
    ----------
    features : sequence of FeatureDrift
        Largest distance first.

    Returns
    -------
    str
        Empty when none drifted; without the columns that could not be compared.

    See Also
    --------
    what_changed : everything that changed.

    Examples
    --------
    >>> amount = FeatureDrift(feature="amount", distance=0.4, psi=0.6, ks=0.3, missing_change=0.2,
    ...                       outside=0.0, p_value=0.0, noise=0.05, finding="", drifted=True)
    >>> largest_drift([amount])
    'features with the largest drift: amount 0.40 (missing +20%)'
    """
    drifted = [f for f in features if f.drifted and not f.finding][:LISTED]
    described = ", ".join(_feature(feature) for feature in drifted)
    return f"features with the largest drift: {described}" if described else ""


def _feature(feature: FeatureDrift) -> str:
    text = f"{feature.feature} {feature.distance:.2f}"
    if abs(feature.missing_change or 0.0) >= 0.01:
        text += f" (missing {feature.missing_change:+.0%})"
    if (feature.outside or 0.0) >= 0.01:
        text += f" ({feature.outside:.0%} never seen before)"
    return text


def _columns(findings: ColumnFindings) -> str:
    return "; ".join(
        f"{FINDINGS[finding]}: {', '.join(names[:LISTED])}"
        for finding, names in findings.by_finding().items()
    )


def verdict_sentence(report: MeasuredDrift) -> str:
    """Return the verdict on a batch with its figures, the reference, and what changed.

    Parameters
    ----------
    report : MeasuredDrift
        The drift report of a batch, with or without a verdict.

    Returns
    -------
    str
        For a log or a message; names in it are made inert.

    Raises
    ------
    TypeError
        When the report has neither a verdict nor too few rows.

    See Also
    --------
    what_changed : the second half of the sentence.
    """
    reference = report.reference
    against = f"champion version {reference.version}, trained for batch {named(reference.batch)}"
    if isinstance(report, TooFewRows):
        return (
            f"not enough rows: {report.rows:,} of the {report.min_rows:,} needed for a verdict "
            f"against {against}; deliver larger files, or lower min_rows and expect false alarms"
        )
    if not isinstance(report, JudgedDrift):
        raise TypeError(f"a {type(report).__name__} has no verdict")
    advice, changes = ADVICE[report.verdict], what_changed(report)
    if report.verdict == "good" and report.changed and not changes:
        advice += ": changed beyond chance, but too little to act on"
    sentence = [f"drift score {report.drift_score:.2f} against {against}: {advice}", changes]
    visible = report.smallest_visible.drift_score
    if visible > 0.1:
        sentence.append(f"a score under {visible:.2f} is not detectable with {report.rows:,} rows")
    if reference.before:
        sentence.append(f"the previous reference was version {reference.before}")
    return inert("; ".join(filter(None, sentence)))
