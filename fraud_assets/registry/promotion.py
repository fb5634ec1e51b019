"""Decides whether a challenger takes charge. One plain function; it changes nothing."""

from dataclasses import asdict, dataclass
from typing import Any

from fraud_assets.config.limits import FRAUD_RECALL
from fraud_assets.records.drift import DriftReport, JudgedDrift
from fraud_assets.store.decision_lines import Outcome


@dataclass(frozen=True)
class Decision:
    """What is to become of a challenger.

    Attributes
    ----------
    outcome : {"promote", "shadow_only", "reject"}
    reason : str
        One sentence for a person.
    passed, failed : list of str
        Names of the checks.
    figures, thresholds : dict
        What the checks looked at.
    """

    outcome: Outcome
    reason: str
    passed: list[str]
    failed: list[str]
    figures: dict[str, Any]
    thresholds: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as a JSON-like dict."""
        return asdict(self)


def decide(
    evaluation: dict[str, Any],
    drift: DriftReport,
    current_champion: str | None,
    champion_is_newer: bool,
) -> Decision:
    """Decide on a challenger from the reports of its batch.

    Parameters
    ----------
    evaluation : dict
        As the asset `evaluation_report` holds it.
    drift : DriftReport
        Informs, never decides.
    current_champion : str or None
        The version in charge at this moment.
    champion_is_newer : bool
        Whether that version was trained for a batch that arrived after this one.

    Returns
    -------
    Decision
        Reject when recall is critical or the champion is better; promote when there is no
        champion, or the challenger is better by more than margin and chance and worse on no
        segment; otherwise shadow_only: the version stays the challenger.
    """
    compared_with = evaluation["champion"]
    itself = current_champion == evaluation["ids"]["model_version"]
    comparison = evaluation["comparison"] or {}
    low, high = comparison.get("interval", (0.0, 0.0))
    margin = comparison.get("margin", 0.0)
    first = compared_with is None
    comparable = first or bool(comparison.get("comparable"))
    checks = {
        "recall_not_critical": evaluation["verdicts"]["fraud_recall"] != "critical",
        "champion_unchanged": itself or current_champion == compared_with,
        "champion_not_newer": not champion_is_newer,
        "comparable_with_champion": comparable,
        "not_worse_than_champion": first or not comparable or high >= 0,
        "better_than_champion": first or (comparable and low > margin),
        "no_segment_worse": first or not comparable or not _worse_parts(comparison),
    }
    outcome, reason = _outcome(checks, evaluation, current_champion)
    return Decision(
        outcome,
        reason,
        [name for name, passed in checks.items() if passed],
        [name for name, passed in checks.items() if not passed],
        {
            "test_fraud_recall": evaluation["metrics"]["test_fraud_recall"],
            "frauds_missed_count": evaluation["metrics"]["frauds_missed_count"],
            "false_alarms_count": evaluation["metrics"]["false_alarms_count"],
            "test_average_precision": evaluation["metrics"]["test_average_precision"],
            "net_savings": evaluation["metrics"]["net_savings"],
            "difference_to_champion": comparison.get("difference"),
            "difference_interval": comparison.get("interval"),
            "champion_compared_with": compared_with,
            "drift_score": drift.drift_score if isinstance(drift, JudgedDrift) else None,
        },
        {"fraud_recall_critical": FRAUD_RECALL.critical, "difference_interval_low": margin},
    )


def _worse_parts(comparison: dict[str, Any]) -> list[str]:
    worse = [part for part in comparison.get("segments", []) if part["worse"]]
    return [f"{part['segment']}: {part['part']}" for part in worse]


def _outcome(
    checks: dict[str, bool], evaluation: dict[str, Any], current: str | None
) -> tuple[Outcome, str]:
    """Return the outcome of the first check that decides, and its reason."""
    comparison = evaluation["comparison"] or {}
    difference = comparison.get("difference", 0.0)
    champion = f"champion version {evaluation['champion']}"
    recall = evaluation["metrics"]["test_fraud_recall"]
    first = evaluation["champion"] is None
    margin = comparison.get("margin", 0.0)
    by_more = f" by more than {margin}" if margin else ""
    obstacles: dict[str, tuple[Outcome, str]] = {
        "recall_not_critical": (
            "reject",
            f"fraud recall {recall:.3f} is critical: under {FRAUD_RECALL.critical}; look at the "
            "report's score plot, and train with more frauds or another threshold rule",
        ),
        "not_worse_than_champion": (
            "reject",
            f"worse than {champion} by {-difference:.4f}, beyond chance",
        ),
        "champion_not_newer": (
            "shadow_only",
            f"champion version {current} was trained for a newer batch",
        ),
        "champion_unchanged": (
            "shadow_only",
            f"compared with {'no champion' if first else champion}, but version {current} is in "
            "charge by now; materialize the batch again from features on",
        ),
        "comparable_with_champion": (
            "shadow_only",
            f"not comparable with {champion}: {comparison.get('reason')}; put it in charge by "
            "hand if that is meant",
        ),
        "better_than_champion": (
            "shadow_only",
            f"no worse than {champion} within the interval (difference {difference:+.4f}), but "
            f"not better{by_more} beyond chance",
        ),
        "no_segment_worse": (
            "shadow_only",
            f"better than {champion} on the whole, but worse beyond chance on "
            f"{', '.join(_worse_parts(comparison))}",
        ),
    }
    for check, outcome in obstacles.items():
        if not checks[check]:
            return outcome
    if first:
        return "promote", "there is no champion yet, and recall is not critical"
    return "promote", f"better than {champion} by {difference:.4f}, beyond chance"
