"""Measures the drift of a batch against a reference profile: every figure and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.config.limits import DRIFT_SCORE, MIN_PROFILE_ROWS
from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.classifier import classifier_inputs, giveaways, tell_apart
from fraud_assets.drift.correlations import changed_pairs, extremes, ranks
from fraud_assets.drift.encoding import Column
from fraud_assets.drift.performance import prevalence_change
from fraud_assets.drift.profile import (
    DAYS_KNOWN,
    Profile,
    Summary,
    Watched,
    chosen_rows,
    settled_together,
)
from fraud_assets.drift.segments import moved_segments, parts_of
from fraud_assets.drift.statistics import compare_column

NOT_ENOUGH_ROWS: Literal["not_enough_rows"] = "not_enough_rows"
CALENDAR = ("weekday", "is_weekend")
"""Features that tell which days a batch spans, and nothing of what people did on them."""
TESTS = 5
"""Looks for a change beyond chance: features, pairs, extremes, classifier, prevalence."""
SHOWN = 20


def common_columns(profile: Profile, watched: Watched) -> list[Column]:
    """Return the columns of a profile that can be compared with a batch.

    Parameters
    ----------
    profile : Profile
    watched : Watched
        The batch's columns.
    """
    there = {"number": set(watched.numbers), "category": set(watched.texts)}
    return [c for c in profile.columns if c.name in there[c.kind] and c.name not in CALENDAR]


def column_findings(profile: Profile, watched: Watched) -> dict[str, list[str]]:
    """Say which columns appeared, vanished, or changed their type.

    Returns
    -------
    dict
        `appeared`, `vanished` and `changed_type`, each a list of names.
    """
    before = {c.name: c.kind for c in profile.columns}
    now = dict.fromkeys(watched.numbers, "number") | dict.fromkeys(watched.texts, "category")
    of_source = profile.kinds.keys() & watched.kinds.keys()
    changed = {name for name in of_source if profile.kinds[name] != watched.kinds[name]}
    changed |= {name for name in before.keys() & now.keys() if before[name] != now[name]}
    return {
        "appeared": sorted(now.keys() - before.keys() - changed),
        "vanished": sorted(before.keys() - now.keys() - changed),
        "changed_type": sorted(changed),
    }


def measure_drift(
    profile: Profile,
    batch: Summary,
    columns: Sequence[Column],
    findings: Mapping[str, Sequence[str]],
    warm_up_days: Mapping[str, float],
    amount: str | None,
    settings: DriftSettings,
) -> dict[str, Any]:
    """Measure the drift of a batch against a reference profile.

    Parameters
    ----------
    profile : Profile
    batch : Summary
    columns : sequence of Column
        As from `common_columns`.
    findings : mapping
        As from `column_findings`.
    warm_up_days : mapping of str to float
    amount : str or None
        The column of amounts.
    settings : DriftSettings

    Returns
    -------
    dict
        `rows`, `reference_rows`, `columns` (the findings), `prevalence`, `verdict`. With enough
        rows also: `drift_score`, in [0, 1], from the classifier; `n_drifted_features`;
        `max_feature_drift`, the largest distance; `changed` and `p_value`: whether anything
        moved beyond chance, however little; `features`: by feature all of `statistics.Moved`
        and whether it `drifted`, most moved first; `pairs` that no longer move together as they
        did; `extremes`: how far out the rows lie; `giveaways`: what the classifier saw;
        `segments` that moved; `smallest_visible`; `not_judged`: features whose windows were not
        full, and the calendar's.

    Notes
    -----
    A feature has drifted when its distance is at least `min_distance` and its p-value, corrected
    over the features after Benjamini and Hochberg (1995), at most `significance`. A column that
    appeared, vanished or changed its type has moved by 1. `p_value` is the smallest of the five
    looks, times five, so that chance passes for a change in at most `significance` of all
    batches.
    """
    about: dict[str, Any] = {
        "rows": batch.rows,
        "reference_rows": profile.rows,
        "columns": dict(findings),
        "prevalence": prevalence_change(batch.frauds, batch.rows, profile.frauds, profile.rows),
    }
    judged = [c for c in columns if _is_judged(c, batch.counts[c.name], warm_up_days)]
    if batch.rows < settings.min_rows or not any(c.name not in warm_up_days for c in judged):
        return about | {"verdict": NOT_ENOUGH_ROWS, "min_rows": settings.min_rows}
    features, chance = _features(judged, batch, findings, settings)
    together = _Together(profile, batch, judged, warm_up_days, settings)
    pairs, of_pairs = together.pairs()
    apart = together.told_apart
    far_out = together.extremes()
    prevalence = about["prevalence"]["p_value"]
    chances = (chance, of_pairs, far_out["p_value"], apart.p_value, prevalence)
    p_value = min(1.0, TESTS * min(chances))
    changed = p_value <= settings.significance or apart.score >= DRIFT_SCORE.watch
    return about | {
        "drift_score": apart.score,
        "n_drifted_features": sum(feature["drifted"] for feature in features),
        "max_feature_drift": max((feature["distance"] for feature in features), default=0.0),
        "p_value": p_value,
        "changed": bool(changed),
        "verdict": DRIFT_SCORE.verdict(apart.score),
        "smallest_visible": {
            "drift_score": apart.smallest_visible,
            "distance": max((f["noise"] for f in features if f["noise"]), default=0.0),
        },
        "features": features,
        "pairs": pairs[:SHOWN],
        "extremes": far_out,
        "giveaways": together.giveaways() if changed else [],
        "segments": together.segments(amount)[:SHOWN],
        "not_judged": sorted({c.name for c in profile.columns} - {c.name for c in judged}
                             - set(findings["vanished"]) - set(findings["changed_type"])),
    }  # fmt: skip


def _is_judged(column: Column, counts: NDArray[np.int64], warm_up: Mapping[str, float]) -> bool:
    if column.name not in warm_up:
        return True
    return sum(column.counts) > 0 and int(counts.sum()) >= MIN_PROFILE_ROWS


def _features(
    judged: Sequence[Column],
    batch: Summary,
    findings: Mapping[str, Sequence[str]],
    settings: DriftSettings,
) -> tuple[list[dict[str, Any]], float]:
    """Return what became of each feature, most moved first, and the smallest p-value."""
    from scipy.stats import false_discovery_control

    moved = [compare_column(column, batch.counts[column.name]) for column in judged]
    corrected = false_discovery_control([m.p_value for m in moved])
    features: list[dict[str, Any]] = [
        {"feature": column.name, **asdict(m), "p_value": float(p), "finding": "",
         "drifted": bool(m.distance >= settings.min_distance and p <= settings.significance)}
        for column, m, p in zip(judged, moved, corrected, strict=True)
    ]  # fmt: skip
    smallest = min((feature["p_value"] for feature in features), default=1.0)
    for finding, names in findings.items():
        nothing = dict.fromkeys(("psi", "ks", "missing_change", "outside", "noise"))
        features += [
            {"feature": name, "distance": 1.0, **nothing, "p_value": 0.0,
             "finding": finding.replace("_", " "), "drifted": True}
            for name in names
        ]  # fmt: skip
    return sorted(features, key=lambda f: (-f["distance"], f["feature"])), smallest


class _Together:
    """The looks at several columns at once: on rows of both sides whose windows were full."""

    def __init__(
        self,
        profile: Profile,
        batch: Summary,
        judged: Sequence[Column],
        warm_up_days: Mapping[str, float],
        settings: DriftSettings,
    ) -> None:
        self._settings = settings
        days = settled_together(judged, warm_up_days, profile.sample, batch.sample)
        self._columns = [c for c in judged if warm_up_days.get(c.name, 0.0) <= days]
        self._reference = profile.sample[profile.sample[DAYS_KNOWN] >= days]
        self._batch = batch.sample[batch.sample[DAYS_KNOWN] >= days]
        seen = self._drawn(self._reference), self._drawn(self._batch)
        self._is_batch = np.repeat([0, 1], [len(side) for side in seen])
        self._seen = pd.concat(seen)
        self._inputs, self._names = classifier_inputs(self._seen, self._is_batch, self._columns)
        self.told_apart = tell_apart(self._inputs, self._is_batch, settings.folds, settings.seed)

    def _drawn(self, side: pd.DataFrame) -> pd.DataFrame:
        chosen = chosen_rows(len(side), self._settings.classifier_rows, self._settings.seed)
        return side.iloc[chosen]

    def pairs(self) -> tuple[list[dict[str, Any]], float]:
        names = [c.name for c in self._columns]
        before, now = ranks(self._reference, self._columns), ranks(self._batch, self._columns)
        return changed_pairs(names, before, now, self._settings.significance / TESTS)

    def extremes(self) -> dict[str, float]:
        numbers = [c for c in self._columns if c.kind == "number"]
        if not numbers:
            return {"before": 1.0, "after": 1.0, "p_value": 1.0}
        return extremes(ranks(self._reference, numbers), ranks(self._batch, numbers))

    def giveaways(self) -> list[dict[str, object]]:
        seed = self._settings.seed
        return giveaways(self.told_apart, self._inputs, self._is_batch, self._names, seed)

    def segments(self, amount: str | None) -> list[dict[str, Any]]:
        parts = parts_of(self._seen, self._columns, amount, self._settings.segments)
        found = self.told_apart.probabilities
        return moved_segments(parts, self._is_batch, found, self._settings.significance)
