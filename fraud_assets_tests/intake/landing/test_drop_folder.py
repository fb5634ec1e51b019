import os

import pytest

from fraud_assets.intake.landing.drop_folder import (
    batch_of,
    file_of,
    is_being_written,
    list_files,
    printable,
    stat_of,
)
from fraud_assets_tests.intake.conftest import put


def problem_of(folder, name):
    return list_files(folder)[name].problem


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("june.csv", "june"),
        ("june.CSV", "june"),
        ("june.csv.gz", "june"),
        ("june.csv.zst", "june"),
        ("june 2026 (final).csv", "june 2026 (final)"),
        (" june .csv", "june"),
        ("a.b.csv", "a.b"),
        ("éte\u0301.csv", "été"),
        ("🦊.csv", "🦊"),
        ("x" * 251 + ".csv", "x" * 251),
    ],
)
def test_the_batch_is_the_name_without_its_suffix(folder, name, batch):
    put(folder, name)
    file = list_files(folder)[name]
    assert (file.batch, file.problem) == (batch, None)
    assert batch_of(name) == batch


@pytest.mark.parametrize(
    "name",
    [".hidden.csv", ".june.csv.Xa3f9Q", "..csv", "june.csv.part", "june.csv.tmp", "notes.txt"],
)
def test_hidden_files_temporary_files_and_other_kinds_are_left_alone(folder, name):
    put(folder, name)
    assert list_files(folder) == {}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a...b.csv", "its name contains '...'"),
        ("a\nb.csv", "its name contains control characters"),
        ("a\\b.csv", "its name contains a backslash"),
        (" .csv", "its name is empty before the suffix"),
        (os.fsdecode(b"caf\xe9.csv"), "its name is not UTF-8"),
    ],
)
def test_a_name_that_cannot_be_a_batch_is_refused_with_the_remedy(folder, name, problem):
    put(folder, name)
    assert f"cannot be a batch: {problem}; rename the file" in problem_of(folder, name)


def test_a_folder_and_a_pipe_are_refused(folder):
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    assert "is a folder" in problem_of(folder, "folder.csv")
    assert "is not a regular file" in problem_of(folder, "pipe.csv")


def test_a_link_within_the_drop_folder_is_a_file_and_any_other_link_is_refused(folder):
    put(folder, "june.csv")
    put(folder.parent, "outside.csv")
    (folder / "inside.csv").symlink_to(folder / "june.csv")
    (folder / "out.csv").symlink_to(folder.parent / "outside.csv")
    (folder / "up.csv").symlink_to("../outside.csv")
    (folder / "nothing.csv").symlink_to(folder / "gone.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    assert problem_of(folder, "inside.csv") is None
    assert "out.csv is a link that points outside the drop folder" in problem_of(folder, "out.csv")
    assert "is a link that points outside the drop folder" in problem_of(folder, "up.csv")
    assert "is a broken link" in problem_of(folder, "nothing.csv")
    assert "is a broken link" in problem_of(folder, "loop.csv")


def test_a_file_that_may_not_be_read_is_refused(folder, monkeypatch):
    put(folder, "june.csv")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be read by the platform; change its permissions" in problem_of(
        folder, "june.csv"
    )


def test_the_file_of_a_batch_is_the_oldest_that_can_be_read(folder):
    put(folder, "june.csv.gz", modified=200)
    put(folder, "june.csv", modified=300)
    (folder / "june.CSV").mkdir()
    assert file_of(folder, "june").name == "june.csv.gz"
    assert file_of(folder, "july") is None
    assert file_of(folder / "gone", "june") is None


def test_the_state_of_a_file_is_size_time_and_inode(folder):
    path = put(folder, "june.csv", modified=100)
    assert stat_of(path) == (8, 100_000_000_000, path.stat().st_ino)
    assert stat_of(folder / "gone.csv") is None


def test_a_file_that_someone_writes_is_told(folder):
    path = put(folder, "june.csv")
    assert not is_being_written(path)
    with path.open("a"):
        assert is_being_written(path)
    assert not is_being_written(path)


def test_a_card_number_in_a_name_is_refused_and_not_repeated(folder):
    name = "june 4111.1111_1111-1111.csv"
    (folder / name).write_text("a,Class\n1,0\n")
    (folder / "june 20260601120007.csv").write_text("a,Class\n1,0\n")
    found = list_files(folder)
    assert found["june 20260601120007.csv"].problem is None
    problem = found[name].problem
    assert "its name contains a payment card number; rename the file" in problem
    assert "1111.1111" not in problem + printable(name) + printable(found[name].batch)
    assert printable(name).startswith("june …1111 #")
