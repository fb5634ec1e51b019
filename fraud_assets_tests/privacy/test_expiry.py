from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test

from fraud_assets import storage
from fraud_assets.decisions import append_entry, audit, read_entries
from fraud_assets.intake.resources import (
    AcceptedBatch,
    acceptance,
    all_accepted,
    batches,
    earlier_batches,
)
from fraud_assets.privacy.expiry import expire, expired_batches
from fraud_assets.tracking import BATCH_TAG
from fraud_assets_tests.registered import decision

SECRET = "a worklist with a card"
LATER = datetime.now(UTC) + timedelta(days=1)


@dg.asset(partitions_def=batches, check_specs=[dg.AssetCheckSpec("copies_nothing", asset="scored")])
def scored(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """An asset whose events copy what a batch holds."""
    said = f"{SECRET} of {context.partition_key}"
    accepted = AcceptedBatch(context.partition_key, "hash", (None, None, None))
    context.log_event(acceptance(accepted, 1))
    context.log.info(said)
    check = dg.AssetCheckResult(check_name="copies_nothing", passed=True, description=said)
    return dg.MaterializeResult(metadata={"list": said}, check_results=[check])


@pytest.fixture
def instance(home):
    with instance_for_test(temp_dir=str(home)) as made:
        made.add_dynamic_partitions("batch", ["june", "july"])
        for batch in ("june", "july"):
            dg.materialize([scored], instance=made, partition_key=batch)
            for place in ("tables/raw_transactions", "tables/splits", "reports"):
                folder = home / "var" / place / batch / "hash"
                folder.mkdir(parents=True)
                (folder / "rows.parquet").write_text(SECRET)
            storage.rejected_path(batch).write_text(SECRET)
        yield made


def everywhere(home, words):
    """The files that hold some words, SQLite's among them."""
    return [
        path for path in home.rglob("*") if path.is_file() and words.encode() in path.read_bytes()
    ]


def test_a_batch_is_as_old_as_its_latest_run(instance):
    assert expired_batches(instance, datetime.now(UTC) - timedelta(days=1)) == []
    assert expired_batches(instance, LATER) == ["june", "july"]
    dg.materialize([scored], instance=instance, partition_key="june")
    assert expired_batches(instance, LATER) == ["july", "june"]


def test_what_is_kept_of_an_old_batch_goes_and_other_batches_stay(instance, tracking, home):
    assert len(everywhere(home, f"{SECRET} of june")) >= 2
    before = [path for path in everywhere(home / "var", SECRET) if "july" in str(path)]
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.batch, gone.runs, gone.versions) == ("june", 1, ())
    assert everywhere(home / "var", SECRET) == before
    assert everywhere(home, f"{SECRET} of june") == []
    assert everywhere(home, f"{SECRET} of july")
    events = instance.fetch_materializations(dg.AssetKey("scored"), limit=10).records
    assert [record.partition_key for record in events] == ["july"]
    assert instance.get_dynamic_partitions("batch") == ["july"]
    assert [run.tags["dagster/partition"] for run in instance.get_runs()] == ["july"]
    (entry,) = read_entries(storage.decisions_path())
    assert (entry["event"], entry["actor"], entry["batch"]) == ("expired", "anna", "june")
    assert audit(storage.decisions_path(), None, {}).findings == ()


def test_the_newest_batch_leaves_no_copy_behind_either(instance, tracking, home):
    expire(instance, tracking, ["july"], "anna")
    assert everywhere(home, f"{SECRET} of july") == []
    assert instance.get_latest_materialization_event(dg.AssetKey("scored")).asset_materialization


def test_the_order_of_arrival_is_still_known(instance, tracking):
    expire(instance, tracking, ["june"], "anna")
    assert list(all_accepted(instance)) == ["june", "july"]
    assert [earlier.batch for earlier in earlier_batches(instance, "july")] == ["june"]


def test_models_that_nothing_needs_go_and_others_stay(instance, registered, home):
    tracking = registered.tracking
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.versions, gone.kept) == ((), ("1",))
    tracking.client().delete_registered_model_alias(tracking.model_name, "champion")
    tracking.client().delete_registered_model_alias(tracking.model_name, "challenger")
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert gone.kept == ("1",), "it was champion once, and may be again"
    storage.decisions_path().unlink()
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.versions, gone.kept) == (("1",), ())
    assert list((home / "var" / "mlflow").rglob("model.skops")) == []
    assert list((home / "var" / "mlflow").rglob("training_keys.parquet")) == []
    with pytest.raises(ValueError, match="there is no version '1'"):
        tracking.version("1")


def test_a_version_of_another_batch_stays(instance, registered):
    client = registered.tracking.client()
    assert client.get_run(registered.run_id).data.tags[BATCH_TAG] == "june"
    append_entry(storage.decisions_path(), decision("7", "reject"))
    (gone,) = expire(instance, registered.tracking, ["july"], "anna")
    assert (gone.versions, gone.kept) == ((), ())
    assert registered.load() is not None


def test_nothing_goes_while_a_run_may_read_it(instance, tracking, monkeypatch):
    monkeypatch.setattr("fraud_assets.privacy.expiry.is_busy", lambda _: True)
    with pytest.raises(RuntimeError, match="a run is in progress and may need batch 'june'"):
        expire(instance, tracking, ["june"], "anna")
    assert instance.get_dynamic_partitions("batch") == ["june", "july"]
