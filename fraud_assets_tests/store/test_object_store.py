import json
import shutil
from uuid import uuid4

import pytest

from fraud_assets.store import object_store, paths, tables
from fraud_assets_tests import factories


@pytest.fixture
def store(home, monkeypatch):
    """A store in memory; nothing of another test is in it."""
    monkeypatch.setenv("FRAUD_OBJECT_STORE", f"memory://{uuid4().hex}/fraud")


def committed(batch, content_hash, rows):
    path = tables.new_rows_file("features", batch)
    path.write_bytes(rows)
    facts = factories.features(batch=batch, content_hash=content_hash)
    return tables.save_table(tables.FeatureTable(path, facts))


def forget(batch):
    """As on another machine: the local folder is not there."""
    shutil.rmtree(paths.tables_folder("features", batch))


def test_without_a_store_nothing_is_asked_for(home, monkeypatch):
    monkeypatch.delenv("FRAUD_OBJECT_STORE", raising=False)
    file = paths.ledger_path()
    object_store.push(file)
    assert not object_store.pull(file)
    assert not object_store.has(file)
    assert object_store.names(file.parent) == set()


def test_a_table_that_one_machine_committed_is_read_by_another(store):
    committed("june", "a1", b"rows")
    forget("june")
    found = tables.load_table(tables.FeatureTable, "june")
    assert found.path.read_bytes() == b"rows"
    assert found.facts.content_hash == "a1"


def test_the_newest_version_counts_wherever_it_was_written(store):
    committed("june", "a1", b"old")
    kept = paths.tables_folder("features", "june") / "current.json"
    old = kept.read_text()
    committed("june", "b2", b"new")
    kept.write_text(old)
    assert tables.load_table(tables.FeatureTable, "june").path.read_bytes() == b"new"
    assert tables.versions("features", "june") == ["a1", "b2"]


def test_a_version_is_known_and_listed_without_a_local_copy(store):
    committed("june", "a1", b"rows")
    forget("june")
    assert tables.has_table("features", "june", "a1")
    assert not tables.has_table("features", "june", "b2")
    assert tables.versions("features", "june") == ["a1"]
    with pytest.raises(FileNotFoundError, match="has not been materialized"):
        tables.load_table(tables.FeatureTable, "july")


def test_a_version_that_is_pruned_goes_from_the_store_too(store):
    committed("june", "a1", b"old")
    committed("june", "b2", b"new")
    tables.prune_versions("june", ["a1", "b2"], keep=1)
    assert tables.versions("features", "june") == ["b2"]


def test_what_is_half_there_is_not_taken_for_whole(store):
    committed("june", "a1", b"rows")
    version = paths.tables_folder("features", "june") / "a1"
    object_store.remove(version)
    shutil.rmtree(version)
    with pytest.raises(FileNotFoundError):
        tables.load_table(tables.FeatureTable, "june")
    assert json.loads((version.parent / "current.json").read_text()) == {"content_hash": "a1"}


@pytest.mark.parametrize("name", ["*", "**", "j?ne", "[j]une", "a=b", "a#b", "%41", "{a,b}"])
def test_a_batch_named_like_a_pattern_is_kept_and_removed_alone(store, name):
    committed("june", "a1", b"other")
    committed(name, "a1", b"rows")
    forget(name)
    assert tables.load_table(tables.FeatureTable, name).path.read_bytes() == b"rows"
    object_store.remove(paths.tables_folder("features", name))
    assert not object_store.has(paths.tables_folder("features", name) / "current.json")
    forget("june")
    assert tables.load_table(tables.FeatureTable, "june").path.read_bytes() == b"other"


def test_what_is_removed_leaves_no_empty_folder(store):
    committed("june", "a1", b"rows")
    object_store.remove(paths.tables_folder("features", "june"))
    object_store.remove(paths.tables_folder("features", "june"))
    assert object_store.names(paths.tables_folder("features", "june").parent) == set()


def test_a_name_in_the_store_that_is_no_content_hash_is_no_version(store):
    table = committed("june", "a1", b"rows")
    stranger = table.path.parent.with_name("not-a-hash") / "facts.json"
    stranger.parent.mkdir()
    stranger.write_text("{}")
    object_store.push(stranger)
    shutil.rmtree(stranger.parent)
    assert tables.versions("features", "june") == ["a1"]
