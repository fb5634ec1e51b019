"""Reads a batch chunk by chunk."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fraud_assets.drift.encoding import text_column
from fraud_assets.drift.profile import Watched
from fraud_assets.features.availability import KNOWN, LABEL_KNOWN
from fraud_assets.platform.masking import MASK_TEXT
from fraud_assets.records.batches import Roles
from fraud_assets.store.sql import identifier, parquet

if TYPE_CHECKING:
    import duckdb

CHUNK_ROWS = 200_000
"""Rows in memory at a time."""


def read_chunks(
    connection: "duckdb.DuckDBPyConnection", features: Path, watched: Watched, roles: Roles
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a batch chunk by chunk, in the order of the file.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection that may read the files.
    features : Path
        Parquet file of the batch's features.
    watched : Watched
        The columns to compare.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    Yields
    ------
    DataFrame
        Numbers by name, texts as `text_<name>_`, `days_known_`, `known_us_`, `label_known_us_`
        and `fraud_`.

    See Also
    --------
    fraud_assets.drift.profile.summarize : summarizes the chunks.
    """
    numbers = (f"CAST({identifier(n)} AS DOUBLE) AS {identifier(n)}, " for n in watched.numbers)
    texts = (
        f"{MASK_TEXT}(CAST({identifier(n)} AS VARCHAR)) AS {identifier(text_column(n))}, "
        for n in watched.texts
    )
    query = (
        f"SELECT {''.join(numbers)}{''.join(texts)}CAST(days_known AS DOUBLE) AS days_known_, "
        f"{KNOWN} AS known_us_, {LABEL_KNOWN} AS label_known_us_, "
        f"{identifier(roles.target)} AS fraud_ FROM {parquet(features)}"
    )
    for chunk in connection.sql(query).to_arrow_reader(CHUNK_ROWS):
        yield chunk.to_pandas()
