"""Columns as small codes: which of the reference's quantiles or categories a value falls into.

Everything that drift is measured by looks at codes alone, so that infinite values, heavy tails
and texts need no treatment of their own, and a row costs a byte by column.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud_assets.config.limits import SMALLEST_CATEGORY

T = TypeVar("T")
R = TypeVar("R")
Codes = NDArray[np.uint8]
Counts = NDArray[np.int64]

SKETCH = 200
"""Steps of the quantile sketch of a numeric column."""
KEPT_CATEGORIES = 100
"""Categories that are told apart; of a column with more, the rest is pooled."""
UNSETTLED = 255
"""Code of a value that does not count, because its window was not full yet."""
GROUP_EDGES = (0.005, 0.01, *np.arange(0.05, 0.951, 0.05).round(2), 0.99, 0.995)
"""Quantiles that part the groups over which distributions are compared."""
RARE = 0.01
"""Share below which categories are compared together."""


@dataclass(frozen=True)
class Column:
    """How the values of a column become codes, and how often the reference had each.

    Attributes
    ----------
    name : str
    kind : {"number", "category"}
    cuts : list of float
        Ascending quantiles of the reference from its smallest value to just above its largest.
        Code i holds `cuts[i-1] <= value < cuts[i]`: code 0 is below the range, the last above.
    categories : list of str
        Code i is category i; the code after them all others.
    pooled : bool
        Whether the reference had more categories than are kept.
    counts : list of int
        Of the reference, by code; missing values last.
    """

    name: str
    kind: Literal["number", "category"]
    cuts: list[float]
    categories: list[str]
    pooled: bool
    counts: list[int]

    @property
    def missing(self) -> int:
        """Code of a missing value."""
        return len(self.cuts if self.kind == "number" else self.categories) + 1

    @property
    def outside(self) -> list[int]:
        """Codes of values that the reference never had: out of its range, or unseen."""
        if self.kind == "number":
            return [0, len(self.cuts)] if self.cuts else [0]
        return [] if self.pooled else [len(self.categories)]

    def encode(self, values: pd.Series) -> Codes:
        """Return the code of each value, shape (n_rows,)."""
        if self.kind == "number":
            numbers = values.to_numpy(dtype=float)
            codes = np.searchsorted(self.cuts, numbers, side="right")
            return np.where(np.isnan(numbers), self.missing, codes).astype(np.uint8)
        known = pd.Categorical(values, categories=self.categories).codes.astype(np.int64)
        codes = np.where(known < 0, len(self.categories), known)
        return np.where(values.isna(), self.missing, codes).astype(np.uint8)

    def count(self, codes: Codes) -> Counts:
        """Return how often each code occurs, missing values last; unsettled ones do not count."""
        counts = np.bincount(codes, minlength=UNSETTLED + 1)[: self.missing + 1]
        return counts.astype(np.int64)

    def groups(self) -> NDArray[np.int64]:
        """Return for each code, missing values last, the group over which it is compared."""
        counts = np.array(self.counts[:-1], dtype=float)
        total = counts.sum()
        if self.kind == "category":
            kept = counts >= RARE * max(total, 1)
            groups = np.where(kept, np.cumsum(kept), 0)
            groups[-1] = 0 if self.pooled else kept.sum() + 1
        else:
            groups = np.searchsorted(GROUP_EDGES, self.places())
        return np.append(groups, groups.max() + 1)

    def places(self) -> NDArray[np.float64]:
        """Return for each code but the missing one its middle place in the reference, 0 to 1."""
        counts = np.array(self.counts[:-1], dtype=float)
        middles: NDArray[np.float64] = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
        return middles

    def label(self, code: int) -> str:
        """Return what a code of a category column stands for."""
        if code == self.missing:
            return "missing"
        return self.categories[code] if code < len(self.categories) else "other"

    def to_dict(self) -> dict[str, Any]:
        """Return the column as a JSON-like dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Return a column as `to_dict` wrote it."""
        return cls(**facts)


def number_column(name: str, values: NDArray[np.floating]) -> Column:
    """Return a numeric column, cut at the quantiles of its reference values.

    Parameters
    ----------
    name : str
    values : ndarray of shape (n_rows,)
        NaN where missing; infinite values are out of the range.
    """
    finite = np.sort(values[np.isfinite(values)].astype(float))
    cuts: list[float] = []
    if len(finite):
        places = np.linspace(0, len(finite) - 1, SKETCH + 1).round().astype(int)
        quantiles = np.unique(finite[places])
        cuts = [*quantiles.tolist(), float(np.nextafter(quantiles[-1], np.inf))]
    inside = np.diff(np.searchsorted(finite, cuts)).tolist() if cuts else []
    infinite = [int((values == end).sum()) for end in (-np.inf, np.inf)]
    outside = infinite if cuts else [sum(infinite)]
    counts = [outside[0], *inside, *outside[1:], int(np.isnan(values).sum())]
    return Column(name, "number", cuts, [], False, counts)


def category_column(name: str, values: pd.Series) -> Column:
    """Return a column of categories, the most frequent ones kept.

    Those of few rows are pooled: the profile is shown and logged, and they may be slips, or
    somebody's name.

    Parameters
    ----------
    name : str
    values : Series of shape (n_rows,)
        Texts, null where missing.
    """
    found = values.value_counts()
    names = sorted(found.index, key=lambda text: (-found[text], text))
    kept = [name for name in names[:KEPT_CATEGORIES] if found[name] >= SMALLEST_CATEGORY]
    column = Column(name, "category", [], kept, len(names) > len(kept), [])
    return replace(column, counts=column.count(column.encode(values)).tolist())


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
    warm_up_days : mapping of str to float
        Days of history that a feature needs; a value with less is `UNSETTLED`, because a window
        that fills up looks like drift and is none.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns), uint8
    """

    def encoded(column: Column) -> Codes:
        source = column.name if column.kind == "number" else text_of(column.name)
        codes = column.encode(rows[source])
        if column.name in warm_up_days:
            codes[rows["days_known_"].to_numpy() < warm_up_days[column.name]] = UNSETTLED
        return codes

    columns = list(columns)
    found = side_by_side(encoded, columns)
    names = [column.name for column in columns]
    return pd.DataFrame(dict(zip(names, found, strict=True)), index=rows.index)


def text_of(name: str) -> str:
    """Return the name under which a column of texts is loaded."""
    return f"text_{name}_"


def side_by_side(work: Callable[[T], R], of: Iterable[T]) -> list[R]:
    """Return what a piece of work makes of each, on all cores; NumPy sorts without the lock."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, of))
