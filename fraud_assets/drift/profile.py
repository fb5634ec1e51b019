"""The reference profile: a summary of the champion's training data, of bounded size."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.config.limits import MIN_PROFILE_ROWS
from fraud_assets.config.settings import LABEL_LEAKS
from fraud_assets.drift.encoding import (
    Column,
    category_column,
    encode_rows,
    map_in_threads,
    number_column,
    text_column,
)
from fraud_assets.features.availability import MICROSECONDS_PER_SECOND
from fraud_assets.intake.kinds import NAME
from fraud_assets.records.batches import Roles
from fraud_assets.records.drift import ProfileFacts

SAMPLE_ROWS = 20_000
"""Rows of the bounded sample."""
MICROSECONDS_PER_HOUR = 3600 * MICROSECONDS_PER_SECOND
HOUR, DAYS_KNOWN = "hour_", "days_known_"
"""Columns of a sample next to the codes: hour of the day (-1: not known), days of history."""
NO_HOUR = -1


@dataclass(frozen=True)
class Watched:
    """The columns of a table that are watched for drift.

    Attributes
    ----------
    numbers, texts : list of str
        Names of the numeric columns, and of the columns of text.
    kinds : dict of str to str
        Kind of each source column, to detect a changed type.
    dates : bool
        Whether the timestamps are dates and times.

    See Also
    --------
    watched_columns : chooses them.
    """

    numbers: list[str]
    texts: list[str]
    kinds: dict[str, str]
    dates: bool


def watched_columns(features: Sequence[str], kinds: Mapping[str, str], roles: Roles) -> Watched:
    """Return the columns that are watched: all but timestamps, identifiers and the label.

    Parameters
    ----------
    features : sequence of str
        Columns of the batch's features.
    kinds : mapping of str to str
        Kind of each source column.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Returns
    -------
    Watched

    See Also
    --------
    make_profile : summarizes the columns.
    """
    named = {value for value in roles.model_dump().values() if isinstance(value, str)}
    left_out = named - {roles.amount} | {*LABEL_LEAKS}
    texts = [name for name, kind in kinds.items() if kind == NAME and name not in left_out]
    numbers = [name for name in features if name not in left_out]
    sources = {name: kind for name, kind in kinds.items() if name not in left_out}
    return Watched(numbers, texts, sources, roles.real_time)


@dataclass(frozen=True)
class Profile:
    """The reference that drift is measured against.

    Attributes
    ----------
    rows, frauds : int
        Of the training data.
    columns : list of Column
        Cuts or categories of each column, and its counts.
    sample : DataFrame of shape (at most SAMPLE_ROWS, n_columns + 2)
        Codes, `hour_` and `days_known_`.
    kinds : dict of str to str
        Kind of each source column.
    scores : Column or None
        Distribution of the model's scores on rows that it was not fitted on.
    rows_per_day : float or None
        Of the window's batches; None without dates.

    See Also
    --------
    make_profile : makes it from training data.
    """

    rows: int
    frauds: int
    columns: list[Column]
    sample: pd.DataFrame
    kinds: dict[str, str]
    scores: Column | None = None
    rows_per_day: float | None = None

    def facts(self) -> ProfileFacts:
        """Return the profile without its sample, to be stored.

        Returns
        -------
        ProfileFacts

        See Also
        --------
        from_facts : restores the profile.
        """
        return ProfileFacts(
            rows=self.rows,
            frauds=self.frauds,
            columns=[*self.columns],
            kinds=self.kinds,
            scores=self.scores,
            rows_per_day=self.rows_per_day,
        )

    @classmethod
    def from_facts(cls, facts: ProfileFacts, sample: pd.DataFrame) -> Self:
        """Restore a profile from its stored facts and its sample.

        Parameters
        ----------
        facts : ProfileFacts
            As from `facts`.
        sample : DataFrame of shape (n_rows, n_columns)
            Codes, `hour_` and `days_known_`.

        Returns
        -------
        Profile

        See Also
        --------
        facts : what is stored.
        """
        columns = [Column(**dict(column)) for column in facts.columns]
        scores = Column(**dict(facts.scores)) if facts.scores else None
        return cls(
            facts.rows, facts.frauds, columns, sample, facts.kinds, scores, facts.rows_per_day
        )


def make_profile(
    rows: pd.DataFrame,
    watched: Watched,
    warm_up_days: Mapping[str, float],
    scores: ArrayLike | None = None,
    rows_per_day: float | None = None,
    seed: int = 0,
) -> Profile:
    """Summarize the rows that a model was trained on.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        As from `training.window.load_rows`, texts included.
    watched : Watched
        The columns to compare.
    warm_up_days : mapping of str to float
        Days of history that a feature needs. Rows with less do not count for it; a feature of
        which too few rows count is kept without counts, and is not judged.
    scores : array-like of shape (n_scored,), optional
        The model's scores on rows that it was not fitted on: those on its training rows are more
        extreme.
    rows_per_day : float, optional
        As from `plausibility.rows_per_day`.
    seed : int
        Of the sample.

    Returns
    -------
    Profile

    See Also
    --------
    summarize : summarizes a batch in the same way.
    """
    columns = map_in_threads(lambda name: _number_column(rows, name, warm_up_days), watched.numbers)
    columns += [category_column(name, rows[text_column(name)]) for name in watched.texts]
    frauds = int(rows["fraud_"].sum())
    drawn = rows.iloc[chosen_rows(len(rows), SAMPLE_ROWS, seed)]
    sample = sample_of(drawn, encode_rows(drawn, columns, warm_up_days), watched.dates)
    score_column = (
        None if scores is None else number_column("score", as_array("scores", scores, "value"))
    )
    return Profile(len(rows), frauds, columns, sample, watched.kinds, score_column, rows_per_day)


def _number_column(rows: pd.DataFrame, name: str, warm_up_days: Mapping[str, float]) -> Column:
    values = rows[name].to_numpy(dtype=float)
    if name not in warm_up_days:
        return number_column(name, values)
    complete = values[rows[DAYS_KNOWN].to_numpy() >= warm_up_days[name]]
    column = number_column(name, complete)
    if len(complete) >= MIN_PROFILE_ROWS:
        return column
    return column.model_copy(update={"counts": [0] * len(column.counts)})


def chosen_rows(rows: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of a seeded sample of rows, ascending; all when they are few enough.

    Parameters
    ----------
    rows : int
        How many there are.
    most : int
        Size of the sample.
    seed : int
        Seed of the random numbers; the same seed gives the same result.

    Returns
    -------
    ndarray of shape (min(rows, most),)

    See Also
    --------
    sample_of : the sampled rows as codes.

    Examples
    --------
    >>> chosen_rows(3, most=10, seed=0).tolist()
    [0, 1, 2]
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def sample_of(rows: pd.DataFrame, codes: pd.DataFrame, dates: bool) -> pd.DataFrame:
    """Return the codes of rows, with their hour and their days of history.

    Parameters
    ----------
    rows, codes : DataFrame of shape (n_rows, n_columns)
        The same rows, plain and encoded.
    dates : bool
        Whether the timestamps are dates and times.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns + 2)

    See Also
    --------
    chosen_rows : chooses the rows.
    """
    hours = np.full(len(rows), NO_HOUR, dtype=np.int8)
    if dates:
        known = rows["known_us_"]
        hour_of_day = (known.fillna(0) // MICROSECONDS_PER_HOUR % 24).to_numpy(dtype=np.int8)
        hours = np.where(known.isna(), NO_HOUR, hour_of_day).astype(np.int8)
    days = rows[DAYS_KNOWN].fillna(np.inf).to_numpy(dtype=np.float32)
    return codes.reset_index(drop=True).assign(**{HOUR: hours, DAYS_KNOWN: days})


@dataclass(frozen=True)
class Summary:
    """A batch, summarized to be compared with a profile.

    Attributes
    ----------
    rows, frauds : int
        Of the batch.
    counts : dict of str to ndarray of shape (n_codes,)
        Rows by code, by column.
    sample : DataFrame of shape (at most SAMPLE_ROWS, n_columns + 2)
        As of a profile.

    See Also
    --------
    summarize : computes it.
    """

    rows: int
    frauds: int
    counts: dict[str, NDArray[np.int64]]
    sample: pd.DataFrame


def summarize(
    chunks: Iterable[pd.DataFrame],
    rows: int,
    columns: Collection[Column],
    warm_up_days: Mapping[str, float],
    dates: bool,
    seed: int,
) -> Summary:
    """Summarize a batch by the columns of a profile, chunk by chunk.

    Parameters
    ----------
    chunks : iterable of DataFrame
        The rows, with the columns that `make_profile` needs; one chunk at a time is in memory.
    rows : int
        Number of rows in all chunks.
    columns : collection of Column
        Those of the profile that the batch has.
    warm_up_days : mapping of str to float
        Days of history that a feature needs, by feature.
    dates : bool
        Whether the timestamps are dates and times.
    seed : int
        Of the sample.

    Returns
    -------
    Summary

    See Also
    --------
    make_profile : summarizes the reference in the same way.
    """
    chosen, start, frauds = chosen_rows(rows, SAMPLE_ROWS, seed), 0, 0
    counts = {c.name: np.zeros(c.missing + 1, dtype=np.int64) for c in columns}
    samples = []
    for chunk in chunks:
        encoded = encode_rows(chunk, columns, warm_up_days)
        for column in columns:
            counts[column.name] += column.count(encoded[column.name].to_numpy())
        ends = np.searchsorted(chosen, [start, start + len(chunk)])
        drawn = chosen[slice(*ends)] - start
        samples.append(sample_of(chunk.iloc[drawn], encoded.iloc[drawn], dates))
        start, frauds = start + len(chunk), frauds + int(chunk["fraud_"].sum())
    return Summary(rows, frauds, counts, pd.concat(samples, ignore_index=True))


def shared_history_days(
    columns: Sequence[Column], warm_up_days: Mapping[str, float], *samples: pd.DataFrame
) -> float:
    """Return the longest history that most rows of every sample have, in days.

    Columns that need more are left out of the tests of several columns at once.

    Parameters
    ----------
    columns : sequence of Column
        Columns of the reference profile, with their cuts or categories.
    warm_up_days : mapping of str to float
        Days of history that a feature needs, by feature.
    *samples : DataFrame of shape (n_rows, n_columns)
        With `days_known_`.

    Returns
    -------
    float
    """
    needed = sorted({warm_up_days.get(column.name, 0.0) for column in columns}, reverse=True)
    most = (d for d in needed if all((s[DAYS_KNOWN] >= d).mean() >= 0.5 for s in samples))
    return next(most, 0.0)
