"""Assigns each row of a batch to train, validation or test, once and by its content.

Rows with the same content (all columns but the label and the transaction id) share one
split, and a row that an earlier batch already assigned keeps that split, so that a later
batch can neither train on an earlier test row nor test on a row that a model has seen.

The split of a row is decided by an unkeyed hash of its content. That hash is never written, because
card numbers could be recovered from it by trial. What is written is a keyed hash of it, so splits
do not depend on the key, and the unkeyed hashes of older releases can be converted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb

from fraud_assets.config.settings import SplitMode, SplitSettings
from fraud_assets.features.availability import KNOWN, MOMENT, label_known_by, microseconds
from fraud_assets.platform.masking import KEYED
from fraud_assets.records.batches import Roles
from fraud_assets.store.sql import identifier, literal, parquet

TRAIN, VALIDATION, TEST, DELAY = "train", "validation", "test", "delay"
"""The splits; `delay` holds rows whose label was not known when the test period began."""
AUTO_SPAN_IN_DELAYS = 4


class Assigned(NamedTuple):
    """Splits of a batch that were written earlier.

    Attributes
    ----------
    path : Path
        Parquet, as from `write_splits`.
    keyed : bool
        Whether their content keys are keyed hashes; those of old releases are not.
    """

    path: Path
    keyed: bool

    @property
    def content_key(self) -> str:
        """SQL for the keyed hash of a row's content."""
        return "content_key" if self.keyed else f"{KEYED}(content_key)"


@dataclass(frozen=True)
class Cuts:
    """How a batch is cut into periods.

    Attributes
    ----------
    mode : SplitMode
        Stratified or temporal.
    validation_start, test_start : str or None
        Moments (ISO 8601) at which the periods begin, in temporal mode.

    See Also
    --------
    plan_cuts : chooses them.
    """

    mode: SplitMode
    validation_start: str | None = None
    test_start: str | None = None


def content_hash(columns: Sequence[str], roles: Roles) -> str:
    """Return SQL for an unkeyed 64-bit hash of a row's content, which must never be written.

    Parameters
    ----------
    columns : sequence of str
        Source columns.
    roles : Roles
        The label, the times at which row and label became known, and the transaction id are left
        out.

    Returns
    -------
    str
        An expression over the source columns.
    """
    left_out = {roles.target, roles.transaction_id, roles.known_at, roles.label_known_at}
    values = ", chr(31), ".join(
        f"coalesce(CAST({identifier(name)} AS VARCHAR), chr(30))"
        for name in sorted(columns)
        if name not in left_out
    )
    return f"md5_number_lower(concat({values or repr('')}))"


def plan_cuts(
    engine: duckdb.DuckDBPyConnection,
    features: Path,
    roles: Roles,
    label_delay_days: float,
    settings: SplitSettings,
) -> Cuts:
    """Choose the mode and, in temporal mode, the moments at which the periods begin.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Connection that may read the files.
    features : Path
        Parquet file of a batch's features.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    label_delay_days : float
        Days from a transaction until its label is known.
    settings : SplitSettings
        How rows are split, and how many batches the window has.

    Returns
    -------
    Cuts

    Raises
    ------
    ValueError
        When the mode is temporal and the data has no timestamp.

    See Also
    --------
    write_splits : assigns the rows.
    """
    if settings.mode is SplitMode.temporal and roles.timestamp is None:
        raise ValueError(
            "mode is temporal, but no column has the role timestamp; set `timestamp` on "
            "raw_transactions, or choose stratified"
        )
    if settings.mode is SplitMode.auto and not roles.real_time:
        return Cuts(SplitMode.stratified)
    if settings.mode is SplitMode.stratified:
        return Cuts(SplitMode.stratified)
    source = parquet(features)
    span = microseconds(AUTO_SPAN_IN_DELAYS * label_delay_days)
    long_enough, test_start = engine.execute(
        f"SELECT max({KNOWN}) - min({KNOWN}) >= {span}, "
        f"CAST(quantile_disc({MOMENT}, {1 - settings.test_share}) AS VARCHAR) FROM {source}"
    ).fetchall()[0]
    if settings.mode is SplitMode.auto and not long_enough:
        return Cuts(SplitMode.stratified)
    share = settings.train_share / (settings.train_share + settings.validation_share)
    validation_start = engine.execute(
        f"SELECT CAST(quantile_disc({MOMENT}, {share}) AS VARCHAR) FROM {source} "
        f"WHERE {MOMENT} < TIMESTAMP {literal(test_start)} AND {label_known_by(test_start)}"
    ).fetchall()[0][0]
    return Cuts(SplitMode.temporal, validation_start, test_start)


def write_splits(
    engine: duckdb.DuckDBPyConnection,
    features: Path,
    accepted: Path,
    columns: Sequence[str],
    roles: Roles,
    settings: SplitSettings,
    cuts: Cuts,
    earlier: Sequence[Assigned],
    destination: Path,
) -> None:
    """Write the split of every row of a batch.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        With the keyed hashes of `store.resources.Engine`.
    features : Path
        Parquet file of the batch's features: when each row and its label became known.
    accepted : Path
        Parquet file of its accepted rows: their content.
    columns : sequence of str
        Its source columns.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    settings : SplitSettings
        How rows are split, and how many batches the window has.
    cuts : Cuts
        As from `plan_cuts`.
    earlier : sequence of Assigned
        Splits that were assigned before under the same settings, oldest first.
    destination : Path
        Parquet: `source_line`, `content_key` (64 bit, keyed), `split`, `fraud`, in file order.

    See Also
    --------
    plan_cuts : chooses mode and periods.
    """
    known = label_known_by(cuts.test_start) if cuts.test_start else "true"
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE keyed AS SELECT *, "
        f"{KEYED}(content) AS content_key FROM (SELECT source_line, {MOMENT} AS moment, "
        f"{known} AS known FROM {parquet(features)}) JOIN (SELECT source_line, "
        f"{identifier(roles.target)} AS fraud, {content_hash(columns, roles)} AS content "
        f"FROM {parquet(accepted)}) USING (source_line)"
    )
    engine.execute(f"CREATE OR REPLACE TEMP TABLE kept AS {_kept(earlier)}")
    temporal = cuts.mode is SplitMode.temporal
    assigned = _assign_temporal(cuts) if temporal else _assign_stratified(settings)
    engine.execute(
        "COPY (SELECT source_line, content_key, coalesce(kept.split, assigned.split) AS split, "
        f"fraud FROM keyed LEFT JOIN kept USING (content_key) LEFT JOIN ({assigned}) "
        f"AS assigned USING (content_key) ORDER BY source_line) TO {literal(destination)} "
        "(FORMAT parquet)"
    )


def _kept(earlier: Sequence[Assigned]) -> str:
    if not earlier:
        return "SELECT CAST(0 AS UBIGINT) AS content_key, '' AS split LIMIT 0"
    parts = " UNION ALL ".join(
        f"SELECT {of.content_key} AS content_key, split, {place} AS place FROM {parquet(of.path)}"
        for place, of in enumerate(earlier)
    )
    return (
        f"SELECT content_key, arg_min(split, place) AS split FROM ({parts}) "
        "WHERE content_key IN (SELECT content_key FROM keyed) GROUP BY content_key"
    )


def _assign_stratified(settings: SplitSettings) -> str:
    """Cut each class at the shares, in an order that depends on content and seed only."""
    order = f"md5_number_lower(concat(content, ':', {settings.seed})), content"
    return f"""
        SELECT content_key, CASE WHEN position < {settings.train_share} THEN '{TRAIN}'
            WHEN position < {settings.train_share + settings.validation_share}
            THEN '{VALIDATION}' ELSE '{TEST}' END AS split
        FROM (SELECT content_key, (sum(n) OVER (PARTITION BY fraud ORDER BY {order}) - n / 2)
            / sum(n) OVER (PARTITION BY fraud) AS position
            FROM (SELECT content_key, any_value(content) AS content, max(fraud) AS fraud,
                count(*) AS n FROM keyed
                WHERE content_key NOT IN (SELECT content_key FROM kept) GROUP BY content_key))
    """


def _assign_temporal(cuts: Cuts) -> str:
    """Cut in time order: train, validation, delay, test."""
    return f"""
        SELECT content_key, CASE WHEN moment >= TIMESTAMP {literal(cuts.test_start)} THEN '{TEST}'
            WHEN NOT known OR validation_missing THEN '{DELAY}'
            WHEN moment >= validation_start THEN '{VALIDATION}' ELSE '{TRAIN}' END AS split
        FROM (SELECT content_key, max(moment) AS moment, bool_and(known) AS known,
            TRY_CAST({literal(cuts.validation_start)} AS TIMESTAMP) AS validation_start,
            TRY_CAST({literal(cuts.validation_start)} AS TIMESTAMP) IS NULL AS validation_missing
            FROM keyed GROUP BY content_key)
    """
