"""Checks on `evaluation_report`: the figures with limits, and the comparison with the champion.

None of them stops the run: a critical verdict raises an alert, and the registry refuses to
promote the model.
"""

import dagster as dg

from fraud_assets.check_results import verdict_result
from fraud_assets.evaluation.assets import evaluation_report
from fraud_assets.evaluation.report import comparison_sentence
from fraud_assets.evaluation.verdicts import JUDGED_FIGURES, JudgedFigure
from fraud_assets.intake.partitions import batches
from fraud_assets.metadata import shown
from fraud_assets.records.evaluation import Comparison, EvaluationReport
from fraud_assets.text import inert


def limit_check(judged: JudgedFigure) -> dg.AssetChecksDefinition:
    """Return the asset check of a figure with limits.

    Parameters
    ----------
    judged : JudgedFigure
        The figure, its limits and its description.

    Returns
    -------
    AssetChecksDefinition

    See Also
    --------
    fraud_assets.check_results.verdict_result : the result of the check.
    """

    @dg.asset_check(
        asset=evaluation_report,
        name=judged.check,
        description=judged.description,
        partitions_def=batches,
    )
    def check(evaluation_report: EvaluationReport) -> dg.AssetCheckResult:
        return verdict_result(
            evaluation_report.verdicts[judged.check],
            judged.limits,
            judged.sentence(evaluation_report),
            judged.value(evaluation_report.metrics),
        )

    return check


limit_checks = [limit_check(judged) for judged in JUDGED_FIGURES]


@dg.asset_check(asset=evaluation_report, partitions_def=batches)
def beats_champion(evaluation_report: EvaluationReport) -> dg.AssetCheckResult:
    """The new model is at least as good as the champion, on the same rows."""
    comparison = evaluation_report.comparison
    return dg.AssetCheckResult(
        passed=comparison is None
        or (isinstance(comparison, Comparison) and comparison.difference >= 0),
        severity=dg.AssetCheckSeverity.WARN,
        description=inert(comparison_sentence(comparison, evaluation_report.champion)),
        metadata={
            "comparison": dg.MetadataValue.json(
                shown(comparison.model_dump(mode="json")) if comparison else {}
            )
        },
    )
