import dagster as dg
import pytest

from fraud_assets.catalog import AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.config.settings import SplitSettings
from fraud_assets.platform.masking import AnotherKeyError, masking
from fraud_assets.store import paths, tables
from fraud_assets.training import assignments
from fraud_assets.training.members import (
    assignment_of,
    earlier_splits,
    member,
    note_assignment,
    window_before,
    window_of,
)
from fraud_assets_tests import factories
from fraud_assets_tests.factories import saved_table


@pytest.fixture
def split_batch(home, instance):
    """Accepts a batch and keeps its tables: `split_batch("june", "a")`."""

    def keep(batch, content="a", columns=("a",), **facts):
        accepted = AcceptedBatch(batch, content, (None, None, None))
        instance.report_runless_asset_event(acceptance(accepted, 1))
        about = {"batch": batch, "content_hash": content}
        splits = factories.splits(**about, **facts)
        return (
            saved_table(tables.FeatureTable, factories.features(**about, features=list(columns))),
            saved_table(tables.SplitTable, splits),
        )

    return keep


@pytest.fixture
def catalog(instance):
    return BatchCatalog.of(instance)


def names(members):
    return [member.batch for member in members]


def test_a_member_has_the_files_and_columns_of_its_batch(split_batch):
    features, splits = split_batch("june")
    made = member(features, splits)
    assert (made.batch, made.features, made.splits) == ("june", features.path, splits.path)
    assert (made.roles, made.kinds) == (features.facts.roles, features.facts.kinds)
    assert not made.keyed


def test_content_keys_of_the_present_key_are_known_as_keyed(split_batch):
    assert member(*split_batch("june", hash_key_id=masking().key_id)).keyed


def test_content_keys_of_another_key_are_refused_by_the_name_of_the_batch(split_batch):
    with pytest.raises(AnotherKeyError, match="june"):
        member(*split_batch("june", hash_key_id="another"))


def test_the_window_holds_the_last_batches_oldest_first(split_batch, catalog):
    for batch in ("april", "may"):
        split_batch(batch)
    june, _ = split_batch("june")
    split_batch("july")
    assert names(window_before(catalog, june, None)) == ["april", "may"]
    assert names(window_before(catalog, june, 2)) == ["may"]
    assert window_before(catalog, june, 1) == []


def test_a_batch_without_splits_or_without_a_feature_is_no_member(split_batch, catalog, instance):
    split_batch("april", columns=("a", "b", "c"))
    split_batch("may", columns=("a",))
    never_split = AcceptedBatch("late may", "a", (None, None, None))
    instance.report_runless_asset_event(acceptance(never_split, 1))
    june, _ = split_batch("june", columns=("a", "b"))
    assert names(window_before(catalog, june, None)) == ["april"]
    assert names(window_before(catalog, june, 2)) == ["april"]


def test_the_window_of_splits_is_the_recorded_one_whatever_was_accepted_since(split_batch):
    split_batch("may", "old")
    split_batch("may", "new")
    window = [("may", "old"), ("june", "a")]
    _, june = split_batch("june", window=window)
    members = window_of(june)
    assert [(m.batch, m.features.parent.name, m.splits.parent.name) for m in members] == [
        ("may", "old", "old"), ("june", "a", "a")]  # fmt: skip


def test_earlier_splits_are_those_of_the_same_settings_and_of_the_batch_itself(
    split_batch, catalog
):
    for batch, seed in (("april", 0), ("may", 1), ("june", 0)):
        _, splits = split_batch(batch, settings=SplitSettings(seed=seed))
        note_assignment(splits.facts)
    split_batch("july")
    found = earlier_splits(catalog, "june", SplitSettings(window_batches=3))
    assert [splits.path.parent.parent.name for splits in found] == ["april", "june"]
    assert not any(splits.keyed for splits in found)


def test_splits_that_no_index_knows_are_read_from_their_facts(split_batch, catalog):
    for batch, seed in (("april", 0), ("may", 1)):
        split_batch(batch, settings=SplitSettings(seed=seed), hash_key_id=masking().key_id)
    assert not paths.assignments_path().exists()
    found = earlier_splits(catalog, "june", SplitSettings())
    assert [(splits.path.parent.parent.name, splits.keyed) for splits in found] == [("april", True)]


def test_an_indexed_assignment_is_not_opened(split_batch, catalog):
    _, splits = split_batch("april")
    note_assignment(splits.facts)
    splits.path.with_name(tables.FACTS_FILE).write_text("not JSON")
    assert len(earlier_splits(catalog, "june", SplitSettings())) == 1


def test_the_index_has_one_entry_for_each_version(home):
    for content in ("a", "b", "a"):
        note_assignment(factories.splits(content_hash=content))
    index = assignments.read_index(paths.assignments_path())
    assert list(index) == [("june", "a"), ("june", "b")]
    assert index["june", "a"] == assignment_of(factories.splits())


def test_an_assignment_says_under_which_settings_and_key_it_was_made(home):
    entry = assignment_of(factories.splits(hash_key_id="k"))
    assert entry.settings == assignments.settings_hash(SplitSettings())
    assert entry.hash_key_id == "k"
    other = assignment_of(factories.splits(settings=SplitSettings(seed=1)))
    assert entry.settings != other.settings


def test_an_instance_without_acceptances_has_no_earlier_splits(home):
    with dg.DagsterInstance.ephemeral() as instance:
        assert earlier_splits(BatchCatalog.of(instance), "june", SplitSettings()) == []
