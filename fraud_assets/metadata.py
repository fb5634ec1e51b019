"""Metadata that an asset's page in the Dagster UI shows."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from fraud_assets.store.sql import parquet

FOUR_DIGITS_BELOW = 100
"""Figures below this are shown with 4 significant digits, others with 2 decimals."""


def table_metadata(engine: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """Describe a Parquet file for the asset's page: row count and column schema.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        A connection that may read the file.
    path : Path
        A Parquet file.

    Returns
    -------
    dict
        Dagster metadata under Dagster's own keys.

    See Also
    --------
    fraud_assets.store.resources.Engine.connect : opens such a connection.
    """
    source = parquet(path)
    columns = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    rows = engine.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name=name, type=kind) for name, kind, *_ in columns]
        ),
    }


def plot_metadata(png: bytes) -> dg.MarkdownMetadataValue:
    """Return a PNG as metadata that the asset's page shows as a picture.

    Parameters
    ----------
    png : bytes
        Content of a PNG file; it is embedded, so it should be small.

    Returns
    -------
    dagster.MarkdownMetadataValue
        With the picture as a data URL.
    """
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")


def shown(value: Any) -> Any:
    """Round the figures in metadata for display.

    Parameters
    ----------
    value : Any
        A number, or a mapping or list of numbers and of anything else.

    Returns
    -------
    object
        The same with each float rounded: to 4 significant digits below 100, to 2 decimals from 100
        on. All other values stay as they are; a tuple becomes a list.

    Notes
    -----
    For display only: what a later step computes with is kept unrounded in records.

    Examples
    --------
    >>> shown(0.123456), shown(1234.5678), shown(284_807)
    (0.1235, 1234.57, 284807)
    >>> shown({"recall": 0.80808, "interval": [0.68283, 0.84444], "verdict": "good"})
    {'recall': 0.8081, 'interval': [0.6828, 0.8444], 'verdict': 'good'}
    """
    if isinstance(value, float):
        return float(f"{value:.4g}") if abs(value) < FOUR_DIGITS_BELOW else round(value, 2)
    if isinstance(value, Mapping):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value
