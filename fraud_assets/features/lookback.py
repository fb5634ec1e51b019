"""A batch and its history in one table, with the same column names for every source."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fraud_assets.features.availability import (
    KNOWN,
    LABEL_KNOWN,
    label_known_at,
    microseconds,
    row_known_at,
)
from fraud_assets.features.families import LONGEST_WINDOW_DAYS
from fraud_assets.records.batches import Roles
from fraud_assets.store.sql import one_file

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend


class AcceptedRows(NamedTuple):
    """A Parquet file of accepted rows and the roles of its columns.

    Attributes
    ----------
    path : Path
        The Parquet file.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    See Also
    --------
    look_back : joins several files.
    """

    path: Path
    roles: Roles


class Span(NamedTuple):
    """When the rows of a batch, and their labels, became known.

    Attributes
    ----------
    first, last, last_label : int or None
        First row, last row and last label, in microseconds; None where the data has no times.

    See Also
    --------
    span_of : computes it.
    """

    first: int | None
    last: int | None
    last_label: int | None

    @property
    def reach(self) -> int | None:
        """Begin (excluded) of the longest window of the first row, in microseconds."""
        return None if self.first is None else self.first - microseconds(LONGEST_WINDOW_DAYS)

    def may_see(self, earlier: "Span") -> bool:
        """Tell whether a window of this batch may contain a row, or a label, of an earlier one.

        Parameters
        ----------
        earlier : Span
            Of a batch that was accepted before.

        Returns
        -------
        bool

        Examples
        --------
        >>> Span(10**15, 10**15, None).may_see(Span(10**15 - 1, 10**15 - 1, None))
        True
        """
        if self.reach is None or self.last is None or earlier.first is None:
            return False
        ends = [end for end in (earlier.last, earlier.last_label) if end is not None]
        return earlier.first <= self.last and max(ends) > self.reach


def span_of(backend: "BaseBackend", own: AcceptedRows, label_delay_days: float) -> Span:
    """Return when the rows of a batch, and their labels, became known.

    Parameters
    ----------
    backend : BaseBackend
        Ibis backend that computes features: DuckDB or Spark.
    own : AcceptedRows
        The batch.
    label_delay_days : float
        In days, positive.

    Returns
    -------
    Span
        All values are None where the data has no timestamp.

    See Also
    --------
    look_back : reads the rows that the windows see.
    """
    rows = canonical(backend, own, label_delay_days)
    moments = rows.aggregate(
        first=rows[KNOWN].min(), last=rows[KNOWN].max(), last_label=rows[LABEL_KNOWN].max()
    )
    return Span(**moments.to_pyarrow().to_pylist()[0])


def look_back(
    backend: "BaseBackend",
    own: AcceptedRows,
    history: Sequence[AcceptedRows],
    span: Span,
    label_delay_days: float,
) -> "ir.Table":
    """Return a batch with the earlier rows that its windows may contain.

    Parameters
    ----------
    backend : BaseBackend
        Ibis backend that computes features: DuckDB or Spark.
    own : AcceptedRows
        The batch.
    history : sequence of AcceptedRows
        Batches accepted before it.
    span : Span
        When the rows and labels of the batch became known.
    label_delay_days : float
        In days, positive.

    Returns
    -------
    Table
        The columns of `canonical`; `source_line` is null for rows of earlier batches.

    See Also
    --------
    canonical : the columns of one batch.
    """
    import ibis

    parts = [canonical(backend, own, label_delay_days)]
    if span.reach is not None and span.last is not None:
        for source in history:
            rows = canonical(backend, source, label_delay_days)
            seen = (rows[KNOWN] > span.reach) | (rows[LABEL_KNOWN] > span.reach)
            past = rows.filter((rows[KNOWN] <= span.last) & seen)
            parts.append(past.mutate(source_line=ibis.null("int64")))
    return _union(parts)


def _union(tables: Sequence["ir.Table"]) -> "ir.Table":
    """Return the rows of all tables, joined in halves to limit how deep the SQL nests."""
    if len(tables) == 1:
        return tables[0]
    half = len(tables) // 2
    return _union(tables[:half]).union(_union(tables[half:]))


def canonical(backend: "BaseBackend", source: AcceptedRows, label_delay_days: float) -> "ir.Table":
    """Return the accepted rows of a batch with a column for each role.

    Parameters
    ----------
    backend : BaseBackend
        Ibis backend that computes features: DuckDB or Spark.
    source : AcceptedRows
        The batch.
    label_delay_days : float
        In days, positive.

    Returns
    -------
    Table
        `source_line`, `known_us`, `label_known_us` (microseconds), `card`, `terminal` (str),
        `amount` (float), `fraud` (int).

    See Also
    --------
    look_back : joins several batches.
    """
    import ibis

    options = {"hive_partitioning": False} if backend.name == "duckdb" else {}
    rows = backend.read_parquet(one_file(source.path, backend.name), **options)
    roles = source.roles

    def column(name: str | None, kind: str) -> "ir.Value":
        return rows[name].cast(kind) if name else ibis.null(kind)

    return rows.select(
        source_line=rows["source_line"].cast("int64"),
        **{
            KNOWN: row_known_at(rows, roles),
            LABEL_KNOWN: label_known_at(rows, roles, label_delay_days),
        },
        card=column(roles.card, "string"),
        terminal=column(roles.terminal, "string"),
        amount=column(roles.amount, "float64"),
        fraud=column(roles.target, "int8"),
    )
