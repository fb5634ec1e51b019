"""What the analysts review: cards with alerts up to the capacity, and a random sample."""

import numpy as np
import pandas as pd

from fraud_assets.config.settings import ScoringSettings
from fraud_assets.metrics import ratio
from fraud_assets.scoring.score import ALERT

BY_ALERT, BY_CHANCE = "alert", "sample"


def make_worklist(scored: pd.DataFrame, settings: ScoringSettings) -> pd.DataFrame:
    """Return the entries that are to be reviewed, day by day.

    Parameters
    ----------
    scored : DataFrame of shape (n_rows, n_columns)
        As from `score.score_batch`.
    settings : ScoringSettings

    Returns
    -------
    DataFrame of shape (n_entries, 10)
        `day`, `place` in the day's list, `kind` (alert, or sample: drawn from the transactions
        that nobody would review otherwise, because they lie below the threshold, beyond the
        capacity, or are suppressed), `card`, `score` (the highest), `transactions` (how many),
        `amount` (their sum), `source_lines`, `reasons`, and `stands_for`: how many transactions
        one drawn stands for, 1 for an alert.
    """
    days = scored["day"].fillna(pd.Timestamp(0)) if len(scored) else scored["day"]
    generator = np.random.default_rng(settings.seed)
    parts = []
    for day in sorted(days.unique()):
        rows = scored[days == day]
        listed = _cards(rows[rows["decision"] == ALERT]).head(settings.alerts_per_day)
        reviewed = {line for lines in listed["source_lines"] for line in lines}
        drawn = _draw(rows[~rows["source_line"].isin(reviewed)], settings, generator)
        part = pd.concat([listed, drawn]) if len(drawn) else listed
        part.insert(0, "place", np.arange(1, len(part) + 1))
        part.insert(0, "day", rows["day"].iloc[0])
        parts.append(part)
    worklist = pd.concat(parts, ignore_index=True) if parts else _cards(scored)
    worklist["source_lines"] = [" ".join(map(str, lines)) for lines in worklist["source_lines"]]
    return worklist


def _cards(alerts: pd.DataFrame) -> pd.DataFrame:
    """Return one entry for each card, highest score first; rows without a card stand alone."""
    alone = "line " + alerts["source_line"].astype(str)
    grouped = alerts.groupby(alerts["card"].fillna(alone), sort=False)
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


def outcome(scored: pd.DataFrame) -> dict[str, float]:
    """Return what came of the frauds of a batch, by its labels.

    Returns
    -------
    dict of str to float
        `alerts_count`, `suppressed_count`, `frauds_detected_count`, `frauds_missed_count` with
        the suppressed ones among them, `frauds_suppressed_count`, `false_alarms_count`,
        `fraud_detection_rate`.
    """
    fraud, alert = scored["label"] == 1, scored["decision"] == ALERT
    off = scored["suppressed_because"].notna()
    detected = int((fraud & alert).sum())
    return {
        "alerts_count": int(alert.sum()),
        "suppressed_count": int(off.sum()),
        "frauds_detected_count": detected,
        "frauds_missed_count": int(fraud.sum()) - detected,
        "frauds_suppressed_count": int((fraud & off).sum()),
        "false_alarms_count": int((~fraud & alert).sum()),
        "fraud_detection_rate": ratio(detected, int(fraud.sum())),
    }
