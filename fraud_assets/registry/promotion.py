"""The promotion rule: decides about a challenger from its evaluation. Pure: it changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from fraud_assets.config.limits import FRAUD_RECALL
from fraud_assets.evaluation.figures import FIGURES
from fraud_assets.records.decisions import Decision, DecisionOutcome
from fraud_assets.records.evaluation import Comparison, EvaluationReport, NotComparable


@dataclass(frozen=True)
class Candidate:
    """A challenger, and the champion that it may replace.

    Attributes
    ----------
    evaluation : EvaluationReport
        The figures of the challenger on its test rows.
    champion : str or None
        The version that is the champion at this moment.
    champion_is_newer : bool
        Whether that version was trained for a batch that arrived after this one.

    See Also
    --------
    decide : decides about it.
    """

    evaluation: EvaluationReport
    champion: str | None
    champion_is_newer: bool

    @property
    def is_first(self) -> bool:
        """Whether there was no champion to compare with."""
        return self.evaluation.champion is None

    @property
    def is_champion(self) -> bool:
        """Whether it is the champion already."""
        return self.champion == self.evaluation.ids.model_version

    @property
    def comparison(self) -> Comparison | None:
        """The comparison with the champion, where one was possible."""
        comparison = self.evaluation.comparison
        return comparison if isinstance(comparison, Comparison) else None

    @property
    def difference(self) -> float:
        """Average precision less that of the champion; 0 where they are not compared."""
        return self.comparison.difference if self.comparison else 0.0

    @property
    def margin(self) -> float:
        """By how much more than 0 the difference has to be."""
        return self.comparison.margin if self.comparison else 0.0

    @property
    def worse_segments(self) -> list[str]:
        """The parts of the test rows on which it is worse beyond chance."""
        return self.comparison.worse_segments if self.comparison else []

    @property
    def compared_with(self) -> str:
        """The champion that it was compared with, in words."""
        return "no champion" if self.is_first else f"champion version {self.evaluation.champion}"


@dataclass(frozen=True)
class PromotionCheck:
    """What a challenger has to pass to be promoted.

    Attributes
    ----------
    name : str
        As in the decision log.
    precedence : int
        Of the checks that fail, the one with the lowest precedence decides.
    passes : callable of a Candidate
        Whether the challenger passes.
    outcome : {"shadow_only", "reject"}
        When it fails.
    reason : callable of a Candidate
        One sentence for a person, when it fails.

    See Also
    --------
    decide : applies all checks.
    """

    name: str
    precedence: int
    passes: Callable[[Candidate], bool]
    outcome: DecisionOutcome
    reason: Callable[[Candidate], str]


def _recall_is_critical(candidate: Candidate) -> str:
    recall = candidate.evaluation.metrics["test_fraud_recall"]
    return (
        f"fraud recall {recall:.3f} is critical: under {FRAUD_RECALL.critical}; look at the "
        "report's score plot, and train with more frauds or another threshold rule"
    )


def _not_comparable(candidate: Candidate) -> str:
    comparison = candidate.evaluation.comparison
    why = comparison.reason if isinstance(comparison, NotComparable) else "it was not compared"
    return (
        f"not comparable with {candidate.compared_with}: {why}; make it the champion by hand if "
        "that is intended"
    )


def _is_better(candidate: Candidate) -> bool:
    comparison = candidate.comparison
    if comparison is None:
        return candidate.is_first
    return comparison.interval[0] > comparison.margin


def _not_better(candidate: Candidate) -> str:
    by_more = f" by more than {candidate.margin}" if candidate.margin else ""
    return (
        f"no worse than {candidate.compared_with} within the interval (difference "
        f"{candidate.difference:+.4f}), but not better{by_more} beyond chance"
    )


PROMOTION_CHECKS = (
    PromotionCheck(
        "recall_not_critical",
        0,
        lambda c: c.evaluation.verdicts["fraud_recall"] != "critical",
        "reject",
        _recall_is_critical,
    ),
    PromotionCheck(
        "champion_unchanged",
        3,
        lambda c: c.is_champion or c.champion == c.evaluation.champion,
        "shadow_only",
        lambda c: (
            f"compared with {c.compared_with}, but version {c.champion} is the champion by now; "
            "materialize the batch again from features on"
        ),
    ),
    PromotionCheck(
        "champion_not_newer",
        2,
        lambda c: not c.champion_is_newer,
        "shadow_only",
        lambda c: f"champion version {c.champion} was trained for a newer batch",
    ),
    PromotionCheck(
        "comparable_with_champion",
        4,
        lambda c: c.is_first or c.comparison is not None,
        "shadow_only",
        _not_comparable,
    ),
    PromotionCheck(
        "not_worse_than_champion",
        1,
        lambda c: c.comparison is None or c.comparison.interval[1] >= 0,
        "reject",
        lambda c: f"worse than {c.compared_with} by {-c.difference:.4f}, beyond chance",
    ),
    PromotionCheck("better_than_champion", 5, _is_better, "shadow_only", _not_better),
    PromotionCheck(
        "no_segment_worse",
        6,
        lambda c: not c.worse_segments,
        "shadow_only",
        lambda c: (
            f"better than {c.compared_with} on the whole, but worse beyond chance on "
            f"{', '.join(c.worse_segments)}"
        ),
    ),
)
"""All of them have to pass; a new one is an entry here."""


def decide(
    evaluation: EvaluationReport,
    drift_score: float | None,
    champion: str | None,
    champion_is_newer: bool,
) -> Decision:
    """Decide about a challenger from its evaluation.

    Parameters
    ----------
    evaluation : EvaluationReport
        The figures of the challenger on its test rows.
    drift_score : float or None
        Of the batch, between 0 and 1; recorded, and never decides. None: not measured.
    champion : str or None
        The version that is the champion at this moment.
    champion_is_newer : bool
        Whether that version was trained for a batch that arrived after this one.

    Returns
    -------
    Decision
        Reject when recall is critical or the champion is better; promote when there is no
        champion, or the challenger is better by more than margin and chance and worse on no
        segment; otherwise shadow_only: the version stays the challenger.

    See Also
    --------
    fraud_assets.registry.manual_promotion.promote_manually : overrides the rule.
    """
    candidate = Candidate(evaluation, champion, champion_is_newer)
    failed = [check for check in PROMOTION_CHECKS if not check.passes(candidate)]
    decisive = min(failed, key=lambda check: check.precedence, default=None)
    comparison = candidate.comparison
    return Decision(
        outcome=decisive.outcome if decisive else "promote",
        reason=decisive.reason(candidate) if decisive else _why_promoted(candidate),
        passed=[check.name for check in PROMOTION_CHECKS if check not in failed],
        failed=[check.name for check in failed],
        figures={
            **{f.name: evaluation.metrics[f.name] for f in FIGURES if f.in_decision},
            "difference_to_champion": comparison.difference if comparison else None,
            "difference_interval": list(comparison.interval) if comparison else None,
            "champion_compared_with": evaluation.champion,
            "drift_score": drift_score,
        },
        thresholds={
            "fraud_recall_critical": FRAUD_RECALL.critical,
            "difference_interval_low": candidate.margin,
        },
    )


def _why_promoted(candidate: Candidate) -> str:
    if candidate.is_first:
        return "there is no champion yet, and recall is not critical"
    return f"better than {candidate.compared_with} by {candidate.difference:.4f}, beyond chance"
