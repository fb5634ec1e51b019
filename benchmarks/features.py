"""The handbook's twelve window features: its published values, its pandas recipe, and scale."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from click import echo

from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row

NEEDS_DATA = True
PUBLISHED = {
    "card_transactions_{}d": "CUSTOMER_ID_NB_TX_{}DAY_WINDOW",
    "card_mean_amount_{}d": "CUSTOMER_ID_AVG_AMOUNT_{}DAY_WINDOW",
    "terminal_labelled_transactions_{}d": "TERMINAL_ID_NB_TX_{}DAY_WINDOW",
    "terminal_fraud_share_{}d": "TERMINAL_ID_RISK_{}DAY_WINDOW",
}
FLAGS = {"is_weekend": "TX_DURING_WEEKEND", "is_night": "TX_DURING_NIGHT"}
DAYS = (1, 7, 30)
RELATIVE = 1e-6
BASE_ROWS = 1_750_000
COPIES = 10
WEEKS = 20
SETTLED = 14
"""Weeks after which the longest window and the delay are full."""
OURS = """
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
out, wanted, own, *history = sys.argv[1:]
features = [f for f in features_for(roles) if wanted == "all" or f.name in wanted.split(",")]
own, *history = (AcceptedRows(Path(path), roles) for path in (own, *history))
begin()
with duckdb.connect() as connection, open_engine("duckdb", connection) as backend:
    connection.execute(f"SET memory_limit = '2GB'; SET temp_directory = '{out}.spill'")
    Masking(b"k" * 32).install(connection)
    span = span_of(backend, own, 7)
    write_features(backend, connection, own, history, span, features, 7, Path(out))
done(features=len(features))
"""
RECIPE = """
import warnings
import pandas as pd

warnings.simplefilter("ignore")
frame = pd.read_parquet(sys.argv[1])

def of_card(rows):
    rows = rows.sort_values("TX_DATETIME").set_index("TX_DATETIME", drop=False)
    for days in (1, 7, 30):
        window = rows["TX_AMOUNT"].rolling(f"{days}D")
        rows[f"count_{days}"] = window.count()
        rows[f"mean_{days}"] = window.sum() / window.count()
    return rows.reset_index(drop=True)

def of_terminal(rows):
    rows = rows.sort_values("TX_DATETIME").set_index("TX_DATETIME", drop=False)
    late = rows["TX_FRAUD"].rolling("7D")
    late_frauds, late_count = late.sum(), late.count()
    for days in (1, 7, 30):
        window = rows["TX_FRAUD"].rolling(f"{7 + days}D")
        count = window.count() - late_count
        rows[f"terminal_count_{days}"] = count
        rows[f"risk_{days}"] = ((window.sum() - late_frauds) / count).fillna(0)
    return rows.reset_index(drop=True)

begin()
frame = frame.groupby("CUSTOMER_ID").apply(of_card).reset_index(drop=True)
frame = frame.groupby("TERMINAL_ID").apply(of_terminal).reset_index(drop=True)
done(rows=len(frame))
"""


def run(data: Path | None) -> list[Row]:
    assert data is not None
    handbook = data / "handbook"
    twelve = ",".join(name.format(days) for name in PUBLISHED for days in DAYS)
    with TemporaryDirectory() as name, duckdb.connect() as engine:
        folder = Path(name)
        source, out = folder / "source.parquet", folder / "out.parquet"
        numbered(engine, handbook / "transactions_2018-04_to_2018-08.parquet", source)
        in_fresh_process(OURS, None, str(out), ",".join([twelve, *FLAGS]), str(source))
        differ, tied = compare(
            engine, out, handbook / "published_features_2018-04_to_2018-05.parquet"
        )
        ours = in_fresh_process(OURS, None, str(out), twelve, str(source))
        other = in_fresh_process(RECIPE, None, str(source))
        everything = in_fresh_process(OURS, None, str(out), "all", str(source))
        weeks = weekly(engine, source, folder)
        small, large = copies(engine, source, folder)
        of_small = in_fresh_process(OURS, None, str(out), twelve, str(small))
        of_large = in_fresh_process(OURS, None, str(out), twelve, str(large))
    growth = of_large["seconds"] / of_small["seconds"]
    return [
        row("values unlike the published, 12 features and 2 flags", differ, tied,
            "values (other: unlike on rows that tie on entity and second, listed above)",
            "none but on ties", differ == 0),
        row("twelve features of 1.47 million rows against the pandas recipe", ours["seconds"],
            other["seconds"], "s", "a fifteenth", ours["seconds"] <= other["seconds"] / 15),
        row(f"all {everything['features']} features against the pandas recipe for twelve",
            everything["seconds"], other["seconds"], "s", "less",
            everything["seconds"] < other["seconds"]),
        row(f"week {WEEKS} of {WEEKS}, in sequence, against week {SETTLED}", weeks[-1], weeks[0],
            "s", "no growth: at most 1.3", weeks[-1] <= 1.3 * weeks[0]),
        row("17.5 million rows, times the time of 1.75 million", growth, COPIES, "times",
            "at most 11", growth <= 11),
        row("17.5 million rows with a limit of 2 GB, peak memory", of_large["peak_mb"],
            of_small["peak_mb"], "MB (other: 1.75 million rows)", "completes", True),
    ]  # fmt: skip


def numbered(engine: duckdb.DuckDBPyConnection, source: Path, destination: Path) -> None:
    """Write the data as intake does: typed, with the line of each row."""
    engine.execute(
        "COPY (SELECT 1 + row_number() OVER () AS source_line, * REPLACE ("
        "CAST(CUSTOMER_ID AS VARCHAR) AS CUSTOMER_ID, CAST(TERMINAL_ID AS VARCHAR) AS TERMINAL_ID, "
        f"CAST(TX_FRAUD AS TINYINT) AS TX_FRAUD) FROM '{source}') TO '{destination}'"
    )


def weekly(engine: duckdb.DuckDBPyConnection, source: Path, folder: Path) -> list[float]:
    """Return the seconds of the first settled week and of the last, each with its history."""
    paths = []
    for week in range(WEEKS):
        paths.append(folder / f"week{week:02}.parquet")
        engine.execute(
            f"COPY (FROM '{source}' WHERE datediff('day', TIMESTAMP '2018-04-01', TX_DATETIME) "
            f"// 7 = {week}) TO '{paths[-1]}'"
        )
    out = str(folder / "week.parquet")
    seconds = []
    for week in (SETTLED - 1, WEEKS - 1):
        reach = paths[max(0, week - 13) : week]
        runs = [
            in_fresh_process(OURS, None, out, "all", *map(str, [paths[week], *reach]))["seconds"]
            for _ in range(3)
        ]
        seconds.append(min(runs))
    return seconds


def copies(engine: duckdb.DuckDBPyConnection, source: Path, folder: Path) -> tuple[Path, Path]:
    """Write 1.75 million rows, and ten copies of them with entities of their own."""
    small, large = folder / "small.parquet", folder / "large.parquet"
    shifted = "SELECT * REPLACE ('c{0}-' || CUSTOMER_ID AS CUSTOMER_ID, 't{0}-' || TERMINAL_ID AS "
    shifted += "TERMINAL_ID) FROM "
    again = f"{shifted.format('x')} '{source}'"
    numbers = "SELECT * REPLACE (1 + row_number() OVER () AS source_line) FROM"
    engine.execute(
        f"COPY ({numbers} (FROM '{source}' UNION ALL {again}) LIMIT {BASE_ROWS}) TO '{small}'"
    )
    parts = " UNION ALL ".join(f"{shifted.format(copy)} '{small}'" for copy in range(COPIES))
    engine.execute(f"COPY ({numbers} ({parts})) TO '{large}'")
    return small, large


def compare(engine: duckdb.DuckDBPyConnection, out: Path, published: Path) -> tuple[int, int]:
    """Count values unlike the published: on rows without ties, and on tied rows, which it lists.

    The published values are 32-bit floats, so ours are rounded to that first.
    """
    names = {n.format(d): theirs.format(d) for n, theirs in PUBLISHED.items() for d in DAYS} | FLAGS
    pairs = " UNION ALL ".join(
        f"SELECT TRANSACTION_ID, tied, '{mine}' AS feature, CAST({mine} AS FLOAT) AS ours, "
        f"{theirs} AS theirs FROM both_"
        for mine, theirs in names.items()
    )
    tied = " OR ".join(
        f"count(*) OVER (PARTITION BY {entity}, TX_DATETIME) > 1"
        for entity in ("CUSTOMER_ID", "TERMINAL_ID")
    )
    engine.execute(
        f"CREATE TEMP TABLE both_ AS SELECT * FROM (SELECT *, {tied} AS tied FROM '{out}') "
        f"JOIN '{published}' USING (TRANSACTION_ID)"
    )
    engine.execute(
        f"CREATE TEMP TABLE unlike AS SELECT * FROM ({pairs}) WHERE "
        f"NOT coalesce(abs(ours - theirs) <= {RELATIVE} * abs(theirs), false)"
    )
    compared, with_ties = engine.execute(
        "SELECT count(*), count(*) FILTER (WHERE tied) FROM both_"
    ).fetchall()[0]
    echo(f"  {compared:,} published rows, {with_ties:,} of them tie on entity and second")
    listed = engine.execute(
        "SELECT TRANSACTION_ID, string_agg(feature || ' ' || ours || ' (published ' || theirs "
        "|| ')', ', ' ORDER BY feature) FROM unlike WHERE tied GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for transaction, values in listed:
        echo(f"    transaction {transaction}: {values}")
    counts = engine.execute(
        "SELECT count(*) FILTER (WHERE NOT tied), count(*) FILTER (WHERE tied) FROM unlike"
    ).fetchall()[0]
    return int(counts[0]), int(counts[1])
