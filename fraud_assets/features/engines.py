"""Where features are computed: DuckDB in process, or a Spark cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fraud_assets.config.environment import IN_PROCESS
from fraud_assets.store.sql import NO_HIVE, literal, one_file

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend


@contextmanager
def open_engine(address: str, connection: "duckdb.DuckDBPyConnection") -> "Iterator[BaseBackend]":
    """Yield the engine that computes features.

    Parameters
    ----------
    address : str
        `duckdb`, or a Spark master such as `spark://host:7077`.
    connection : duckdb.DuckDBPyConnection
        Used when the address is `duckdb`.

    Yields
    ------
    BaseBackend
        Its Spark session is stopped at the end.

    Raises
    ------
    ModuleNotFoundError
        When the address is a Spark master and Spark is not installed.

    See Also
    --------
    computed : hands a result back to DuckDB.
    """
    import ibis

    if address == IN_PROCESS:
        yield ibis.duckdb.from_connection(connection)
        return
    session = _spark_session(address)
    try:
        yield ibis.pyspark.connect(session)
    finally:
        session.stop()


def _spark_session(address: str):  # type: ignore[no-untyped-def]
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"FRAUD_ENGINE is {address}, but Spark is not installed: "
            "pip install 'fraud_assets[spark]', or unset FRAUD_ENGINE"
        ) from error
    builder = SparkSession.builder.master(address).appName("fraud_assets")
    # All times are in UTC.
    return builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()


@contextmanager
def computed(table: "ir.Table", scratch: Path) -> Iterator[str]:
    """Compute a table on its engine, and yield SQL with which DuckDB reads the result.

    Parameters
    ----------
    table : Table
        An Ibis expression.
    scratch : Path
        Folder for Spark's result, which all its workers must reach under the same path.

    Yields
    ------
    str
        For the FROM clause.

    See Also
    --------
    open_engine : opens the engine.
    """
    import ibis

    backend = table.get_backend()
    if backend.name == "duckdb":
        with table.cache() as rows:
            yield f"({ibis.to_sql(rows)})"
        return
    with TemporaryDirectory(dir=scratch, prefix="incoming-") as folder:
        backend.to_parquet_dir(table, f"{folder}/rows")
        yield f"read_parquet({literal(f'{one_file(Path(folder))}/rows/*.parquet')}, {NO_HIVE})"
