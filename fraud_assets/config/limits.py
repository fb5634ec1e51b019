"""Limits of the asset checks, the alert rules and the promotion rule, each once."""

from typing import Literal

from fraud_assets.config.settings import Settings

SMALLEST_CATEGORY = 10
"""Rows below which a category is not named in reports and profiles: it counts as another."""


MIN_PROFILE_ROWS = 500
"""Rows with a full window below which a window feature is not watched for drift."""


Verdict = Literal["good", "watch", "critical"]


class Limits(Settings):
    """Two limits that part good from watch and watch from critical.

    Attributes
    ----------
    watch : float
        The value at which a figure stops being good.
    critical : float
        The value at which it becomes critical.
    higher_is_better : bool
        Whether large values are good.
    """

    watch: float
    critical: float
    higher_is_better: bool

    def verdict(self, value: float) -> Verdict:
        """Judge one value.

        Parameters
        ----------
        value : float
            The figure, in the unit of the limits.

        Returns
        -------
        {"good", "watch", "critical"}
            The watch limit itself is good for figures that should be high and watch for
            those that should be low; the critical limit itself is still watch.
        """
        if self.higher_is_better:
            if value >= self.watch:
                return "good"
            return "watch" if value >= self.critical else "critical"
        if value < self.watch:
            return "good"
        return "watch" if value <= self.critical else "critical"


FRAUD_RECALL = Limits(watch=0.80, critical=0.60, higher_is_better=True)


FRAUDS_MISSED_SHARE = Limits(watch=10 / 99, critical=25 / 99, higher_is_better=False)
"""Missed frauds per run of 99 test frauds; other sizes in proportion."""


FALSE_ALARM_RATE = Limits(watch=0.005, critical=0.02, higher_is_better=False)


DRIFT_SCORE = Limits(watch=0.1, critical=0.3, higher_is_better=False)


DRIFTED_FEATURES_SHARE = Limits(watch=0.1, critical=0.3, higher_is_better=False)


REJECTED_SHARE = Limits(watch=1e-12, critical=0.01, higher_is_better=False)
"""Rejected rows: any is worth a look, over 1% stops the batch."""


FRAUD_PREVALENCE_RANGE = (0.0001, 0.05)
"""Share of frauds that card data usually has; outside, look at the labels."""


MIN_FRAUDS = {"train": 10, "validation": 3, "test": 3}
"""Frauds without which a split can carry no model, no threshold or no verdict."""
