"""Segments: how reports and the promotion rule divide the test rows into parts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.config.limits import SMALLEST_CATEGORY
from fraud_assets.features.availability import MICROSECONDS_PER_DAY
from fraud_assets.features.families import NIGHT_UNTIL_HOUR
from fraud_assets.intake.kinds import CARD
from fraud_assets.records.batches import Roles
from fraud_assets.text import inert

NEW_CARD_COLUMN = "card_transactions_30d"
"""1 when the transaction is the card's only one in 30 days."""
TEST_AMOUNT_BANDS = 4
LARGEST_CATEGORIES = 10


def columns_of(segments: Sequence[str], kinds: Mapping[str, str], roles: Roles) -> list[str]:
    """Return the segments that are columns of the data.

    Parameters
    ----------
    segments : sequence of str
        Names of built-in segments or of columns.
    kinds : mapping of str to str
        Kind of each source column.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        When one is neither a built-in segment nor a column, or is a column of single cards or
        transactions: people read the reports who may not see those.

    See Also
    --------
    segment_rows : the parts of each segment.

    Examples
    --------
    >>> columns_of(["country"], {"country": "VARCHAR", "fraud": "LABEL"}, Roles(target="fraud"))
    ['country']
    """
    columns = [name for name in segments if name not in BUILT_IN]
    unknown = sorted(set(columns) - set(kinds))
    if unknown:
        raise ValueError(
            f"segments: {', '.join(map(inert, unknown))} is neither of {', '.join(BUILT_IN)} nor a "
            f"column of the data, which has {', '.join(map(inert, kinds))}"
        )
    single = [n for n in columns if n in (roles.card, roles.transaction_id) or kinds[n] == CARD]
    if single:
        raise ValueError(
            f"segments: {', '.join(map(inert, single))} holds single cards or transactions; "
            "choose a column with few categories"
        )
    return columns


def segment_rows(
    rows: pd.DataFrame, segments: Sequence[str], real_time: bool
) -> dict[str, pd.Series]:
    """Return which part of each segment each row belongs to.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        As from `training.window.load_rows`, with the columns of `columns_of` as texts.
    segments : sequence of str
        Names of built-in segments or of columns.
    real_time : bool
        Whether timestamps are dates and times.

    Returns
    -------
    dict of str to Series of shape (n_rows,)
        Without the segments for which the data has no column.

    See Also
    --------
    columns_of

    Examples
    --------
    >>> rows = pd.DataFrame({"card_transactions_30d": [1, 4]})
    >>> segment_rows(rows, ["new_card"], real_time=True)["new_card"].tolist()
    ['new card', 'card seen before']
    """
    columns = {
        name: BUILT_IN[name](rows, real_time)
        if name in BUILT_IN
        else _categories(rows[f"text_{name}_"])
        for name in segments
    }
    return {name: parts for name, parts in columns.items() if parts is not None}


def parts_of(
    segments: Mapping[str, ArrayLike], rows: int
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield each part of each segment, with the rows that belong to it.

    Parameters
    ----------
    segments : mapping of str to array-like of shape (n_rows,)
        Which part of each segment each row belongs to, as from `segment_rows`.
    rows : int
        How many rows there are.

    Yields
    ------
    segment, part : str
    inside : ndarray of bool, shape (n_rows,)

    Raises
    ------
    ValueError
        When a segment has other rows.

    See Also
    --------
    segment_rows : divides the rows.

    Examples
    --------
    >>> [(part, inside.tolist()) for _, part, inside in parts_of({"night": ["day", "night"]}, 2)]
    [('day', [True, False]), ('night', [False, True])]
    """
    for segment, of_row in segments.items():
        values = as_array(f"parts of {segment}", of_row, "text", rows)
        for part in sorted(set(values), key=str):
            yield segment, str(part), values == part


def _test_amount_quartiles(rows: pd.DataFrame, _: bool) -> pd.Series | None:
    amounts = rows["amount_"]
    if amounts.nunique() < TEST_AMOUNT_BANDS:
        return None
    edges = np.unique(np.nanquantile(amounts, np.linspace(0, 1, TEST_AMOUNT_BANDS + 1)))
    names = [f"{low:,.2f} to {high:,.2f}" for low, high in pairwise(edges)]
    bands = np.searchsorted(edges[1:-1], amounts.to_numpy(dtype=float), side="left")
    labels = pd.Series([names[band] for band in bands], index=rows.index)
    return labels.where(amounts.notna(), "no amount")


def _night(rows: pd.DataFrame, real_time: bool) -> pd.Series | None:
    if not real_time:
        return None
    hours = pd.to_datetime(rows["known_us_"], unit="us").dt.hour
    return pd.Series(np.where(hours <= NIGHT_UNTIL_HOUR, "night", "day"), index=rows.index)


def _new_cards(rows: pd.DataFrame, _: bool) -> pd.Series | None:
    if NEW_CARD_COLUMN not in rows:
        return None
    new = rows[NEW_CARD_COLUMN] == 1
    return pd.Series(np.where(new, "new card", "card seen before"), index=rows.index)


def _weeks(rows: pd.DataFrame, _: bool) -> pd.Series | None:
    known = rows["known_us_"]
    if known.isna().any() or known.max() - known.min() < 7 * MICROSECONDS_PER_DAY:
        return None
    weeks = (known - known.min()) // (7 * MICROSECONDS_PER_DAY) + 1
    return pd.Series([f"week {int(week)}" for week in weeks], index=rows.index)


def _categories(values: pd.Series) -> pd.Series:
    counts = values.value_counts()
    # A rare value may be a typing error, or somebody's name.
    largest = counts[counts >= SMALLEST_CATEGORY].index[:LARGEST_CATEGORIES]
    return values.where(values.isin(largest) | values.isna(), "other").fillna("missing")


BUILT_IN: dict[str, Callable[[pd.DataFrame, bool], pd.Series | None]] = {
    "amount_band": _test_amount_quartiles,
    "night": _night,
    "new_card": _new_cards,
    "week": _weeks,
}
