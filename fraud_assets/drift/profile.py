"""The reference profile: the champion's training data, in as many bytes whatever its size."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.config.limits import MIN_PROFILE_ROWS
from fraud_assets.config.settings import LABEL_LEAKS
from fraud_assets.drift.encoding import (
    Column,
    category_column,
    encode_rows,
    number_column,
    side_by_side,
    text_of,
)
from fraud_assets.features.availability import MICROSECONDS_PER_SECOND
from fraud_assets.intake.kinds import NAME
from fraud_assets.metrics import Floats
from fraud_assets.records.batches import Roles

SAMPLE_ROWS = 20_000
"""Rows of the bounded sample."""
MICROSECONDS_PER_HOUR = 3600 * MICROSECONDS_PER_SECOND
HOUR, DAYS_KNOWN = "hour_", "days_known_"
"""Columns of a sample beside the codes: hour of the day (-1: not known), days of history."""
NO_HOUR = -1


@dataclass(frozen=True)
class Watched:
    """The columns of a table that are watched.

    Attributes
    ----------
    numbers, texts : list of str
    kinds : dict of str to str
        Kind of each source column, to tell what changed its type.
    dates : bool
        Whether its timestamps are dates and times.
    """

    numbers: list[str]
    texts: list[str]
    kinds: dict[str, str]
    dates: bool


def watched_columns(features: Sequence[str], kinds: Mapping[str, str], roles: Roles) -> Watched:
    """Return the columns that are watched: without timestamps, identifiers and the label.

    Parameters
    ----------
    features : sequence of str
    kinds : mapping of str to str
        Kind of each source column.
    roles : Roles
    """
    named = {value for value in roles.model_dump().values() if isinstance(value, str)}
    left_out = named - {roles.amount} | {*LABEL_LEAKS}
    texts = [name for name, kind in kinds.items() if kind == NAME and name not in left_out]
    numbers = [name for name in features if name not in left_out]
    sources = {name: kind for name, kind in kinds.items() if name not in left_out}
    return Watched(numbers, texts, sources, roles.real_time)


@dataclass(frozen=True)
class Profile:
    """What drift is measured against.

    Attributes
    ----------
    rows, frauds : int
        Of the training data.
    columns : list of Column
    sample : DataFrame of shape (at most SAMPLE_ROWS, n_columns + 2)
        Codes, `hour_` and `days_known_`.
    kinds : dict of str to str
        Kind of each source column.
    scores : Column or None
        Distribution of the model's scores on rows that it was not fitted on.
    """

    rows: int
    frauds: int
    columns: list[Column]
    sample: pd.DataFrame
    kinds: dict[str, str]
    scores: Column | None = None

    def facts(self) -> dict[str, Any]:
        """Return all but the sample as a JSON-like dict."""
        return {
            "rows": self.rows,
            "frauds": self.frauds,
            "columns": [column.to_dict() for column in self.columns],
            "kinds": self.kinds,
            "scores": self.scores.to_dict() if self.scores else None,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], sample: pd.DataFrame) -> Self:
        """Return a profile from what `facts` gave and its sample."""
        columns = [Column.from_dict(column) for column in facts["columns"]]
        scores = Column.from_dict(facts["scores"]) if facts["scores"] else None
        rows, frauds, kinds = facts["rows"], facts["frauds"], facts["kinds"]
        return cls(rows, frauds, columns, sample, kinds, scores)


def make_profile(
    rows: pd.DataFrame,
    watched: Watched,
    warm_up_days: Mapping[str, float],
    scores: Floats | None = None,
    seed: int = 0,
) -> Profile:
    """Summarize the rows that a model was trained on.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        As from `training.window.load_rows`, texts included.
    watched : Watched
    warm_up_days : mapping of str to float
        Days of history that a feature needs. Rows with less do not count for it; one of too few
        settled rows is kept without counts, and is not judged.
    scores : ndarray of shape (n_scored,), optional
        The model's scores on rows that it was not fitted on: on those that it was, they lie
        further apart.
    seed : int
        Of the sample.

    Returns
    -------
    Profile
    """
    columns = side_by_side(lambda name: _number_column(rows, name, warm_up_days), watched.numbers)
    columns += [category_column(name, rows[text_of(name)]) for name in watched.texts]
    frauds = int(rows["fraud_"].sum())
    drawn = rows.iloc[chosen_rows(len(rows), SAMPLE_ROWS, seed)]
    sample = sample_of(drawn, encode_rows(drawn, columns, warm_up_days), watched.dates)
    of_scores = None if scores is None else number_column("score", scores)
    return Profile(len(rows), frauds, columns, sample, watched.kinds, of_scores)


def _number_column(rows: pd.DataFrame, name: str, warm_up_days: Mapping[str, float]) -> Column:
    values = rows[name].to_numpy(dtype=float)
    if name not in warm_up_days:
        return number_column(name, values)
    settled = values[rows[DAYS_KNOWN].to_numpy() >= warm_up_days[name]]
    column = number_column(name, settled)
    few = len(settled) < MIN_PROFILE_ROWS
    return replace(column, counts=[0] * len(column.counts)) if few else column


def chosen_rows(rows: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return the places of a seeded sample of rows, ascending; all of them when they are few."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def sample_of(rows: pd.DataFrame, codes: pd.DataFrame, dates: bool) -> pd.DataFrame:
    """Return the codes of rows, with their hour and their days of history."""
    hours = np.full(len(rows), NO_HOUR, dtype=np.int8)
    if dates:
        known = rows["known_us_"]
        of_day = (known.fillna(0) // MICROSECONDS_PER_HOUR % 24).to_numpy(dtype=np.int8)
        hours = np.where(known.isna(), NO_HOUR, of_day).astype(np.int8)
    days = rows[DAYS_KNOWN].fillna(np.inf).to_numpy(dtype=np.float32)
    return codes.reset_index(drop=True).assign(**{HOUR: hours, DAYS_KNOWN: days})


@dataclass(frozen=True)
class Summary:
    """A batch, as it is compared with a profile.

    Attributes
    ----------
    rows, frauds : int
    counts : dict of str to ndarray of shape (n_codes,)
        By column.
    sample : DataFrame
        As of a profile.
    """

    rows: int
    frauds: int
    counts: dict[str, NDArray[np.int64]]
    sample: pd.DataFrame


def summarize(
    pieces: Iterable[pd.DataFrame],
    rows: int,
    columns: Collection[Column],
    warm_up_days: Mapping[str, float],
    dates: bool,
    seed: int,
) -> Summary:
    """Summarize a batch against the columns of a profile, piece by piece.

    Parameters
    ----------
    pieces : iterable of DataFrame
        The rows, as `make_profile` takes them; a piece at a time is in memory.
    rows : int
        How many they are in all.
    columns : collection of Column
        Those of the profile that the batch has.
    warm_up_days : mapping of str to float
    dates : bool
        Whether timestamps are dates and times.
    seed : int
        Of the sample.

    Returns
    -------
    Summary
    """
    chosen, start, frauds = chosen_rows(rows, SAMPLE_ROWS, seed), 0, 0
    counts = {c.name: np.zeros(c.missing + 1, dtype=np.int64) for c in columns}
    samples = []
    for piece in pieces:
        encoded = encode_rows(piece, columns, warm_up_days)
        for column in columns:
            counts[column.name] += column.count(encoded[column.name].to_numpy())
        ends = np.searchsorted(chosen, [start, start + len(piece)])
        drawn = chosen[slice(*ends)] - start
        samples.append(sample_of(piece.iloc[drawn], encoded.iloc[drawn], dates))
        start, frauds = start + len(piece), frauds + int(piece["fraud_"].sum())
    return Summary(rows, frauds, counts, pd.concat(samples, ignore_index=True))


def settled_together(
    columns: Sequence[Column], warm_up_days: Mapping[str, float], *samples: pd.DataFrame
) -> float:
    """Return the longest history that most rows of every sample have, in days.

    Columns that need more are left out of what looks at several columns at once.

    Parameters
    ----------
    columns : sequence of Column
    warm_up_days : mapping of str to float
    *samples : DataFrame
    """
    needed = sorted({warm_up_days.get(column.name, 0.0) for column in columns}, reverse=True)
    most = (d for d in needed if all((s[DAYS_KNOWN] >= d).mean() >= 0.5 for s in samples))
    return next(most, 0.0)
