"""The promotion rule: decides about a challenger from its evaluation. Pure: it changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from fraud_assets.config.limits import (
    DRIFT_SCORE,
    FALSE_ALARM_RATE,
    FRAUD_RECALL,
    Verdict,
)
from fraud_assets.config.settings import Promotion
from fraud_assets.drift.plausibility import plausibility_sentence
from fraud_assets.evaluation.figures import FIGURES
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES
from fraud_assets.records.decisions import Decision, DecisionOutcome
from fraud_assets.records.drift import (
    DriftReport,
    HeldComparison,
    JudgedDrift,
    MeasuredDrift,
    verdicts_of_batch,
)
from fraud_assets.records.evaluation import Comparison, EvaluationReport, NotComparable
from fraud_assets.text import named


@dataclass(frozen=True)
class Candidate:
    """A challenger, and the champion that it may replace.

    Attributes
    ----------
    evaluation : EvaluationReport
        The figures of the challenger on its test rows.
    drift : DriftReport
        How its batch compares with the champion's training data, and with that of a held version.
    champion : str or None
        The version that is the champion at this moment.
    champion_is_newer : bool
        Whether that version was trained for a batch that arrived after this one.
    promotion : Promotion
        Whether a person has to approve it.
    is_declined : bool
        Whether a person has turned it down.

    See Also
    --------
    decide : decides about it.
    """

    evaluation: EvaluationReport
    drift: DriftReport
    champion: str | None
    champion_is_newer: bool
    promotion: Promotion = Promotion.automatic
    is_declined: bool = False

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
    def critical_figures(self) -> list[str]:
        """The figures of the evaluation whose verdict is critical, in words."""
        return [
            f"{judged.check} is critical: {judged.sentence(self.evaluation)}"
            for judged in JUDGED_FIGURES
            if self.evaluation.verdicts.get(judged.check) == "critical"
        ]

    @property
    def batch_verdicts(self) -> dict[str, Verdict]:
        """The verdicts on the batch, by check; empty when it could not be compared."""
        return verdicts_of_batch(self.drift)

    @property
    def confirmed(self) -> HeldComparison | None:
        """The held version whose batch this one is like; None when there is none."""
        held = self.drift.to_held if isinstance(self.drift, MeasuredDrift) else None
        return held if held is not None and held.is_similar else None

    def batch_may_promote(self, *checks: str) -> bool:
        """Tell whether no verdict of these checks on the batch holds the promotion."""
        critical = any(self.batch_verdicts.get(check) == "critical" for check in checks)
        return not critical or self.is_champion or self.confirmed is not None

    @property
    def how_to_approve(self) -> str:
        """What a person does, in words."""
        version = self.evaluation.ids.model_version
        return f"decide with `fraud-assets approve {version}` or `fraud-assets reject {version}`"

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
    outcome : {"shadow_only", "reject", "held", "proposed"}
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


def _verdict_is_critical(candidate: Candidate) -> str:
    return (
        f"{'; '.join(candidate.critical_figures)}; look at the report's score plot, and train with "
        "more frauds or another threshold rule"
    )


def _drift_is_critical(candidate: Candidate) -> str:
    drift = candidate.drift
    score = f"drift score {drift.drift_score:.2f}" if isinstance(drift, JudgedDrift) else "drift"
    at_fault = [name for name in DRIFT_CHECKS if candidate.batch_verdicts.get(name) == "critical"]
    return (
        f"the batch differs critically from the training data of champion version "
        f"{drift.champion} ({score}; critical: {', '.join(at_fault)}); {_until(candidate)}"
    )


def _batch_is_implausible(candidate: Candidate) -> str:
    drift = candidate.drift
    plausibility = drift.plausibility if isinstance(drift, MeasuredDrift) else None
    figures = plausibility_sentence(plausibility) if plausibility else "not judged"
    return f"the batch is implausible: {figures}; {_until(candidate)}"


def _until(candidate: Candidate) -> str:
    return f"held until a later batch confirms it or a person decides: {candidate.how_to_approve}"


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


DRIFT_CHECKS = ("drift_score", "drifted_features")

PROMOTION_CHECKS = (
    PromotionCheck(
        "no_figure_critical",
        0,
        lambda c: not c.critical_figures,
        "reject",
        _verdict_is_critical,
    ),
    PromotionCheck(
        "not_declined",
        1,
        lambda c: not c.is_declined,
        "reject",
        lambda c: f"a person turned version {c.evaluation.ids.model_version} down",
    ),
    PromotionCheck(
        "champion_unchanged",
        4,
        lambda c: c.is_champion or c.champion == c.evaluation.champion,
        "shadow_only",
        lambda c: (
            f"compared with {c.compared_with}, but version {c.champion} is the champion by now; "
            "materialize the batch again from features on"
        ),
    ),
    PromotionCheck(
        "champion_not_newer",
        3,
        lambda c: not c.champion_is_newer,
        "shadow_only",
        lambda c: f"champion version {c.champion} was trained for a newer batch",
    ),
    PromotionCheck(
        "comparable_with_champion",
        5,
        lambda c: c.is_first or c.comparison is not None,
        "shadow_only",
        _not_comparable,
    ),
    PromotionCheck(
        "not_worse_than_champion",
        2,
        lambda c: c.comparison is None or c.comparison.interval[1] >= 0,
        "reject",
        lambda c: f"worse than {c.compared_with} by {-c.difference:.4f}, beyond chance",
    ),
    PromotionCheck("better_than_champion", 6, _is_better, "shadow_only", _not_better),
    PromotionCheck(
        "no_segment_worse",
        7,
        lambda c: not c.worse_segments,
        "shadow_only",
        lambda c: (
            f"better than {c.compared_with} on the whole, but worse beyond chance on "
            f"{', '.join(c.worse_segments)}"
        ),
    ),
    PromotionCheck(
        "batch_plausible",
        8,
        lambda c: c.batch_may_promote("batch_plausible"),
        "held",
        _batch_is_implausible,
    ),
    PromotionCheck(
        "drift_not_critical",
        9,
        lambda c: c.batch_may_promote(*DRIFT_CHECKS),
        "held",
        _drift_is_critical,
    ),
    PromotionCheck(
        "approval_not_needed",
        10,
        lambda c: c.is_champion or c.promotion is Promotion.automatic,
        "proposed",
        lambda c: f"{_why_promoted(c)}; {c.how_to_approve}",
    ),
)
"""All of them have to pass; a new one is an entry here."""


def decide(candidate: Candidate) -> Decision:
    """Decide about a challenger from its evaluation and the drift of its batch.

    Parameters
    ----------
    candidate : Candidate
        The challenger, its batch, and the champion that it may replace.

    Returns
    -------
    Decision
        Reject when a figure is critical, the champion is better, or a person turned it down;
        promote when there is no champion, or the challenger is better by more than margin and
        chance and worse on no segment; otherwise shadow_only: the version stays the challenger. In
        place of promote, held when the batch is implausible or its drift critical and it confirms
        no held version, and proposed when a person has to approve.

    See Also
    --------
    fraud_assets.registry.approval.approve : decides about a held or proposed version.
    fraud_assets.registry.manual_promotion.promote_manually : overrides the rule.
    """
    evaluation, comparison = candidate.evaluation, candidate.comparison
    failed = [check for check in PROMOTION_CHECKS if not check.passes(candidate)]
    decisive = min(failed, key=lambda check: check.precedence, default=None)
    drift, confirmed = candidate.drift, candidate.confirmed
    outcome = decisive.outcome if decisive else "promote"
    confirms = confirmed is not None and outcome in ("promote", "proposed")
    return Decision(
        outcome=outcome,
        reason=decisive.reason(candidate) if decisive else _why_promoted(candidate),
        passed=[check.name for check in PROMOTION_CHECKS if check not in failed],
        failed=[check.name for check in failed],
        figures={
            **{f.name: evaluation.metrics[f.name] for f in FIGURES if f.in_decision},
            "difference_to_champion": comparison.difference if comparison else None,
            "difference_interval": list(comparison.interval) if comparison else None,
            "champion_compared_with": evaluation.champion,
            "drift_score": drift.drift_score if isinstance(drift, JudgedDrift) else None,
            "verdicts": {**evaluation.verdicts, **candidate.batch_verdicts},
        },
        thresholds={
            "fraud_recall_critical": FRAUD_RECALL.critical,
            "false_alarm_rate_critical": FALSE_ALARM_RATE.critical,
            "drift_score_critical": DRIFT_SCORE.critical,
            "difference_interval_low": candidate.margin,
        },
        confirms=confirmed.version if confirmed and confirms else None,
    )


def _why_promoted(candidate: Candidate) -> str:
    if candidate.is_first:
        return "there is no champion yet, and no figure is critical"
    better = f"better than {candidate.compared_with} by {candidate.difference:.4f}, beyond chance"
    confirmed = candidate.confirmed
    if confirmed is None:
        return better
    return (
        f"{better}; the batch is like batch {named(confirmed.batch)} (drift score "
        f"{confirmed.drift_score:.2f}) and confirms version {confirmed.version}, which was held"
    )
