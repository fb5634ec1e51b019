import shutil
from uuid import uuid4

import dagster as dg
import pandas as pd
import pytest

from fraud_assets.catalog import AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.config import environment
from fraud_assets.records.drift import DriftReport
from fraud_assets.store import paths, reports, tables
from fraud_assets_tests import factories


def accept(instance, batch, content="h"):
    accepted = AcceptedBatch(batch, content, (1, 2, None))
    instance.report_runless_asset_event(acceptance(accepted, 1))


def order(instance, batch):
    return [
        (earlier.batch, earlier.content_hash)
        for earlier in BatchCatalog.of(instance).earlier(batch)
    ]


def test_a_batch_looks_back_on_those_accepted_before_it(instance):
    for batch in ("first", "second", "third"):
        accept(instance, batch)
    assert order(instance, "second") == [("first", "h")]
    assert order(instance, "first") == []
    assert [batch for batch, _ in order(instance, "new")] == ["first", "second", "third"]


def test_a_batch_that_is_accepted_again_keeps_its_place_and_shows_its_last_content(instance):
    accept(instance, "first", "old")
    accept(instance, "second")
    accept(instance, "first", "new")
    assert order(instance, "first") == []
    assert order(instance, "second") == [("first", "new")]


def test_an_accepted_batch_says_when_its_rows_became_known(instance):
    accept(instance, "first")
    assert BatchCatalog.of(instance).earlier("second") == [
        AcceptedBatch("first", "h", (1, 2, None))
    ]


def test_what_a_batch_looks_back_on_has_a_version_that_changes_with_any_content(instance):
    def version():
        return BatchCatalog.of(instance).history_version("second").tags["dagster/data_version"]

    accept(instance, "first", "old")
    accept(instance, "second")
    old = version()
    accept(instance, "third")
    accept(instance, "second", "again")
    assert version() == old
    accept(instance, "first", "new")
    assert version() != old
    accept(instance, "first", "old")
    assert version() == old


def test_more_batches_than_a_page_are_all_found(instance, monkeypatch):
    monkeypatch.setattr("fraud_assets.catalog.PAGE", 3)
    for number in range(8):
        accept(instance, f"b{number}")
    assert [batch for batch, _ in order(instance, "new")] == [f"b{n}" for n in range(8)]


def test_the_order_is_read_once_and_a_batch_that_is_accepted_meanwhile_is_noted(
    instance, monkeypatch
):
    reads = []
    fetch = dg.DagsterInstance.fetch_materializations
    monkeypatch.setattr(
        dg.DagsterInstance,
        "fetch_materializations",
        lambda *args, **kwargs: reads.append(args) or fetch(*args, **kwargs),
    )
    accept(instance, "first")
    catalog = BatchCatalog.of(instance)
    assert list(catalog.accepted()) == ["first"]
    catalog.note(AcceptedBatch("second", "h", (1, 2, None)))
    assert [accepted.batch for accepted in catalog.earlier("third")] == ["first", "second"]
    assert len(reads) == 1


@pytest.fixture(params=["memory", "file"])
def store(request, home, tmp_path, monkeypatch):
    """An object store that holds nothing yet."""
    places = {"memory": f"memory://{uuid4().hex}/fraud", "file": f"file://{tmp_path}/a/store"}
    monkeypatch.setenv("FRAUD_OBJECT_STORE", places[request.param])


def keep(batch):
    """Keep scores and a report of a batch, as the assets do."""
    record = factories.champion_scores(batch=batch)
    with tables.incoming(tables.ScoreTable.ASSET, batch) as rows:
        pd.DataFrame({"score": [0.1, 0.9], "champion": "1"}).to_parquet(rows)
    tables.save_table(tables.ScoreTable(rows, record))
    reports.save_report(batch, factories.drift_report(batch=batch))


def test_a_machine_without_a_local_copy_finds_the_whole_history(instance, store):
    for batch in ("first", "second", "third"):
        keep(batch)
        accept(instance, batch)
    for folder in ("tables", "reports"):
        shutil.rmtree(environment.home_folder() / folder)
    catalog = BatchCatalog.of(instance)
    for accepted in catalog.earlier("new"):
        assert catalog.report(DriftReport, accepted.batch).batch == accepted.batch
        assert catalog.scores(accepted, "1")["score"].tolist() == [0.1, 0.9]
        # Another champion may have scored the batch since.
        assert catalog.scores(accepted, "2") is None
    assert catalog.report(DriftReport, "unknown") is None


def test_scores_of_an_older_release_lie_beside_the_reports(instance, home):
    accept(instance, "first")
    pd.DataFrame({"score": [0.3]}).to_parquet(
        paths.report_folder("first") / "champion_scores.parquet"
    )
    catalog = BatchCatalog.of(instance)
    (accepted,) = catalog.earlier("new")
    assert catalog.scores(accepted, "1")["score"].tolist() == [0.3]


def test_the_accepted_versions_of_a_batch_are_in_the_order_of_their_last_acceptance(instance):
    for batch, content in (("june", "a1"), ("july", "c3"), ("june", "b2"), ("june", "a1")):
        accept(instance, batch, content)
    catalog = BatchCatalog.of(instance)
    assert catalog.accepted_versions("june") == ["b2", "a1"]
    assert catalog.accepted_versions("august") == []
    catalog.note(AcceptedBatch("june", "d4", (None, None, None)))
    assert catalog.accepted_versions("june") == ["b2", "a1", "d4"]


@pytest.mark.parametrize(("keep", "kept"), [(None, {"a1", "b2", "d4"}), ("2", {"b2", "d4"})])
def test_old_accepted_versions_are_pruned_as_the_environment_says(
    home, instance, monkeypatch, keep, kept
):
    for content in ("a1", "b2", "d4"):
        path = tables.new_rows_file("features", "june")
        pd.DataFrame({"a": [1]}).to_parquet(path)
        facts = factories.features(content_hash=content)
        tables.save_table(tables.FeatureTable(path, facts))
    accept(instance, "june", "a1")
    accept(instance, "june", "b2")
    if keep:
        monkeypatch.setenv("FRAUD_KEEP_VERSIONS", keep)
    catalog = BatchCatalog.of(instance)
    catalog.note(AcceptedBatch("june", "d4", (None, None, None)))
    catalog.prune("june")
    assert set(tables.versions("features", "june")) == kept


def carry_out(instance, batch, reason):
    """Exclude a batch, or take it in again, as a run does; return the partitions of the events."""
    events = BatchCatalog.of(instance).exclude(batch, reason, 12)
    for event in events:
        instance.report_runless_asset_event(event)
    return [event.partition for event in events]


def test_an_excluded_batch_is_used_by_no_later_one_until_it_is_taken_in_again(instance):
    for batch in ("first", "second", "third"):
        accept(instance, batch)
    before = BatchCatalog.of(instance).history_version("third").tags
    assert carry_out(instance, "second", "implausible: why") == ["second", "third"]
    catalog = BatchCatalog.of(instance)
    assert [b.batch for b in catalog.earlier("third")] == ["first", "second"]
    assert [b.batch for b in catalog.usable("third")] == ["first"]
    assert catalog.accepted()["second"].excluded == "implausible: why"
    assert catalog.history_version("third").tags != before
    assert carry_out(instance, "second", "for another reason") == []
    assert carry_out(instance, "second", None) == ["second", "third"]
    again = BatchCatalog.of(instance)
    assert [b.batch for b in again.usable("third")] == ["first", "second"]
    assert again.history_version("third").tags == before


def test_what_is_in_use_or_was_never_accepted_is_not_taken_in_again(instance):
    accept(instance, "first")
    assert carry_out(instance, "first", None) == []
    assert carry_out(instance, "unknown", "why") == []
    assert BatchCatalog.of(instance).later("first") == []
