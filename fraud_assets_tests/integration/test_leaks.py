"""Card numbers and names are planted in every kind of row; a whole run keeps them where they are.

Two batches and one that is stopped go through the graph, the second one scored by the champion of
the first; then every file, database, metric and message is searched.
"""

import io
import json
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fraud_assets.config import environment, names
from fraud_assets.definitions import defs
from fraud_assets.monitoring.collectors import parts
from fraud_assets.monitoring.exporter import Exporter
from fraud_assets.monitoring.incidents import AlertState, messages_for
from fraud_assets.monitoring.sensors import check_events, finished_runs
from fraud_assets.platform.masking import is_card_number, masking
from fraud_assets.store import paths, tables
from fraud_assets.tracking import Tracking
from fraud_assets_tests.integration.conftest import Graph, cards, checks_of, failure_of

NAME, MERCHANT = "Zoe Quixote", "Sancho Bakery"
"""A person in place of a card, in a shifted line and in a bad value; and one that is a terminal."""
WATCHED = ["raw_transactions", "features", "champion_scores", "drift_report"]
WATCHED += ["scored_transactions", "published_drift"]
"""What the champion of an earlier batch does for one; training it would be the same again."""
SETTINGS = {
    "trained_model": {"parameters": {"n_estimators": 30}},
    "evaluation_report": {"segments": ["TERMINAL_ID", "amount_band"], "bootstrap_resamples": 50},
}


def numbered(customers: pd.Series) -> pd.Series:
    """A card number for each customer."""
    return customers.map(
        {c: next(n for d in range(10) if is_card_number(n := f"45395787636{c:04d}{d}"))
         for c in customers.unique()}
    )  # fmt: skip


def planted(seed: int, first_day: str) -> tuple[str, list[str]]:
    """A CSV with card numbers and names in it, and the numbers."""
    frame = cards(seed, transactions=2500, fraud_rate=0.06, first_day=first_day).astype(object)
    numbers = numbered(frame["CUSTOMER_ID"])
    frame["CUSTOMER_ID"] = numbers
    frame.loc[frame.index % 50 == 3, "CUSTOMER_ID"] = NAME
    frame.loc[frame.index % 50 == 4, "TERMINAL_ID"] = f"POS {numbers[0]}"
    frame.loc[7, "TERMINAL_ID"] = MERCHANT
    frame.loc[8, "TRANSACTION_ID"] = numbers[1]
    frame.loc[9, "TX_AMOUNT"] = NAME
    frame.loc[10, "TX_AMOUNT"] = numbers[2]
    frame.loc[11, "TX_AMOUNT"] = f"{numbers[2]}.0"
    frame.loc[12, "TX_FRAUD"] = numbers[3]
    frame.loc[13, "TX_DATETIME"] = NAME
    lines = frame.to_csv(index=False).splitlines()
    lines[20] = lines[20].partition(",")[2]  # a field is lost, and the others move up
    lines[21] += f",{NAME}"
    lines[22] = f'"{NAME},{numbers[4]}'
    return "\n".join(lines) + "\n", sorted(set(numbers))


@pytest.fixture(scope="module")
def run(module_home: Path) -> Iterator[tuple[Graph, list[str]]]:
    (environment.home_folder() / "dagster").mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(module_home / "var" / "dagster")) as instance:
        graph = Graph(instance, module_home / "data")
        first, numbers = planted(0, "2026-01-01")
        result = graph.take("first", first, **SETTINGS)
        assert result.success, failure_of(result)
        # By its number, as a person knows the card; the copy beside the scores names the token.
        entry = f"card,{numbers[0]},{numbers[0]} called,2027-01-01\n"
        (module_home / "suppressions.csv").write_text(f"kind,name,reason,expires\n{entry}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FRAUD_SUPPRESSIONS", str(module_home / "suppressions.csv"))
            graph.drop("second", planted(1, "2026-01-22")[0])
            result = graph.run("second", WATCHED)
        assert result.success, failure_of(result)
        assert not checks_of(result)["rejected_rows"].passed
        assert not graph.take("named", f"amount,holder,Class\n1,{NAME},0\n2,x,1\n").success
        assert not graph.take("headless", f"{NAME},{numbers[0]},x,y,z,0\n" * 3).success
        yield graph, numbers


def texts_of(path: Path) -> Iterator[str]:
    """All that a file holds, also within tables, databases and archives."""
    content = path.read_bytes()
    yield content.decode("latin-1")
    yield content.decode("utf-8", "replace")
    if path.suffix == ".parquet":
        yield pq.read_table(path).to_pandas().to_csv()
        yield pq.read_table(path).to_pandas().map(str).to_csv()
    elif content.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as database:
            yield "\n".join(database.iterdump())
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield archive.read(name).decode("latin-1")


def where(secrets: list[str]) -> set[str]:
    """The first two folders of every file below the home that holds one of these."""
    home, found = environment.home_folder(), set()
    for path in home.rglob("*"):
        if path.is_file() and any(s in text for text in texts_of(path) for s in secrets):
            found.add("/".join(path.relative_to(home).parts[:2]))
    return found


def test_a_card_number_and_a_name_are_in_the_raw_and_the_quarantine_tables_only(run):
    _, numbers = run
    spaced = [f"{n[:4]} {n[4:8]} {n[8:12]} {n[12:]}" for n in numbers[:20]]
    quarantine = {"rejected/first.csv", "rejected/second.csv"}
    assert where([NAME]) == {"tables/raw_transactions", *quarantine}
    assert where([*numbers, *spaced]) == {"tables/raw_transactions", *quarantine}
    # No unfinished file lies about.
    assert list((environment.home_folder() / "scratch").iterdir()) == []


def test_the_name_of_a_terminal_is_for_analysts_and_in_no_report(run):
    assert where([MERCHANT]) == {"tables/raw_transactions", "tables/features", "reports/second"}
    names = {
        path.stem
        for path in (environment.home_folder() / "reports").rglob("*")
        if path.is_file() and any(MERCHANT in text for text in texts_of(path))
    }
    assert names == {"scored_transactions"}


def test_no_metric_and_no_message_carries_them(run):
    graph, numbers = run
    keys = list(defs.resolve_asset_graph().asset_check_keys)
    read = parts(graph.instance, Tracking(), keys, [names.JOB_NAME], names.CODE_LOCATION)
    registry = CollectorRegistry()
    registry.register(Exporter(read))
    said = [generate_latest(registry).decode()]
    finished, _ = finished_runs(graph.instance, 0)
    messages, _ = messages_for(AlertState(), check_events(graph.instance, keys, {}), finished)
    said += [f"{message.title} {message.body}" for message in messages]
    assert any("line 11, column 'TX_AMOUNT': not a number" in text for text in said)
    assert any("line 2, column 'holder': text" in text for text in said)
    for text in said:
        assert NAME not in text
        assert not any(number in text for number in numbers)


def test_analysts_tell_cards_apart_and_suppress_one_by_what_they_see(run):
    _, numbers = run
    folder, mask = paths.report_folder("second"), masking()
    scored = pd.read_csv(folder / "scored_transactions.csv", dtype=str)
    tokens = {mask.card(number) for number in numbers} | {mask.card(NAME)}
    assert set(scored["card"]) <= tokens
    assert scored["card"].nunique() == len(numbers) + 1
    copy = pd.read_csv(folder / "suppressions.csv")
    assert copy["name"].tolist() == [mask.card(numbers[0])]
    assert copy["reason"].tolist() == [f"{mask.card(numbers[0])} called"]
    off = scored["decision"] == "suppressed"
    assert set(scored[off]["card"]) <= {mask.card(numbers[0])}


def test_mlflow_has_predictions_without_ids_and_a_made_up_example(run, tmp_path):
    model = json.loads((paths.report_folder("first") / "trained_model.json").read_text())
    name = "evaluation/test_predictions.parquet"
    logged = pd.read_parquet(
        Tracking().client().download_artifacts(model["run_id"], name, str(tmp_path))
    )
    local = pd.read_parquet(paths.report_folder("first") / "test_predictions.parquet")
    assert list(logged) == ["row", "score", "decision", "label"]
    assert {"transaction_id", "source_line"} <= set(local)
    assert logged["score"].tolist() == local["score"].tolist()
    keys = pd.read_parquet(tables.load_table(tables.SplitTable, "first").path)["content_key"]
    assert set(logged["row"]) <= {f"{key:016x}" for key in keys}
    rows = pd.read_parquet(tables.load_table(tables.FeatureTable, "first").path)
    (example,) = environment.home_folder().rglob("input_example.json")
    made_up = pd.read_json(example, orient="split")
    known = rows[list(made_up)].astype(float).round(6).fillna(0)
    assert not set(map(tuple, made_up.round(6).to_numpy())) & set(map(tuple, known.to_numpy()))


def test_what_holds_rows_is_readable_for_its_owner_alone(run):
    home = environment.home_folder()
    for name in ("tables", "reports", "rejected", "scratch", "mlflow"):
        for path in [home / name, *(home / name).rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            # MLflow makes its database in a folder that nobody else enters.
            expected = {0o700} if path.is_dir() else {0o600}
            assert mode in expected, (path, oct(mode))
    assert stat.S_IMODE((home / "metrics" / "fraud_drift.prom").stat().st_mode) == 0o644
