import os
import stat

import pandas as pd
import pytest

from fraud_assets.platform.umask import private_files
from fraud_assets.store import files
from fraud_assets.store.files import SHARED, private_folder, whole_file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_takes_the_place_of_the_old_one_when_the_block_ends_well(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode(path) == 0o600


def test_a_file_that_others_have_to_read_says_so(tmp_path):
    with private_files(), whole_file(tmp_path / "file", SHARED) as file:
        file.write(b"")
    assert mode(tmp_path / "file") == 0o644


def test_what_a_library_writes_meanwhile_is_for_its_owner_alone(tmp_path):
    before = os.umask(0o022)
    try:
        with private_files():
            pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "rows.parquet")
            (tmp_path / "folder").mkdir()
        (tmp_path / "later").touch()
    finally:
        os.umask(before)
    modes = [mode(tmp_path / name) for name in ("rows.parquet", "folder", "later")]
    assert modes == [0o600, 0o700, 0o644]


def test_a_folder_of_before_is_closed_to_others(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "old" / "tables").mkdir(mode=0o755, parents=True)
    for below in (home, tmp_path / "old"):
        assert mode(private_folder(below / "tables" / "june", below)) == 0o700
        assert mode(below / "tables") == 0o700
    with private_files():
        assert mode(private_folder(home / "metrics", home, 0o755)) == 0o755
    assert mode(home) == 0o711


def test_a_block_that_fails_leaves_the_old_file_and_nothing_of_the_new(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.write("no bytes")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    files.write_atomically(path, "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"


def test_a_full_disk_is_explained_with_what_is_left(home):
    (home / "var").mkdir()
    text = files.explain(OSError(28, "No space left on device"))
    assert "the disk is full" in text
    assert "free some space there, then materialize the batch again" in text
    assert files.explain(OSError(13, "Permission denied", "f")) == "f: Permission denied"
