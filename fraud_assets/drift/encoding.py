"""Columns as small codes: which of the reference's quantiles or categories a value falls into.

All drift measures work on codes, so infinite values, heavy tails and texts need no special
treatment, and a value costs one byte.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fraud_assets.arrays import as_array
from fraud_assets.config.limits import SMALLEST_CATEGORY
from fraud_assets.records.drift import ReferenceColumn

T = TypeVar("T")
R = TypeVar("R")
Codes = NDArray[np.uint8]
Counts = NDArray[np.int64]

SKETCH = 200
"""Steps of the quantile sketch of a numeric column."""
KEPT_CATEGORIES = 100
"""Categories with a code of their own; the rest of a column with more is pooled."""
INCOMPLETE_WINDOW = 255
"""Code of a value that does not count, because its window was not full yet."""
GROUP_EDGES = (0.005, 0.01, *np.arange(0.05, 0.951, 0.05).round(2), 0.99, 0.995)
"""Quantiles that separate the groups over which distributions are compared."""
RARE = 0.01
"""Share below which categories are compared together."""


class Column(ReferenceColumn):
    """A column of the reference, which turns values into codes and counts them.

    See Also
    --------
    number_column, category_column : make one.
    """

    @property
    def missing(self) -> int:
        """Code of a missing value."""
        return len(self.cuts if self.kind == "number" else self.categories) + 1

    @property
    def outside(self) -> list[int]:
        """Codes of values that the reference does not have: out of its range, or unseen."""
        if self.kind == "number":
            return [0, len(self.cuts)] if self.cuts else [0]
        return [] if self.pooled else [len(self.categories)]

    def encode(self, values: ArrayLike) -> Codes:
        """Return the code of each value.

        Parameters
        ----------
        values : array-like of shape (n_rows,)
            Numbers, or texts for a column of categories.

        Returns
        -------
        ndarray of shape (n_rows,)
            Codes as unsigned bytes; `missing` where a value is null or NaN.

        See Also
        --------
        count : counts the codes.
        """
        if self.kind == "number":
            numbers = as_array("values", values, "value")
            codes = np.searchsorted(self.cuts, numbers, side="right")
            return np.where(np.isnan(numbers), self.missing, codes).astype(np.uint8)
        texts = pd.Series(as_array("values", values, "text"))
        known = pd.Categorical(texts, categories=self.categories).codes.astype(np.int64)
        codes = np.where(known < 0, len(self.categories), known)
        return np.where(texts.isna(), self.missing, codes).astype(np.uint8)

    def count(self, codes: Codes) -> Counts:
        """Return how often each code occurs, missing values last.

        Parameters
        ----------
        codes : ndarray of shape (n_rows,)
            `INCOMPLETE_WINDOW` is not counted.

        Returns
        -------
        ndarray of shape (missing + 1,)
            Number of rows by code.

        See Also
        --------
        encode : makes the codes.
        """
        counts = np.bincount(codes, minlength=INCOMPLETE_WINDOW + 1)[: self.missing + 1]
        return counts.astype(np.int64)

    def groups(self) -> NDArray[np.int64]:
        """Return the group in which each code is compared.

        Returns
        -------
        ndarray of int64 of shape (missing + 1,)
            Numbered from 0; missing values are the last group.

        Notes
        -----
        Rare categories share a group. Numbers are grouped by quantiles of the reference.
        """
        counts = np.array(self.counts[:-1], dtype=float)
        total = counts.sum()
        if self.kind == "category":
            kept = counts >= RARE * max(total, 1)
            groups = np.where(kept, np.cumsum(kept), 0)
            groups[-1] = 0 if self.pooled else kept.sum() + 1
        else:
            groups = np.searchsorted(GROUP_EDGES, self.mid_quantiles())
        return np.append(groups, groups.max() + 1)

    def mid_quantiles(self) -> NDArray[np.float64]:
        """Return the middle quantile of each code in the reference.

        Returns
        -------
        ndarray of shape (missing,)
            Between 0 and 1, without the code of missing values.
        """
        counts = np.array(self.counts[:-1], dtype=float)
        middles: NDArray[np.float64] = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
        return middles

    def label(self, code: int) -> str:
        """Return the category that a code stands for.

        Parameters
        ----------
        code : int
            As from `encode`, of a column of categories.

        Returns
        -------
        str
            "other" for pooled or unseen categories, "missing" for missing values.
        """
        if code == self.missing:
            return "missing"
        return self.categories[code] if code < len(self.categories) else "other"


def number_column(name: str, values: ArrayLike) -> Column:
    """Return a numeric column, cut at the quantiles of its reference values.

    Parameters
    ----------
    name : str
        Name of the column.
    values : array-like of shape (n_rows,)
        NaN where missing; infinite values are out of the range.

    Returns
    -------
    Column

    See Also
    --------
    category_column : the same for texts.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> column = number_column("amount", np.array([1.0, 2.0, 3.0, np.nan]))
    >>> column.cuts[:3], column.counts
    ([1.0, 2.0, 3.0], [0, 1, 1, 1, 0, 1])
    >>> column.encode(pd.Series([0.5, 2.5, np.nan])).tolist()
    [0, 2, 5]
    """
    values = as_array("values", values, "value")
    finite = np.sort(values[np.isfinite(values)])
    cuts: list[float] = []
    if len(finite):
        ranks = np.linspace(0, len(finite) - 1, SKETCH + 1).round().astype(int)
        quantiles = np.unique(finite[ranks])
        cuts = [*quantiles.tolist(), float(np.nextafter(quantiles[-1], np.inf))]
    inside = np.diff(np.searchsorted(finite, cuts)).tolist() if cuts else []
    infinite = [int((values == end).sum()) for end in (-np.inf, np.inf)]
    outside = infinite if cuts else [sum(infinite)]
    counts = [outside[0], *inside, *outside[1:], int(np.isnan(values).sum())]
    return Column(name=name, kind="number", cuts=cuts, categories=[], pooled=False, counts=counts)


def category_column(name: str, values: ArrayLike) -> Column:
    """Return a column of categories, of which the most frequent ones are kept.

    Categories of few rows are pooled: the profile is shown and logged, and they may be typing
    errors, or somebody's name.

    Parameters
    ----------
    name : str
        Name of the column.
    values : array-like of shape (n_rows,)
        Texts, null where missing.

    Returns
    -------
    Column

    See Also
    --------
    number_column : the same for numbers.
    """
    rows_by_text = pd.Series(as_array("values", values, "text")).value_counts()
    texts = sorted(rows_by_text.index, key=lambda text: (-rows_by_text[text], text))
    kept = [t for t in texts[:KEPT_CATEGORIES] if rows_by_text[t] >= SMALLEST_CATEGORY]
    pooled = len(texts) > len(kept)
    column = Column(name=name, kind="category", cuts=[], categories=kept, pooled=pooled, counts=[])
    return column.model_copy(update={"counts": column.count(column.encode(values)).tolist()})


def encode_rows(
    rows: pd.DataFrame, columns: Iterable[Column], warm_up_days: Mapping[str, float]
) -> pd.DataFrame:
    """Return the codes of rows.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Numbers by name, texts as `text_<name>_`, and `days_known_`: the days of history before
        each row, where `warm_up_days` names a column.
    columns : iterable of Column
        Columns of the reference profile to encode.
    warm_up_days : mapping of str to float
        Days of history that a feature needs; a value with less is `INCOMPLETE_WINDOW`, because a
        window that is filling up looks like drift and is not.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns), uint8

    See Also
    --------
    Column.encode : encodes a single column.
    """

    def encoded(column: Column) -> Codes:
        source = column.name if column.kind == "number" else text_column(column.name)
        codes = column.encode(rows[source])
        if column.name in warm_up_days:
            codes[rows["days_known_"].to_numpy() < warm_up_days[column.name]] = INCOMPLETE_WINDOW
        return codes

    columns = list(columns)
    codes = map_in_threads(encoded, columns)
    names = [column.name for column in columns]
    return pd.DataFrame(dict(zip(names, codes, strict=True)), index=rows.index)


def text_column(name: str) -> str:
    """Return the name under which a source column is loaded as text.

    Parameters
    ----------
    name : str
        Name of the source column.

    Returns
    -------
    str

    Examples
    --------
    >>> text_column("country")
    'text_country_'
    """
    return f"text_{name}_"


def map_in_threads(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Apply a function to each item, in several threads.

    Parameters
    ----------
    function : callable
        Takes an item; should spend its time in NumPy, which releases the GIL.
    items : iterable
        The items.

    Returns
    -------
    list
        Results in the order of the items.
    """
    with ThreadPoolExecutor() as pool:
        return list(pool.map(function, items))
