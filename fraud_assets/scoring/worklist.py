"""What the analysts review: cards with alerts up to the capacity, and a random sample."""

import numpy as np
import pandas as pd

from fraud_assets.arrays import as_array
from fraud_assets.config.settings import ScoringSettings
from fraud_assets.metrics import ratio
from fraud_assets.records.scoring import AlertOutcomes
from fraud_assets.scoring.score import ALERT

BY_ALERT, BY_CHANCE = "alert", "sample"


def make_worklist(scored: pd.DataFrame, settings: ScoringSettings) -> pd.DataFrame:
    """Return the entries to review, day by day.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        As from `score.rank_rows`.
    settings : ScoringSettings
        Review capacity and sample size per day, and the seed of the sample.

    Returns
    -------
    DataFrame of shape (n_entries, 10)
        `day`, `place` in the day's list, `kind` (alert, or sample: drawn from the transactions
        that nobody would otherwise review, because they are below the threshold, beyond the
        capacity, or suppressed), `card`, `score` (the highest), `transactions` (their number),
        `amount` (their sum), `source_lines`, `reasons`, and `stands_for`: how many transactions a
        sampled one represents, 1 for an alert.

    See Also
    --------
    alert_outcomes : compares the alerts with the labels.

    Notes
    -----
    Weighted by `stands_for`, the sampled entries estimate the frauds that the alerts miss.

    Examples
    --------
    >>> import pandas as pd
    >>> scored = pd.DataFrame({"decision": ["alert", "alert", "pass"], "score": [0.9, 0.8, 0.1],
    ...     "source_line": [4, 2, 3], "card": ["a", "a", "b"], "amount": [10.0, 5.0, 1.0],
    ...     "day": pd.Timestamp("2026-06-01"), "reasons": ["amount (+2.80)", "hour (+1.10)", None]})
    >>> worklist = make_worklist(scored, ScoringSettings(sampled_per_day=0))
    >>> worklist[["card", "score", "transactions", "amount", "source_lines"]].values.tolist()
    [['a', 0.9, 2, 15.0, '4 2']]
    """
    # The index is ignored: rows of which two have the same one would be multiplied below.
    scored = scored.reset_index(drop=True)
    days = scored["day"].fillna(pd.Timestamp(0)) if len(scored) else scored["day"]
    generator = np.random.default_rng(settings.seed)
    lists = []
    for day in sorted(days.unique()):
        rows = scored[days == day]
        listed = _cards(rows[rows["decision"] == ALERT]).head(settings.alerts_per_day)
        reviewed = {line for lines in listed["source_lines"] for line in lines}
        drawn = _draw(rows[~rows["source_line"].isin(reviewed)], settings, generator)
        of_day = pd.concat([listed, drawn]) if len(drawn) else listed
        of_day.insert(0, "place", np.arange(1, len(of_day) + 1))
        of_day.insert(0, "day", rows["day"].iloc[0])
        lists.append(of_day)
    worklist = pd.concat(lists, ignore_index=True) if lists else _cards(scored)
    worklist["source_lines"] = [" ".join(map(str, lines)) for lines in worklist["source_lines"]]
    return worklist


def _cards(alerts: pd.DataFrame) -> pd.DataFrame:
    """Return one entry for each card, highest score first, and for each row without a card."""
    own_key = "line " + alerts["source_line"].astype(str)
    grouped = alerts.groupby(alerts["card"].fillna(own_key), sort=False)
    entries = grouped.agg(
        card=("card", "first"),
        score=("score", "max"),
        transactions=("source_line", "size"),
        amount=("amount", "sum"),
        source_lines=("source_line", list),
        reasons=("reasons", "first"),
    )
    entries = entries.reset_index(drop=True).sort_values("score", ascending=False, kind="stable")
    entries.insert(0, "kind", BY_ALERT)
    return entries.assign(stands_for=1.0)


def _draw(
    rows: pd.DataFrame, settings: ScoringSettings, generator: np.random.Generator
) -> pd.DataFrame:
    size = min(settings.sampled_per_day, len(rows))
    chosen = rows.iloc[np.sort(generator.choice(len(rows), size, replace=False))]
    return pd.DataFrame(
        {
            "kind": BY_CHANCE,
            "card": chosen["card"],
            "score": chosen["score"],
            "transactions": 1,
            "amount": chosen["amount"],
            "source_lines": [[line] for line in chosen["source_line"]],
            "reasons": "drawn at random",
            "stands_for": ratio(len(rows), size),
        }
    )


def alert_outcomes(scored: pd.DataFrame) -> AlertOutcomes:
    """Compare the alerts of a batch with its labels.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        As from `score.rank_rows`.

    Returns
    -------
    AlertOutcomes

    See Also
    --------
    make_worklist : the alerts to review.
    """
    fraud = as_array("label", scored["label"], "label") == 1
    alert = as_array("decision", scored["decision"], "text") == ALERT
    suppressed = scored["suppressed_because"].notna().to_numpy()
    detected = int((fraud & alert).sum())
    return AlertOutcomes(
        alerts_count=int(alert.sum()),
        suppressed_count=int(suppressed.sum()),
        frauds_detected_count=detected,
        frauds_missed_count=int(fraud.sum()) - detected,
        frauds_suppressed_count=int((fraud & suppressed).sum()),
        false_alarms_count=int((~fraud & alert).sum()),
        fraud_detection_rate=ratio(detected, int(fraud.sum())),
    )
