"""Splits a batch, and describes the splits together with the window of its model."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from fraud_assets.config.settings import SplitSettings
from fraud_assets.records.batches import Features, Splits
from fraud_assets.training.splits import Assigned, plan_cuts, write_splits
from fraud_assets.training.window import (
    Member,
    count_rows,
    straddling_contents,
    unassigned_rows,
)


def split_batch(
    engine: duckdb.DuckDBPyConnection,
    batch: Features,
    features: Path,
    accepted: Path,
    settings: SplitSettings,
    earlier: Sequence[Assigned],
    window: Sequence[Member],
    hash_key_id: str | None,
    destination: Path,
) -> Splits:
    """Write the split of every row of a batch, and return the facts about the splits.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        With the keyed hashes of `store.resources.Engine`.
    batch : Features
        Facts about the batch's features.
    features, accepted : Path
        Parquet files of the batch's features and of its accepted rows.
    settings : SplitSettings
        How rows are split, and how many batches the window has.
    earlier : sequence of Assigned
        Splits that were assigned before under the same settings, oldest first.
    window : sequence of Member
        The earlier batches of the window, oldest first.
    hash_key_id : str or None
        Identifies the key of the content hashes that are written.
    destination : Path
        Parquet file for the splits, as of `splits.write_splits`.

    Returns
    -------
    Splits

    See Also
    --------
    fraud_assets.training.splits.plan_cuts : chooses the periods.
    fraud_assets.training.splits.write_splits : assigns the rows.
    """
    cuts = plan_cuts(engine, features, batch.roles, batch.label_delay_days, settings)
    write_splits(
        engine, features, accepted, list(batch.kinds), batch.roles, settings, cuts, earlier,
        destination,
    )  # fmt: skip
    own = Member(batch.batch, features, destination, batch.roles, batch.kinds)
    members = [*window, own]
    return Splits(
        batch=batch.batch,
        content_hash=batch.content_hash,
        hash_key_id=hash_key_id,
        settings=settings,
        mode=cuts.mode,
        validation_start=cuts.validation_start,
        test_start=cuts.test_start,
        window=[(m.batch, m.features.parent.name) for m in window]
        + [(batch.batch, batch.content_hash)],
        counts=count_rows(engine, members, cuts.test_start),
        straddling_contents=straddling_contents(engine, members),
        unassigned_rows=unassigned_rows(engine, own),
    )
