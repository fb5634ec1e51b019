"""All features by a Spark cluster on this machine, beside DuckDB in process."""

from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import duckdb
from click import echo

from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row
from fraud_assets_tests.integration.servers import spark_cluster

NEEDS_DATA = False
ROWS = 1_000_000
MOMENTS = """
COPY (SELECT 1 + i AS source_line, CAST(i AS VARCHAR) AS TRANSACTION_ID,
    TIMESTAMP '2026-01-01' + to_microseconds(i * (120 * 86400000000 // {rows})) AS TX_DATETIME,
    CAST(hash(i, 1) % ({rows} // 200) AS VARCHAR) AS CUSTOMER_ID,
    CAST(hash(i, 2) % ({rows} // 100) AS VARCHAR) AS TERMINAL_ID,
    1 + hash(i, 3) % 20000 / 100 AS TX_AMOUNT,
    CAST(hash(i, 4) % 100 = 0 AS TINYINT) AS TX_FRAUD FROM range({rows}) AS numbers(i)) TO '{path}'
"""
FEATURES = """
from pathlib import Path
import duckdb, ibis.backends.duckdb
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets.features.compute import write_features
from fraud_assets.records.batches import Roles
from fraud_assets.platform.masking import Masking

roles = Roles(target="TX_FRAUD", timestamp="TX_DATETIME", amount="TX_AMOUNT", card="CUSTOMER_ID",
              terminal="TERMINAL_ID", transaction_id="TRANSACTION_ID", real_time=True)
address, path, out = sys.argv[1:]
own, out = AcceptedRows(Path(path), roles), Path(out)
begin()
with duckdb.connect() as connection, open_engine(address, connection) as backend:
    Masking(b"k" * 32).install(connection)
    span = span_of(backend, own, 7)
    write_features(backend, connection, own, [], span, features_for(roles), 7, out)
    total = connection.sql(f"SELECT sum(COLUMNS('_sum_amount_')) FROM '{out}'").fetchall()[0]
done(total=sum(total))
"""


def run(_: Path | None) -> list[Row]:
    if which("java") is None:
        echo("  left out: there is no java; `make servers` installs one where it may")
        return []
    with TemporaryDirectory() as name:
        folder = Path(name)
        source, out = folder / "source.parquet", folder / "out.parquet"
        duckdb.execute(MOMENTS.format(rows=ROWS, path=source))
        ours = in_fresh_process(FEATURES, None, "duckdb", str(source), str(out))
        with spark_cluster(folder, memory="4g") as address:
            other = in_fresh_process(FEATURES, None, address, str(source), str(out))
    same = abs(ours["total"] - other["total"]) <= 1e-9 * abs(ours["total"])
    work = f"all features of {ROWS:,} rows in process, against a cluster on the same 2 cores"
    return [row(work, ours["seconds"], other["seconds"], "s", "the same values", same)]
