"""The Markdown report, for a fraud manager to read."""

from typing import Any

from fraud_assets.evaluation.figures import TABLE, interval_text, number
from fraud_assets.evaluation.verdicts import CHECK_OF_FIGURE, checks_at_fault, worst_verdict
from fraud_assets.records.evaluation import Comparison, EvaluationReport, NotComparable
from fraud_assets.text import escape_markdown


def comparison_sentence(comparison: Comparison | NotComparable | None, champion: str | None) -> str:
    """Describe in words how the model compares with the champion.

    Parameters
    ----------
    comparison : Comparison, NotComparable or None
        None: there is no champion to compare with.
    champion : str or None
        The version that was compared with.

    Returns
    -------
    str

    See Also
    --------
    money_sentence : the comparison in money.
    """
    if comparison is None:
        return "There is no champion yet to compare with."
    if isinstance(comparison, NotComparable):
        return f"Not comparable with champion version {champion}: {comparison.reason}."
    low, high = comparison.interval
    return (
        f"On the same {comparison.rows:,} test rows ({comparison.frauds} frauds), which "
        f"neither was trained or tuned on: average precision "
        f"{comparison.average_precision:.4f}, champion version {champion} "
        f"{comparison.champion_average_precision:.4f}; difference "
        f"{comparison.difference:+.4f} ({comparison.confidence:.0%} interval {low:+.4f} to "
        f"{high:+.4f}). {money_sentence(comparison)}"
    )


def money_sentence(comparison: Comparison) -> str:
    """Describe in words how much more money the model saves than the champion.

    Parameters
    ----------
    comparison : Comparison
        The comparison with the champion.

    Returns
    -------
    str

    See Also
    --------
    comparison_sentence : the comparison in average precision.
    """
    low, high = comparison.savings_interval
    saved = comparison.savings_difference
    return (
        f"Each at its own threshold, it saves {abs(saved):,.2f} {'more' if saved >= 0 else 'less'} "
        f"(interval of the difference {low:+,.2f} to {high:+,.2f})."
    )


def render(package: str, template: str, **values: Any) -> str:
    """Fill in a Markdown template that is part of a package.

    Names from the data go through the filter `md`, which escapes Markdown.

    Parameters
    ----------
    package, template : str
        Name of the package, and of the file in it.
    **values : Any
        By the name that the template uses.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    jinja2.UndefinedError
        When the template uses a name without a value.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = escape_markdown
    return environment.get_template(template).render(**values)


def to_markdown(report: EvaluationReport) -> str:
    """Return an evaluation report as Markdown.

    Parameters
    ----------
    report : EvaluationReport
        The figures of the model on its test rows.

    Returns
    -------
    str
        Markdown.

    See Also
    --------
    render : fills in the template.
    """
    costs = report.model.costs
    loss = costs.missed_fraud
    if loss is None and not report.model.has_amount:
        loss = costs.missed_fraud_without_amount
    return render(
        "fraud_assets.evaluation",
        "report.md.j2",
        report=report,
        verdict=worst_verdict(report),
        at_fault=checks_at_fault(report),
        rows=[
            (figure.name, figure.label, report.verdicts.get(CHECK_OF_FIGURE.get(figure.name, "")))
            for figure in TABLE
        ],
        number=number,
        interval=lambda name: interval_text(report, name),
        loss="its amount" if loss is None else loss,
        comparison=comparison_sentence(report.comparison, report.champion),
    )
