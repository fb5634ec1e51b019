"""Limits of the asset checks, the alert rules and the promotion rule, each in one place."""

from collections.abc import Iterable
from typing import Literal

from fraud_assets.config.settings import Settings

SMALLEST_CATEGORY = 10
"""Categories with fewer rows are counted as "other" in reports and profiles."""


MIN_PROFILE_ROWS = 500
"""A window feature with fewer rows with a full window is not monitored for drift."""


Verdict = Literal["good", "watch", "critical"]
BEST_TO_WORST: tuple[Verdict, ...] = ("good", "watch", "critical")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts.

    Parameters
    ----------
    verdicts : iterable of {"good", "watch", "critical"}
        In any order.

    Returns
    -------
    {"good", "watch", "critical"}
        Good when there are none.

    See Also
    --------
    Limits.verdict : the verdict on one value.

    Examples
    --------
    >>> worst(["good", "critical", "watch"]), worst([])
    ('critical', 'good')
    """
    return max(verdicts, key=BEST_TO_WORST.index, default="good")


class Limits(Settings):
    """The two limits between good and watch, and between watch and critical.

    Attributes
    ----------
    watch : float
        The value at which a metric stops being good.
    critical : float
        The value at which it becomes critical.
    higher_is_better : bool
        Whether large values are good.
    """

    watch: float
    critical: float
    higher_is_better: bool

    def verdict(self, value: float) -> Verdict:
        """Return the verdict on a value.

        Parameters
        ----------
        value : float
            In the unit of the limits.

        Returns
        -------
        {"good", "watch", "critical"}
            The watch limit itself is good for metrics that should be high, and watch for those
            that should be low; the critical limit itself is still watch.

        Examples
        --------
        >>> recall = Limits(watch=0.8, critical=0.6, higher_is_better=True)
        >>> recall.verdict(0.9), recall.verdict(0.6), recall.verdict(0.5)
        ('good', 'watch', 'critical')
        """
        if self.higher_is_better:
            if value >= self.watch:
                return "good"
            return "watch" if value >= self.critical else "critical"
        if value < self.watch:
            return "good"
        return "watch" if value <= self.critical else "critical"

    @property
    def complement(self) -> "Limits":
        """The same limits for one minus the value."""
        return Limits(
            watch=round(1 - self.watch, 12),
            critical=round(1 - self.critical, 12),
            higher_is_better=not self.higher_is_better,
        )


FRAUD_RECALL = Limits(watch=0.80, critical=0.60, higher_is_better=True)
"""Also judges the missed frauds: they are the same number, counted from the other end."""


FALSE_ALARM_RATE = Limits(watch=0.005, critical=0.02, higher_is_better=False)


DRIFT_SCORE = Limits(watch=0.1, critical=0.3, higher_is_better=False)


DRIFTED_FEATURES_SHARE = Limits(watch=0.1, critical=0.3, higher_is_better=False)


AMOUNT_FACTOR = Limits(watch=1.5, critical=2.0, higher_is_better=False)
"""By how many times the median amount differs from the reference, in either direction."""


PREVALENCE_FACTOR = Limits(watch=2.0, critical=5.0, higher_is_better=False)
"""By how many times the share of frauds differs from the reference, in either direction."""


VOLUME_FACTOR = Limits(watch=2.0, critical=5.0, higher_is_better=False)
"""By how many times the rows per day differ from the reference, in either direction."""


MISSING_INCREASE = Limits(watch=0.05, critical=0.2, higher_is_better=False)
"""By how much the share of missing values of a column has grown."""


REJECTED_SHARE = Limits(watch=1e-12, critical=0.01, higher_is_better=False)
"""Share of rejected rows: any is a warning; more than 1% stops the batch."""


FRAUD_PREVALENCE_RANGE = (0.0001, 0.05)
"""Usual share of frauds in card data; outside of it, the labels may be wrong."""


MIN_FRAUDS = {"train": 10, "validation": 3, "test": 3}
"""Fewest frauds per split for a model, a threshold and a verdict."""
