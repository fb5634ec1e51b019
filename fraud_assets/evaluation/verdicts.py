"""The figures that are judged by limits, each once: their limits, verdicts and asset checks."""

from collections.abc import Callable
from dataclasses import dataclass

from fraud_assets.config.limits import (
    FALSE_ALARM_RATE,
    FRAUD_RECALL,
    Limits,
    Verdict,
    worst,
)
from fraud_assets.config.settings import JudgedBy
from fraud_assets.records.evaluation import Evaluation, EvaluationReport, Interval, Metrics

MISSED = FRAUD_RECALL.complement


@dataclass(frozen=True)
class JudgedFigure:
    """A figure of the evaluation with limits.

    Attributes
    ----------
    check : str
        Name of its verdict and of its asset check.
    figure : str
        The metric next to which the report shows the verdict.
    limits : Limits
        Values from which the verdict is watch, and critical.
    value : callable of the metrics
        What the limits apply to.
    description : str
        Of the asset check, in the UI.
    sentence : callable of an Evaluation
        The result, for a person.

    See Also
    --------
    verdicts_of : judges every figure.
    """

    check: str
    figure: str
    limits: Limits
    value: Callable[[Metrics], float]
    description: str
    sentence: Callable[[Evaluation], str]


def _recall_sentence(evaluation: Evaluation) -> str:
    low, high = evaluation.intervals["test_fraud_recall"]
    by_interval = evaluation.recall_judged_by is JudgedBy.interval
    judged_by = "; judged by the interval's lower end" if by_interval else ""
    return (
        f"recall {evaluation.metrics['test_fraud_recall']:.3f} (95% interval {low:.3f} to "
        f"{high:.3f}) on {evaluation.test.frauds} test frauds{judged_by}"
    )


def _recall(metrics: Metrics) -> float:
    return metrics["test_fraud_recall"]


def _missed_sentence(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.metrics['frauds_missed_count']} of {evaluation.test.frauds} test frauds "
        f"missed, {(1 - _recall(evaluation.metrics)) * 100:.1f} of 100; judged by the limits of "
        "fraud recall"
    )


def _false_alarm_sentence(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.metrics['false_alarms_count']} false alarms, "
        f"{evaluation.metrics['false_alarm_rate']:.3%} of the genuine transactions"
    )


JUDGED_FIGURES = (
    JudgedFigure(
        "fraud_recall",
        "test_fraud_recall",
        FRAUD_RECALL,
        _recall,
        f"The share of frauds caught: good from {FRAUD_RECALL.watch:.2f}, critical under "
        f"{FRAUD_RECALL.critical:.2f}.",
        _recall_sentence,
    ),
    JudgedFigure(
        "frauds_missed",
        "frauds_missed_count",
        FRAUD_RECALL,
        _recall,
        f"Missed frauds, by the limits of recall: good up to {MISSED.watch * 100:.0f} of 100, "
        f"critical over {MISSED.critical * 100:.0f}.",
        _missed_sentence,
    ),
    JudgedFigure(
        "false_alarm_rate",
        "false_alarm_rate",
        FALSE_ALARM_RATE,
        lambda metrics: metrics["false_alarm_rate"],
        "The share of genuine transactions that raise an alert: good under "
        f"{FALSE_ALARM_RATE.watch * 100:g}%, critical over {FALSE_ALARM_RATE.critical * 100:g}%.",
        _false_alarm_sentence,
    ),
)
"""Every verdict of the evaluation report; a new one, with its asset check, is an entry here."""
CHECK_OF_FIGURE = {judged.figure: judged.check for judged in JUDGED_FIGURES}


def verdicts_of(
    metrics: Metrics, intervals: dict[str, Interval], recall_judged_by: JudgedBy
) -> dict[str, Verdict]:
    """Judge every figure that has limits.

    Parameters
    ----------
    metrics : dict of str to int or float
        As from `figures.metrics_of`.
    intervals : dict of str to (float, float)
        As from `figures.intervals_of`.
    recall_judged_by : JudgedBy
        The recall itself, or the lower end of its interval.

    Returns
    -------
    dict of str to {"good", "watch", "critical"}
        By check.

    See Also
    --------
    worst_verdict : the worst of them.
    """
    by_interval = recall_judged_by is JudgedBy.interval
    low = intervals["test_fraud_recall"][0]
    return {
        judged.check: judged.limits.verdict(
            low if by_interval and judged.limits is FRAUD_RECALL else judged.value(metrics)
        )
        for judged in JUDGED_FIGURES
    }


def worst_verdict(report: EvaluationReport) -> Verdict:
    """Return the worst verdict on a model and its batch, drift included.

    Parameters
    ----------
    report : EvaluationReport
        With the verdict of each check that has limits.

    Returns
    -------
    {"good", "watch", "critical"}

    See Also
    --------
    verdicts_of : the verdicts on the figures, by check.
    """
    return worst([*report.verdicts.values(), *report.batch_verdicts.values()])


def checks_at_fault(report: EvaluationReport) -> list[str]:
    """Return the checks that give the worst verdict.

    Parameters
    ----------
    report : EvaluationReport
        With the verdict of each check that has limits.

    Returns
    -------
    list of str
        Names of the checks; empty when every verdict is good.

    See Also
    --------
    worst_verdict : their verdict.
    """
    verdict = worst_verdict(report)
    verdicts = report.verdicts | report.batch_verdicts
    return [] if verdict == "good" else [name for name, v in verdicts.items() if v == verdict]
