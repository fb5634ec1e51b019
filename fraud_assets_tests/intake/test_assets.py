import duckdb
import pytest

from fraud_assets import storage
from fraud_assets.config import IntakeSettings, SimulationSettings
from fraud_assets.intake.assets import take_in, write_first_csv
from fraud_assets.intake.contract import IntakeError


def taken(source, batch):
    with duckdb.connect() as engine:
        rows = storage.new_rows_file("raw_transactions", batch)
        return take_in(engine, source, batch, IntakeSettings(), rows, lambda _: None)


def test_facts_say_where_the_rows_come_from_and_what_became_of_them(drop):
    source = drop("june.csv", "a,Class\n1,0\nx,0\n2,1\n")
    facts = taken(source, "june").facts
    assert (facts["rows"], facts["frauds"], facts["rejected"]) == (2, 1, 1)
    assert facts["source_file"] == "june.csv"
    assert facts["source_bytes"] == source.stat().st_size
    assert len(facts["content_hash"]) == 64
    assert facts["rejected_examples"] == ["line 3: column 'a': 'x' is not a number"]


def test_rejected_rows_lie_beside_until_a_clean_file_takes_their_place(drop):
    taken(drop("june.csv", "a,Class\n1,0\nx,0\n2,1\n"), "june")
    rejected = storage.rejected_path("june")
    assert rejected.read_text().splitlines()[1] == "3,column 'a': 'x' is not a number,\"x,0\""
    taken(drop("june.csv", "a,Class\n1,0\n2,1\n"), "june")
    assert not rejected.exists()


def test_a_file_that_is_not_in_the_drop_folder_is_named_with_the_remedy(home):
    with pytest.raises(IntakeError, match=r"june\.csv is not in the drop folder .*put the file"):
        taken(storage.landing_path("june"), "june")


def test_a_file_that_changes_while_it_is_read_is_refused(drop):
    source = drop("june.csv", "a,Class\n1,0\n")
    rows = storage.new_rows_file("raw_transactions", "june")

    def grow(_):
        source.write_text("a,Class\n1,0\n2,1\n")

    with duckdb.connect() as engine, pytest.raises(IntakeError, match="changed while it was read"):
        take_in(engine, source, "june", IntakeSettings(), rows, grow)


def test_a_simulated_csv_is_written_only_when_there_is_none(home):
    path = write_first_csv(SimulationSettings(transactions=100))
    assert path.parent == home / "data"
    with pytest.raises(FileExistsError, match="already holds simulated_cards_0.csv"):
        write_first_csv(SimulationSettings(transactions=100, seed=1))
