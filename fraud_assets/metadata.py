"""Metadata that an asset's page in the Dagster UI shows."""

import base64
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from fraud_assets.store.sql import parquet


def table_metadata(engine: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    """Describe a Parquet file for the asset's page: row count and column schema.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    path : Path

    Returns
    -------
    dict
        Dagster metadata under Dagster's own keys.
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
    """Return a PNG as metadata that the asset's page shows as a picture."""
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")
