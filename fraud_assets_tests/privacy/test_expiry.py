from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from click.testing import CliRunner

from fraud_assets.catalog import AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.cli import main
from fraud_assets.config import environment
from fraud_assets.intake.landing.ledger import FileState, open_ledger
from fraud_assets.intake.landing.planner import scan
from fraud_assets.intake.partitions import batches
from fraud_assets.monitoring.exposition import to_openmetrics, to_registry
from fraud_assets.privacy.expiry import expire, expired_batches
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, audit, read_entries
from fraud_assets.tracking import BATCH_TAG
from fraud_assets_tests.homes import copy_home, dagster_in, home_in
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


@pytest.fixture(scope="module")
def two_batches(tmp_path_factory):
    """A home in which two batches were scored."""
    with home_in(tmp_path_factory.mktemp("home")) as home, dagster_in(home) as made:
        made.add_dynamic_partitions("batch", ["june", "july"])
        for batch in ("june", "july"):
            dg.materialize([scored], instance=made, partition_key=batch)
            for place in ("tables/raw_transactions", "tables/splits", "reports"):
                folder = home / "var" / place / batch / "hash"
                folder.mkdir(parents=True)
                (folder / "rows.parquet").write_text(SECRET)
            paths.rejected_path(batch).write_text(SECRET)
        return home


@pytest.fixture
def instance(home, two_batches):
    copy_home(two_batches, home)
    with dagster_in(home) as copied:
        yield copied


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
    (entry,) = read_entries(paths.decisions_path())
    assert (entry.event, entry.actor, entry.batch) == ("expired", "anna", "june")
    assert audit(paths.decisions_path(), None, {}).findings == ()


def test_the_newest_batch_leaves_no_copy_behind_either(instance, tracking, home):
    expire(instance, tracking, ["july"], "anna")
    assert everywhere(home, f"{SECRET} of july") == []
    assert instance.get_latest_materialization_event(dg.AssetKey("scored")).asset_materialization


def test_the_order_of_arrival_is_still_known(instance, tracking):
    expire(instance, tracking, ["june"], "anna")
    assert list(BatchCatalog.of(instance).accepted()) == ["june", "july"]
    assert [earlier.batch for earlier in BatchCatalog.of(instance).earlier("july")] == ["june"]


def test_models_that_nothing_needs_go_and_others_stay(instance, registered, home):
    tracking = registered.tracking
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.versions, gone.kept) == ((), ("1",))
    tracking.client().delete_registered_model_alias(tracking.model_name, "champion")
    tracking.client().delete_registered_model_alias(tracking.model_name, "challenger")
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert gone.kept == ("1",), "it was champion once, and may be again"
    paths.decisions_path().unlink()
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.versions, gone.kept) == (("1",), ())
    assert list((home / "var" / "mlflow").rglob("model.skops")) == []
    assert list((home / "var" / "mlflow").rglob("training_keys.parquet")) == []
    with pytest.raises(ValueError, match="there is no version '1'"):
        tracking.version("1")


def test_a_version_of_another_batch_stays(instance, registered):
    client = registered.tracking.client()
    assert client.get_run(registered.run_id).data.tags[BATCH_TAG] == "june"
    append_entry(paths.decisions_path(), decision("7", "reject"))
    (gone,) = expire(instance, registered.tracking, ["july"], "anna")
    assert (gone.versions, gone.kept) == ((), ())
    assert registered.load() is not None


def test_nothing_goes_while_a_run_may_read_it(instance, tracking, monkeypatch):
    monkeypatch.setattr("fraud_assets.privacy.expiry.is_busy", lambda _: True)
    with pytest.raises(RuntimeError, match="a run is in progress and may need batch 'june'"):
        expire(instance, tracking, ["june"], "anna")
    assert instance.get_dynamic_partitions("batch") == ["june", "july"]


def test_tunings_trials_and_failed_trainings_go_from_mlflow_and_a_kept_model_stays(
    instance, registered, home
):
    tracking, client = registered.tracking, registered.tracking.client()
    experiment = client.get_run(registered.run_id).info.experiment_id

    def run(batch):
        made = client.create_run(experiment, tags={BATCH_TAG: batch}).info.run_id
        client.log_text(made, "rows", "about.txt")
        logged = client.create_logged_model(experiment, name="model", source_run_id=made)
        client.log_model_artifact(logged.model_id, str(source), "model.skops")
        return made

    source = home / "source.txt"
    source.write_text("rows of a model")
    runs = [run(batch) for batch in ("june", "june", "july", 'it\'s "june"')]
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert (gone.kept, gone.tracked) == (("1",), 2)
    left = {found.info.run_id for found in client.search_runs([experiment])}
    assert left == {registered.run_id, *runs[2:]}
    folder = home / "var" / "mlflow" / "artifacts"
    assert len([path for path in folder.rglob("*") if path.name == "about.txt"]) == 2
    assert registered.load() is not None
    assert tracking.delete_runs_of('it\'s "june"', []) == 1


def test_all_pages_of_runs_are_looked_through(tracking, monkeypatch):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment).experiment_id
    for _ in range(5):
        client.create_run(experiment, tags={BATCH_TAG: "june"})
    whole = type(client).search_runs
    monkeypatch.setattr(
        type(client), "search_runs", lambda *args, **more: whole(*args, **more, max_results=2)
    )
    assert tracking.delete_runs_of("june", []) == 5
    assert tracking.delete_runs_of("june", []) == 0


def test_figures_of_the_batch_go_and_those_of_another_stay(instance, tracking):
    figures = {"drift_score": 0.1}
    for part, batch in (("drift", "june"), ("evaluation", "july")):
        registry = to_registry("fraud", figures, {"batch": batch, "champion": ""})
        (paths.metrics_folder() / f"fraud_{part}.prom").write_bytes(to_openmetrics(registry))
    (paths.metrics_folder() / "disks.prom").write_text("another program's june")
    (gone,) = expire(instance, tracking, ["june"], "anna")
    assert gone.metrics == ("fraud_drift.prom",)
    left = sorted(path.name for path in paths.metrics_folder().iterdir())
    assert left == ["disks.prom", "fraud_evaluation.prom"]


def test_a_file_that_lies_in_the_drop_folder_is_not_taken_again_and_others_are_not_listed(
    instance, tracking, home, drop
):
    (drop("june.csv", "a,Class\n1,0\n"), drop("july.csv", "a,Class\n2,0\n"))
    with open_ledger(paths.ledger_path()) as ledger:
        scanned = scan(home / "data", ledger, 0, 9)
        # Nobody noted yet that the runs ended, and the batch came by two files.
        running = [replace(e, state=FileState.running, run_key="k") for e in scanned.entries]
        ledger.put([*running, replace(running[0], name="june.csv.gz", batch="june")])
        (gone,) = expire(instance, tracking, ["june"], "anna")
        assert gone.in_ledger == ("june.csv",)
        known = ledger.entries()
        assert sorted(known) == ["july.csv", "june.csv"]
        assert (known["june.csv"].state, known["june.csv"].run_key) == (FileState.done, "")
        assert known["july.csv"] == next(e for e in running if e.batch == "july")
        assert scan(home / "data", ledger, 0, 9).entries == []
        (home / "data" / "june.csv").touch()
        (again,) = scan(home / "data", ledger, 0, 9).entries
        assert again.state is FileState.done
        (home / "data" / "july.csv").unlink()
        (gone,) = expire(instance, tracking, ["july"], "anna")
        assert (gone.in_ledger, sorted(ledger.entries())) == ((), ["june.csv"])


def test_the_ledger_stays_as_it_is_while_there_is_no_drop_folder(instance, tracking, home, drop):
    drop("june.csv", "a,Class\n1,0\n")
    with open_ledger(paths.ledger_path()) as ledger:
        scan(home / "data", ledger, 0, 9)
        (home / "data").rename(home / "away")
        (gone,) = expire(instance, tracking, ["june"], "anna")
        assert (gone.in_ledger, sorted(ledger.entries())) == (("june.csv",), ["june.csv"])


def test_the_command_says_what_went_and_what_stays(instance, registered, drop, monkeypatch):
    drop("june.csv", "a,Class\n1,0\n")
    with open_ledger(paths.ledger_path()) as ledger:
        scan(environment.drop_folder(), ledger, 0, 9)
    monkeypatch.setattr("fraud_assets.privacy.expiry.expired_batches", lambda *_: ["june"])
    monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
    said = CliRunner().invoke(main, ["prune", "--batch-days", "9", "--actor", "anna"]).output
    assert "removed batch 'june': tables, reports, rejected rows, 1 runs, 0 model versions" in said
    assert "  kept: model versions 1" in said
    assert "  kept: june.csv in the ledger, so that it is not ingested again" in said
    assert "kept: backups" in said
