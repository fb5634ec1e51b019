"""The Markdown report, for a fraud manager to read."""

from typing import Any

from fraud_assets.config.limits import Verdict
from fraud_assets.text import escape_markdown

FIGURES = (
    ("test_fraud_recall", "fraud recall", "fraud_recall"),
    ("frauds_missed_count", "missed frauds", "frauds_missed"),
    ("test_fraud_precision", "fraud precision", None),
    ("test_fraud_f1", "fraud F1", None),
    ("false_alarm_rate", "false alarm rate", "false_alarm_rate"),
    ("test_average_precision", "average precision", None),
    ("test_roc_auc", "ROC AUC", None),
    ("frauds_detected_count", "caught frauds", None),
    ("false_alarms_count", "false alarms", None),
    ("net_savings", "net savings", None),
)
ORDER: tuple[Verdict, ...] = ("good", "watch", "critical")


def worst_verdict(report: dict[str, Any]) -> Verdict:
    """Return the worst of a report's verdicts."""
    worst: Verdict = max(report["verdicts"].values(), key=ORDER.index)
    return worst


def number(value: float) -> str:
    """Return counts without decimals, shares with four, money with two."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:,.2f}"


def interval_of(report: dict[str, Any], name: str) -> str:
    """Return the interval of a figure as text."""
    low, high = report["intervals"][name]
    if name.endswith("_count"):
        return f"{low:.1f} to {high:.1f}"
    return f"{low:,.2f} to {high:,.2f}" if name == "net_savings" else f"{low:.4f} to {high:.4f}"


def comparison_sentence(comparison: dict[str, Any] | None, champion: str | None) -> str:
    """Say in words how the model compares with the champion."""
    if comparison is None:
        return "There is no champion yet to compare with."
    if not comparison["comparable"]:
        return f"Not comparable with champion version {champion}: {comparison['reason']}."
    low, high = comparison["interval"]
    return (
        f"On the same {comparison['rows']:,} test rows ({comparison['frauds']} frauds), which "
        f"neither was trained or tuned on: average precision "
        f"{comparison['average_precision']:.4f}, champion version {champion} "
        f"{comparison['champion_average_precision']:.4f}; difference "
        f"{comparison['difference']:+.4f} ({comparison['confidence']:.0%} interval {low:+.4f} to "
        f"{high:+.4f}). {money_sentence(comparison)}"
    )


def money_sentence(comparison: dict[str, Any]) -> str:
    """Say in words how much more money the model saves than the champion."""
    low, high = comparison["savings_interval"]
    saved = comparison["savings_difference"]
    return (
        f"Each at its own threshold, it saves {abs(saved):,.2f} {'more' if saved >= 0 else 'less'} "
        f"(interval of the difference {low:+,.2f} to {high:+,.2f})."
    )


def render(package: str, template: str, **values: Any) -> str:
    """Fill in a Markdown template that lies in a package; a name without a value is an error.

    Whatever comes from outside goes through the filter `md`.
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


def to_markdown(report: dict[str, Any]) -> str:
    """Return an evaluation report as Markdown.

    Parameters
    ----------
    report : dict
        As the asset `evaluation_report` holds it.

    Returns
    -------
    str
    """
    costs = report["model"]["costs"]
    fixed = costs["missed_fraud"]
    if fixed is None and not report["model"]["has_amount"]:
        fixed = costs["missed_fraud_without_amount"]

    return render(
        "fraud_assets.evaluation",
        "report.md.j2",
        report=report,
        verdict=worst_verdict(report),
        rows=[
            (name, label, report["verdicts"].get(check, "") if check else "")
            for name, label, check in FIGURES
        ],
        number=number,
        interval=lambda name: interval_of(report, name),
        loss="its amount" if fixed is None else fixed,
        comparison=comparison_sentence(report["comparison"], report["champion"]),
    )
