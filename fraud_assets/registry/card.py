"""The model card: what a registered version is, for whom, and where it ends."""

from typing import Any

from fraud_assets.evaluation.report import FIGURES, comparison_sentence, interval_of, number, render
from fraud_assets.records.models import TrainedModel
from fraud_assets.text import some

NAMES_SHOWN = 40


def model_card(
    model: TrainedModel,
    report: dict[str, Any],
    decision: dict[str, Any],
    period: tuple[str, str] | None,
) -> str:
    """Return the card of a version as Markdown.

    Parameters
    ----------
    model : TrainedModel
    report : dict
        As the asset `evaluation_report` holds it.
    decision : dict
        The entry of the log of decisions.
    period : pair of str or None
        First and last day of the window; None when the data has no dates.

    Returns
    -------
    str

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
        rows=FIGURES,
        number=number,
        some=lambda names: some(names, NAMES_SHOWN),
        interval=lambda name: interval_of(report, name),
        comparison=comparison_sentence(report["comparison"], report["champion"]),
        limits=known_limits(model, report),
    )


def known_limits(model: TrainedModel, report: dict[str, Any]) -> list[str]:
    """Return what a reader must not expect of the model, from its own figures."""
    limits = [
        f"Judged on {report['test']['frauds']} frauds: no figure is surer than its interval.",
        "Made for data like that of its window; drift_report says when that ends.",
        "Its threshold was chosen at these costs and this rule; other costs want another one.",
    ]
    if model.split_mode == "stratified":
        limits.append(
            "The split is random, not in time: on later transactions it may do worse than here."
        )
    limits += [
        f"Weak where {part['segment']} is {part['part']}: recall {part['fraud_recall']:.2f} on "
        f"{part['frauds']} frauds."
        for part in report["slices"]
        if part["frauds"] >= 10 and part["high"] < report["metrics"]["test_fraud_recall"]
    ]
    return limits
