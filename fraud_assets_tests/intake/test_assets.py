import os

import pytest

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.intake.assets import source_of, write_first_csv
from fraud_assets.intake.csv.decoding import IntakeError


def test_the_file_of_a_batch_is_the_one_that_the_run_was_asked_for(drop, home):
    os.utime(drop("june.csv", "1"), (1, 1))
    drop("june.csv.gz", "2")
    assert source_of("june", "june.csv.gz").name == "june.csv.gz"
    assert source_of("june", None).name == "june.csv"
    assert source_of("june", "gone.csv").name == "june.csv"
    assert source_of("june", "../june.csv").name == "june.csv"


def test_a_batch_without_a_file_is_named_with_the_remedy(home):
    with pytest.raises(IntakeError, match=r"june\.csv is not in the drop folder .*put the file"):
        source_of("june", None)


def test_a_batch_whose_file_cannot_be_taken_says_why(home):
    (home / "data" / "june.csv").mkdir()
    with pytest.raises(IntakeError, match="june.csv is a folder"):
        source_of("june", "june.csv")


def test_a_simulated_csv_is_written_only_when_there_is_none(home):
    path = write_first_csv(SimulationSettings(transactions=100))
    assert path.parent == home / "data"
    with pytest.raises(FileExistsError, match="already holds simulated_cards_0.csv"):
        write_first_csv(SimulationSettings(transactions=100, seed=1))


def test_a_drop_folder_that_may_only_be_read_is_said_with_the_remedy(home, monkeypatch):
    # The full stack mounts it so; a test that runs as root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, _: path != home / "data")
    with pytest.raises(PermissionError, match=r"data is read-only .*copy a CSV there from"):
        write_first_csv(SimulationSettings(transactions=100))
    assert list((home / "data").iterdir()) == []
