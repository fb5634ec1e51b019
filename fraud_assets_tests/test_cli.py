import os
import stat

from click.testing import CliRunner

from fraud_assets.cli import main
from fraud_assets.intake.landing.ledger import FileState, LedgerEntry, open_ledger
from fraud_assets.store import paths


def test_simulate_writes_a_csv_of_the_size_asked_for_and_never_over_another(tmp_path):
    path = tmp_path / "a.csv"
    arguments = ["simulate", str(path), "--transactions", "200", "--fraud-rate", "0.05"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    text = path.read_text()
    assert len(text.splitlines()) == 201
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "exists already and was not changed" in again.output
    assert path.read_text() == text


def test_simulate_refuses_what_makes_no_sense_and_names_it(tmp_path):
    result = CliRunner().invoke(main, ["simulate", str(tmp_path / "a.csv"), "--drift", "7"])
    assert result.exit_code == 1
    assert "drift" in result.output


def test_a_champion_that_does_not_exist_is_refused(tracking):
    result = CliRunner().invoke(main, ["champion", "9", "--reason", "try"])
    assert result.exit_code == 1
    assert "there is no version '9'" in result.output


def test_files_tells_what_became_of_each_file_that_landed(home):
    entry = LedgerEntry("june.csv", "june", 8, 1, 1, "hash", FileState.done, "run 7", "key")
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put([entry])
    result = CliRunner().invoke(main, ["files"])
    assert result.output.splitlines()[0] == "done       june.csv  batch 'june'  run 7"


def test_a_file_name_moves_no_terminal(home):
    evil = "\x1b[2Jjune\x07\u202e.csv"
    entry = LedgerEntry(
        evil, evil, 8, 1, 1, "hash", FileState.refused, f"{evil} is a folder", "key"
    )
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put([entry])
    shown = CliRunner().invoke(main, ["files"]).output
    assert "[2Jjune.csv is a folder" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_what_other_accounts_have_to_read_they_may_and_nothing_else(tmp_path):
    before = os.umask(0o022)
    try:
        for command in (
            ["alertmanager", "--output", f"{tmp_path}/alertmanager.yml"],
            ["dashboards", f"{tmp_path}/dashboards"],
            ["simulate", f"{tmp_path}/cards.csv", "--transactions", "100"],
            ["secrets", f"{tmp_path}/.env"],
        ):
            assert CliRunner().invoke(main, command).exit_code == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*") if p.is_file()}
    shared = {name for name, mode in modes.items() if mode == 0o644}
    assert {name for name in modes if name.endswith((".yml", ".json"))} == shared
    assert {modes[name] for name in set(modes) - shared} == {0o600}
