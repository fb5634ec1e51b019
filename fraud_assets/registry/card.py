"""The model card: what a registered version is, what it is for, and its limits."""

from fraud_assets.evaluation.figures import TABLE, interval_text, number
from fraud_assets.evaluation.report import comparison_sentence, render
from fraud_assets.records.decisions import Decision
from fraud_assets.records.evaluation import EvaluationReport, SegmentFigures
from fraud_assets.records.models import TrainedModel
from fraud_assets.text import some

NAMES_SHOWN = 40
MIN_FRAUDS_OF_WEAK_SEGMENT = 10


def model_card(
    model: TrainedModel,
    report: EvaluationReport,
    decision: Decision,
    period: tuple[str, str] | None,
) -> str:
    """Return the card of a version as Markdown.

    Parameters
    ----------
    model : TrainedModel
        A trained model with its facts: data, settings and threshold.
    report : EvaluationReport
        The figures of the model on its test rows.
    decision : Decision
        Promote, shadow_only or reject, and why.
    period : pair of str or None
        First and last day of the window; None when the data has no dates.

    Returns
    -------
    str
        Markdown.

    See Also
    --------
    known_limits : the limits that the card lists.

    Notes
    -----
    After M. Mitchell et al., Model cards for model reporting, 2019.
    """
    return render(
        "fraud_assets.registry",
        "model_card.md.j2",
        model=model,
        report=report,
        decision=decision,
        period=period,
        training=model.configuration.training,
        rows=[(figure.name, figure.label) for figure in TABLE],
        number=number,
        some=lambda names: some(names, NAMES_SHOWN),
        interval=lambda name: interval_text(report, name),
        comparison=comparison_sentence(report.comparison, report.champion),
        limits=known_limits(model, report),
    )


def known_limits(model: TrainedModel, report: EvaluationReport) -> list[str]:
    """Return the limits of a model that follow from its figures and settings.

    Parameters
    ----------
    model : TrainedModel
        A trained model with its facts: data, settings and threshold.
    report : EvaluationReport
        The figures of the model on its test rows.

    Returns
    -------
    list of str
        One sentence each.

    See Also
    --------
    model_card : the card that lists them.
    """
    limits = [
        f"Evaluated on {report.test.frauds} frauds: read every figure with its interval.",
        "Valid for data like that of its window; drift_report shows when the data has changed.",
        "Its threshold was chosen for these costs and this rule; other costs need another one.",
    ]
    if model.split_mode == "stratified":
        limits.append(
            "The split is random, not in time: on later transactions the model may do worse."
        )
    recall = report.metrics["test_fraud_recall"]
    return limits + [_weakness(part) for part in report.slices if _is_weak(part, recall)]


def _is_weak(part: SegmentFigures, recall: float) -> bool:
    """Tell whether the recall of a segment is below that of all rows beyond chance."""
    return part.frauds >= MIN_FRAUDS_OF_WEAK_SEGMENT and part.high < recall


def _weakness(part: SegmentFigures) -> str:
    return (
        f"Weak where {part.segment} is {part.part}: recall {part.fraud_recall:.2f} on "
        f"{part.frauds} frauds."
    )
