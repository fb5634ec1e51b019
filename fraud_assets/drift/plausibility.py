"""Tells a batch that looks like a broken export, from what the drift measurement has counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

import numpy as np

from fraud_assets.config.limits import (
    AMOUNT_FACTOR,
    MISSING_INCREASE,
    PREVALENCE_FACTOR,
    VOLUME_FACTOR,
    Limits,
)
from fraud_assets.drift.encoding import Column, Counts
from fraud_assets.drift.profile import Profile, Summary
from fraud_assets.metrics import share_interval
from fraud_assets.records.drift import (
    ColumnFindings,
    Plausibility,
    PlausibilityFigure,
    PlausibilityName,
    PrevalenceChange,
)
from fraud_assets.text import inert, named

LARGEST_FACTOR = 1000.0
"""Larger changes are reported as this: a figure of 0 has no factor."""
LIMITS: dict[PlausibilityName, Limits] = {
    "amount_scale": AMOUNT_FACTOR,
    "fraud_prevalence": PREVALENCE_FACTOR,
    "volume": VOLUME_FACTOR,
    "missing_share": MISSING_INCREASE,
}
MICROSECONDS = timedelta(microseconds=1)
Span = tuple[int | None, int | None, int | None]


def rows_per_day(batches: Iterable[tuple[int, Span]]) -> float | None:
    """Return the rows per day of some batches.

    Parameters
    ----------
    batches : iterable of (int, tuple)
        Rows of each batch, and when its first and last row became known, in microseconds.

    Returns
    -------
    float or None
        None when no batch has dates. A batch that covers less than a day counts as one day.

    Examples
    --------
    >>> day = 24 * 3600 * 1_000_000
    >>> rows_per_day([(700, (0, 7 * day, None)), (100, (8 * day, 8 * day, None))])
    100.0
    """
    rows, days = 0, 0.0
    for rows_of_batch, (first, last, _) in batches:
        if first is not None and last is not None:
            rows += rows_of_batch
            days += max(1.0, (last - first) * MICROSECONDS / timedelta(days=1))
    return rows / days if days else None


def judge_plausibility(
    profile: Profile,
    batch: Summary,
    columns: Sequence[Column],
    findings: ColumnFindings,
    prevalence: PrevalenceChange,
    amount: str | None,
    volume: float | None,
) -> Plausibility:
    """Judge whether a batch is what such a file usually is.

    Parameters
    ----------
    profile : Profile
        Summary of the champion's training data.
    batch : Summary
        The batch, summarized by the columns of the profile.
    columns : sequence of Column
        As from `measure.common_columns`.
    findings : ColumnFindings
        A column of the file that vanished counts as missing in every row.
    prevalence : PrevalenceChange
        As from `performance.prevalence_change`.
    amount : str or None
        The column of amounts.
    volume : float or None
        Rows per day of the batch, as from `rows_per_day`.

    Returns
    -------
    Plausibility
        Without figures that the reference or the batch does not have.

    See Also
    --------
    plausibility_sentence : the result in words.
    fraud_assets.drift.measure.measure_drift : the drift of the batch.

    Notes
    -----
    A figure is judged at the end of its 95% interval that is nearest to no change, so that a small
    batch is not implausible by chance: the interval of the median by order statistics, that of the
    prevalence as in `performance.prevalence_change`, that of a missing share after Wilson. A median
    amount outside of the reference's whole range is implausible whatever the factor.
    """
    by_name = {column.name: column for column in columns}
    figures = (
        _amount(by_name.get(amount or ""), batch),
        _prevalence(prevalence),
        _volume(profile.rows_per_day, volume),
        _missing(profile, batch, columns, findings),
    )
    return Plausibility(figures=[figure for figure in figures if figure is not None])


def _amount(column: Column | None, batch: Summary) -> PlausibilityFigure | None:
    """Compare the median amount, as far as the reference's quantiles tell it."""
    if column is None or column.kind != "number" or not column.cuts:
        return None
    counts = batch.counts[column.name]
    rows = int(counts[:-1].sum())
    before = _quantile(column, np.array(column.counts), 0.5)
    if not rows or before <= 0:
        return None
    half_width = 0.98 / np.sqrt(rows)
    low, now, high = (
        _quantile(column, counts, share) for share in (0.5 - half_width, 0.5, 0.5 + half_width)
    )
    # How far a median outside of the reference's range is from it, its quantiles do not tell.
    outside = low >= column.cuts[-1] or high <= column.cuts[0]
    factor = LARGEST_FACTOR if outside else _factor(low / before, high / before)
    return _figure("amount_scale", before, now, factor)


def _quantile(column: Column, counts: Counts, share: float) -> float:
    """Return a quantile of a column, limited to the range of the reference."""
    inside = counts[:-1]
    reached = np.cumsum(inside)
    rank = min(max(share, 0.0), 1.0) * reached[-1]
    code = min(int(np.searchsorted(reached, rank)), len(inside) - 1)
    if code in (0, len(column.cuts)):
        return column.cuts[0 if code == 0 else -1]
    low, high = column.cuts[code - 1], column.cuts[code]
    within = (rank - (reached[code] - inside[code])) / max(int(inside[code]), 1)
    return low + (high - low) * float(np.clip(within, 0, 1))


def _prevalence(change: PrevalenceChange) -> PlausibilityFigure | None:
    if change.ratio is None:
        return None
    low, high = change.interval
    return _figure("fraud_prevalence", change.reference, change.batch, _factor(low, high))


def _volume(before: float | None, now: float | None) -> PlausibilityFigure | None:
    if before is None or now is None:
        return None
    return _figure("volume", before, now, _factor(now / before, now / before))


def _missing(
    profile: Profile, batch: Summary, columns: Sequence[Column], findings: ColumnFindings
) -> PlausibilityFigure | None:
    """Return the column of the file whose share of missing values has grown most."""
    grown = [
        *_grown(profile, batch, columns),
        *((0.0, 1.0, 1.0, name) for name in findings.vanished if name in profile.kinds),
    ]
    if not grown:
        return None
    before, now, increase, name = max(grown, key=lambda each: each[2])
    return _figure("missing_share", before, now, max(0.0, increase), name)


def _grown(
    profile: Profile, batch: Summary, columns: Sequence[Column]
) -> Iterator[tuple[float, float, float, str]]:
    """Yield the share before and now, and the increase, of each column of the file."""
    for column in columns:
        rows, missing = int(batch.counts[column.name].sum()), int(batch.counts[column.name][-1])
        if column.name in profile.kinds and rows and sum(column.counts):
            before = column.counts[-1] / sum(column.counts)
            low, _ = share_interval(missing, rows)
            yield before, missing / rows, low - before, column.name


def _factor(low: float, high: float | None) -> float:
    """Return by how many times a ratio is off 1, at the end of its interval nearest to 1."""
    if low > 1:
        return min(low, LARGEST_FACTOR)
    if high is not None and high < 1:
        return min(1 / high, LARGEST_FACTOR) if high > 0 else LARGEST_FACTOR
    return 1.0


def _figure(
    name: PlausibilityName, before: float, now: float, judged: float, column: str | None = None
) -> PlausibilityFigure:
    return PlausibilityFigure(
        name=name,
        reference=before,
        batch=now,
        judged=judged,
        verdict=LIMITS[name].verdict(judged),
        column=column,
    )


WORDS: dict[PlausibilityName, tuple[str, Callable[[float], str]]] = {
    "amount_scale": ("median amount", lambda value: f"{value:,.2f}"),
    "fraud_prevalence": ("share of frauds", lambda value: f"{value:.3%}"),
    "volume": ("rows per day", lambda value: f"{value:,.0f}"),
    "missing_share": ("missing values", lambda value: f"{value:.1%}"),
}


def plausibility_sentence(plausibility: Plausibility) -> str:
    """Return the figures of a batch that are not as usual, in words.

    Parameters
    ----------
    plausibility : Plausibility
        As from `judge_plausibility`.

    Returns
    -------
    str
        The critical figures first; names in it are made inert.

    See Also
    --------
    judge_plausibility : judges the batch.

    Examples
    --------
    >>> tripled = PlausibilityFigure(
    ...     name="amount_scale", reference=50, batch=150, judged=2.9, verdict="critical"
    ... )
    >>> plausibility_sentence(Plausibility(figures=[tripled]))
    'median amount 150.00, 50.00 before'
    """
    unusual = [figure for figure in plausibility.figures if figure.verdict != "good"]
    in_order = sorted(unusual, key=lambda figure: figure.verdict != "critical")
    described = "; ".join(_words(figure) for figure in in_order)
    if not plausibility.figures:
        return "nothing could be compared with the reference"
    return inert(described or "amounts, share of frauds, volume and missing values are as usual")


def _words(figure: PlausibilityFigure) -> str:
    what, shown = WORDS[figure.name]
    of_column = f" of column {named(figure.column)}" if figure.column else ""
    return f"{what}{of_column} {shown(figure.batch)}, {shown(figure.reference)} before"
