"""Results of asset checks on figures with limits."""

import dagster as dg

from fraud_assets.config.limits import Limits, Verdict
from fraud_assets.metadata import shown
from fraud_assets.text import inert

SEVERITY: dict[Verdict, dg.AssetCheckSeverity] = {
    "good": dg.AssetCheckSeverity.WARN,
    "watch": dg.AssetCheckSeverity.WARN,
    "critical": dg.AssetCheckSeverity.ERROR,
}
"""Severity of a check by its verdict; good passes."""


def verdict_result(
    verdict: Verdict, limits: Limits, description: str, value: float
) -> dg.AssetCheckResult:
    """Return the result of a check: good passes, watch warns, critical is an error.

    Parameters
    ----------
    verdict : {"good", "watch", "critical"}
        As from `limits.verdict`.
    limits : Limits
        Values from which the verdict is watch, and critical.
    description : str
        The result, for a person.
    value : float
        In the unit of the limits.

    Returns
    -------
    AssetCheckResult

    See Also
    --------
    config.limits.Limits.verdict

    Examples
    --------
    >>> limits = Limits(watch=0.8, critical=0.6, higher_is_better=True)
    >>> result = verdict_result(limits.verdict(0.7), limits, "recall 0.70", 0.7)
    >>> result.passed, result.severity.value, result.description
    (False, 'WARN', 'watch: recall 0.70')
    """
    return dg.AssetCheckResult(
        passed=verdict == "good",
        severity=SEVERITY[verdict],
        description=inert(f"{verdict}: {description}"),
        metadata=shown(
            {
                "value": value,
                "verdict": verdict,
                "watch_limit": limits.watch,
                "critical_limit": limits.critical,
            }
        ),
    )
