import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner

from fraud_assets.cli import main
from fraud_assets.config import environment
from fraud_assets.intake.csv.decoding import sha256
from fraud_assets.intake.partitions import batches
from fraud_assets.platform.masking import masking
from fraud_assets.privacy.forget import forget
from fraud_assets.records.batches import Roles
from fraud_assets.store import paths, resources, tables
from fraud_assets.store.decision_log import read_entries
from fraud_assets_tests import factories
from fraud_assets_tests.homes import copy_home, dagster_in, home_in

CARD, OTHER = "4111-1111 1111 1111", "77"
SHOWN = "an entry of the worklist"


@dg.asset(partitions_def=batches)
def scored_transactions(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Shows the first entries of the worklist."""
    context.log.info(SHOWN)
    return dg.MaterializeResult(metadata={"worklist": SHOWN})


@dg.asset(partitions_def=batches, deps=[scored_transactions])
def registered_model(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Shows nothing of a row."""
    return dg.MaterializeResult(metadata={"log": "kept"})


def keep(asset, batch, frame, content_hash="a", **facts):
    rows = tables.new_rows_file(asset, batch)
    frame.to_parquet(rows, index=False)
    about = getattr(factories, asset)(batch=batch, content_hash=content_hash, **facts)
    return tables.save_table(tables.TABLES[asset](rows, about)).path


@pytest.fixture(scope="module")
def two_batches(tmp_path_factory):
    """A batch in which lines 2, 4 and 5 are of the card, and one in which none is."""
    with home_in(tmp_path_factory.mktemp("home")) as home:
        keep_two_batches()
        with dagster_in(home) as made:
            made.add_dynamic_partitions("batch", ["june", "july"])
            for batch in ("june", "july"):
                assets = [scored_transactions, registered_model]
                dg.materialize(assets, instance=made, partition_key=batch)
        return home


@pytest.fixture
def instance(home, two_batches):
    copy_home(two_batches, home)
    with dagster_in(home) as copied:
        yield copied


def keep_two_batches():
    lines = pd.DataFrame(
        {"source_line": [2, 3, 4, 5], "card": [CARD, OTHER, CARD, "4111111111111111"]}
    )
    roles = Roles(target="Class", card="card")
    for batch, frame in (("june", lines), ("july", lines.assign(card=OTHER))):
        raw = keep("raw_transactions", batch, frame, roles=roles, rows=4, rows_hash="?")
        keep("features", batch, frame[["source_line"]].assign(amount=1.0), roles=roles)
        folder = paths.report_folder(batch)
        frame.assign(score=0.5).to_parquet(folder / "scored_transactions.parquet", index=False)
        frame.drop(columns="card").to_parquet(folder / "test_predictions.parquet", index=False)
        pd.DataFrame({"score": [0.1]}).to_parquet(folder / "champion_scores.parquet")
        frame.to_csv(folder / "scored_transactions.csv", index=False)
        entries = pd.DataFrame({"place": [1, 2], "source_lines": ["4 2", "3"]})
        entries.to_csv(folder / "worklist.csv", index=False)
        assert raw.exists()
    paths.rejected_path("june").write_text(
        'line_number,reason,raw_text\n1,header of the rows below,"card,amount"\n'
        f'7,2 fields,"{CARD},x"\n8,2 fields,"77,41111111111111115"\n'
    )
    environment.suppressions_path().write_text(
        f"kind,name,reason,expires\ncard,{CARD},a trip,2027-01-01\ncard,77,a trip,2027-01-01\n"
    )
    (environment.drop_folder() / "june.csv").write_text(f"card,amount\n{CARD},1\n")


def lines_of(path):
    return pd.read_parquet(path)["source_line"].tolist()


def test_a_card_goes_from_tables_lists_rejected_rows_and_suppressions(instance):
    (june,) = forget(instance, resources.Engine(), CARD, "anna").batches
    assert (june.batch, june.rows) == ("june", 3)
    folder = paths.report_folder("june")
    for asset in ("raw_transactions", "features"):
        assert lines_of(tables.load_table(tables.TABLES[asset], "june").path) == [3]
        assert lines_of(tables.load_table(tables.TABLES[asset], "july").path) == [2, 3, 4, 5]
    for name in ("scored_transactions", "test_predictions"):
        assert lines_of(folder / f"{name}.parquet") == [3]
    assert pd.read_csv(folder / "scored_transactions.csv")["source_line"].tolist() == [3]
    assert pd.read_csv(folder / "worklist.csv")["place"].tolist() == [2]
    assert paths.rejected_path("june").read_text().splitlines() == [
        "line_number,reason,raw_text",
        '1,header of the rows below,"card,amount"',
        '8,2 fields,"77,41111111111111115"',
    ]
    assert CARD not in environment.suppressions_path().read_text()
    assert "card,77" in environment.suppressions_path().read_text()


def test_what_was_changed_is_said_and_is_whole(instance):
    # By the token that lists show, this time.
    (june,) = forget(instance, resources.Engine(), masking().card(CARD), "anna").batches
    raw = tables.load_table(tables.RawTable, "june")
    assert raw.facts.rows_hash == sha256(raw.path)
    assert (raw.facts.rows, raw.facts.rows_forgotten) == (1, 3)
    assert {path.name for path in june.files} == {
        *("rows.parquet", "scored_transactions.parquet", "test_predictions.parquet"),
        *("scored_transactions.csv", "worklist.csv", "june.csv"),
    }
    assert june.still_in == environment.drop_folder() / "june.csv"
    (entry,) = read_entries(paths.decisions_path())
    assert (entry.event, entry.actor) == ("forgotten", "anna")
    assert entry.rows_removed == {"june": 3}
    assert entry.card == masking().card(CARD)[-9:]
    assert "4111" not in paths.decisions_path().read_text()


def test_events_of_a_batch_show_its_rows_no_longer_and_those_of_others_stay(instance, home):
    def holding():
        return [p for p in home.rglob("*.db") if SHOWN.encode() in p.read_bytes()]

    assert len(holding()) >= 3
    forget(instance, resources.Engine(), CARD, "anna")
    instance.event_log_storage.dispose()
    (july,) = instance.get_run_ids(dg.RunsFilter(tags={"dagster/partition": "july"}))
    (june,) = instance.get_run_ids(dg.RunsFilter(tags={"dagster/partition": "june"}))
    assert {path.stem for path in holding()} == {july, "index"}
    latest = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("scored_transactions"), asset_partitions=["june"]),
        limit=9,
    ).records
    assert [r.asset_materialization.metadata["rows_forgotten"].value for r in latest] == [3]
    other = instance.fetch_materializations(dg.AssetKey("registered_model"), limit=9).records
    assert {record.run_id for record in other} == {june, july}


def test_a_card_that_is_nowhere_changes_nothing(instance):
    before = {
        path: path.read_bytes() for path in environment.home_folder().rglob("*") if path.is_file()
    }
    assert forget(instance, resources.Engine(), "411", "anna").batches == []
    log = paths.decisions_path()
    after = {path: path.read_bytes() for path in before if path.suffix not in (".db", ".lock")}
    assert {path: before[path] for path in after} == after
    assert read_entries(log)[0].rows_removed == {}


def test_nothing_is_changed_while_a_run_may_write_it_anew(instance, monkeypatch):
    monkeypatch.setattr("fraud_assets.privacy.forget.is_busy", lambda _: True)
    with pytest.raises(RuntimeError, match="a run is in progress"):
        forget(instance, resources.Engine(), CARD, "anna")


def test_line_numbers_of_two_versions_of_a_batch_are_kept_apart(instance):
    # In the corrected file the card is on line 3, where the first one has another's.
    lines = pd.DataFrame({"source_line": [2, 3, 4], "card": [OTHER, CARD, OTHER]})
    roles = Roles(target="Class", card="card")
    keep("raw_transactions", "june", lines, "b", roles=roles, rows=3, rows_hash="?")
    keep("splits", "june", lines[["source_line"]], "b")
    folder = paths.report_folder("june")
    (folder / "scored_transactions.json").write_text('{"content_hash": "b"}')
    lines.assign(card="?").to_csv(folder / "scored_transactions.csv", index=False)
    (june,) = forget(instance, resources.Engine(), CARD, "anna").batches
    assert june.rows == 4
    assert lines_of(tables.load_table(tables.RawTable, "june", "a").path) == [3]
    for asset in ("raw_transactions", "splits"):
        assert lines_of(tables.load_table(tables.TABLES[asset], "june", "b").path) == [2, 4]
    assert pd.read_csv(folder / "scored_transactions.csv")["source_line"].tolist() == [2, 4]
    # It does not say which version it was made of.
    assert lines_of(folder / "test_predictions.parquet") == []


def test_a_card_in_another_column_takes_its_row_along_and_a_short_number_is_told_of(instance):
    lines = pd.DataFrame(
        {
            "source_line": [2, 3, 4],
            "card": ["C1", "C2", "4711"],
            "memo": [f"sent to {CARD}", "for 4711", "none"],
        }
    )
    roles = Roles(target="Class", card="card")
    keep("raw_transactions", "july", lines, roles=roles, rows=3, rows_hash="?")
    # Columns that nothing reads are masked there, and in what follows they are not at all.
    keep("features", "july", lines.assign(memo="?"), roles=roles)
    _, july = forget(instance, resources.Engine(), CARD, "anna").batches
    raw = tables.load_table(tables.RawTable, "july")
    assert (july.rows, july.kept, lines_of(raw.path)) == (1, (), [3, 4])
    assert lines_of(tables.load_table(tables.FeatureTable, "july").path) == [3, 4]
    paths.rejected_path("july").write_text(
        "line_number,reason,raw_text\n1,header,4711\n7,why,'=4711;of 4711.\n8,why,4711;x\n"
    )
    found = forget(instance, resources.Engine(), "4711", "anna")
    (july,) = found.batches
    assert lines_of(raw.path) == [3]
    assert july.files[paths.rejected_path("july")] == 1
    assert paths.rejected_path("july").read_text().endswith("\n7,why,'=4711;of 4711.\n")
    column, rejected = july.kept
    assert "column 'memo': 1 rows have it in a column of other names" in column
    assert f"{paths.rejected_path('july')}: 1 rows have it within a longer text" in rejected
    assert any("backups" in text for text in found.kept)
    entry = read_entries(paths.decisions_path())[-1]
    assert entry.card == masking().mark("4711")
    assert "4711" not in entry.card


def test_rejected_rows_of_a_batch_without_a_partition_and_leftovers_of_runs_go_too(instance):
    instance.delete_dynamic_partition("batch", "july")
    left = paths.tables_folder("raw_transactions", "july") / "incoming-1.rejected"
    left.write_text(CARD)
    paths.rejected_path("refused").write_text(
        f'line_number,reason,raw_text\n1,header,a\n2,why,"x;note on {CARD}\r;1"\n'
    )
    _, refused = forget(instance, resources.Engine(), CARD, "anna").batches
    assert (refused.batch, refused.rows) == ("refused", 0)
    assert refused.files == {paths.rejected_path("refused"): 1}
    assert not left.exists()


def test_a_suppression_that_names_the_card_in_its_reason_goes_and_is_counted(instance):
    environment.suppressions_path().write_text(
        f"kind,name,reason,expires\nterminal,T1,see {CARD},2027-01-01\nterminal,77,a,2027-01-01\n"
    )
    assert forget(instance, resources.Engine(), CARD, "anna").suppressions == 1
    assert forget(instance, resources.Engine(), "77", "anna").suppressions == 0


def test_the_command_says_what_went_where_and_what_stays(instance, monkeypatch):
    monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
    said = CliRunner().invoke(main, ["forget", "--card", CARD, "--actor", "anna"]).output
    folder = paths.report_folder("june")
    assert "batch 'june': 3 rows removed" in said
    assert f"  1 rows removed from {folder / 'worklist.csv'}" in said
    assert f"  kept: {environment.drop_folder() / 'june.csv'}; delete the lines" in said
    assert "1 suppressions removed" in said
    assert "kept: backups" in said
    assert CliRunner().invoke(main, ["forget", "--card", " "]).exit_code == 1
