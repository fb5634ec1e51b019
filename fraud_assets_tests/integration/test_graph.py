"""The whole graph in one process: what comes out, what stops, what is remembered.

Each test has a home of its own, in which one or two batches were taken.
"""

import json
import re
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fraud_assets.cli import main
from fraud_assets.config import environment
from fraud_assets.definitions import defs
from fraud_assets.drift.sensors import drift_retraining
from fraud_assets.intake.csv.decoding import sha256
from fraud_assets.intake.landing.runs import run_tags
from fraud_assets.intake.schema import schema_fingerprint
from fraud_assets.intake.simulator import simulate
from fraud_assets.store import paths, tables
from fraud_assets.store.decision_log import present_findings, read_entries
from fraud_assets.tracking import Tracking
from fraud_assets_tests.integration.conftest import (
    QUICK,
    cards,
    checks_of,
    failure_of,
    materialized,
)

ASSETS = {
    "raw_transactions",
    "features",
    "splits",
    "trained_model",
    "evaluation_report",
    "drift_report",
    "registered_model",
    "champion_scores",
    "scored_transactions",
    "reference_profile",
    "published_drift",
    "published_metrics",
}
NAMED = "it's [named]* year=2026 {a,b}?"
"""A batch whose name means something to those who look for files."""
TRAINED = ["raw_transactions", "features", "champion_scores", "splits", "trained_model"]
DECIDED = [*TRAINED, "evaluation_report", "drift_report", "reference_profile", "registered_model"]
WATCHED = ["raw_transactions", "features", "champion_scores", "drift_report"]
"""Parts of the graph, for tests that ask nothing of the others."""


def report(batch, name="evaluation_report"):
    return json.loads((paths.report_folder(batch) / f"{name}.json").read_text())


@pytest.fixture
def graph(request, homes, tmp_path_factory):
    """A graph in a home with two batches, or with one for tests that do not ask for `second`."""
    batch = "second" if "second" in request.fixturenames else "first"
    with homes.copied(batch, tmp_path_factory.mktemp("home")) as graph:
        yield graph


@pytest.fixture
def first(graph, homes):
    """The first batch: its model became the champion."""
    return homes.results["first"]


def test_the_first_batch_comes_out_with_verdict_champion_and_figures(first):
    assert first.success
    assert materialized(first) == ASSETS | {"accepted_batches"}
    checks = checks_of(first)
    assert len(checks) == 22  # 23 checks; `push_succeeded` is the name of two
    assert checks["champion_is_decided"].passed
    assert checks["champion_available"].passed
    assert checks["drift_score"].description.startswith("no champion")
    assert report("first", "registered_model")["outcome"] == "promote"
    assert Tracking().champion().batch == "first"


def test_the_files_that_people_look_for_are_there(first):
    folder = paths.report_folder("first")
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "evaluation_report.json",
        "evaluation_report.md",
        "drift_report.json",
        "test_predictions.parquet",
        "model_card.md",
        "reliability.png",
        "importance.png",
        "precision_recall.png",
        "score_distribution.png",
        "threshold.png",
        "confusion.png",
    }
    predictions = pd.read_parquet(folder / "test_predictions.parquet")
    figures = report("first")
    threshold = figures["metrics"]["decision_threshold"]
    assert len(predictions) == figures["test"]["rows"]
    assert (predictions["decision"] == (predictions["score"] >= threshold)).all()
    caught = (predictions["decision"] & (predictions["label"] == 1)).sum()
    assert caught == figures["metrics"]["frauds_detected_count"]
    source = pd.read_csv(environment.drop_folder() / "first.csv")
    row = predictions.iloc[0]
    assert str(source["TRANSACTION_ID"][row["source_line"] - 2]) == row["transaction_id"]


def test_the_textfiles_hold_the_figures_of_the_report(first):
    text = (paths.metrics_folder() / "fraud_evaluation.prom").read_text()
    recall = report("first")["metrics"]["test_fraud_recall"]
    assert f'test_fraud_recall{{model="fraud_detector"}} {recall}' in text
    assert 'batch="first"' in text
    assert (paths.metrics_folder() / "fraud_drift.prom").exists()


def test_mlflow_has_one_finished_run_with_all_that_was_asked_for(first):
    tracking = Tracking()
    client = tracking.client()
    model = report("first", "trained_model")
    run = client.get_run(model["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["dagster_run_id"] == first.run_id
    source = environment.drop_folder() / "first.csv"
    tags = {name.removeprefix("fraud."): value for name, value in run.data.tags.items()}
    assert tags["content_hash"] == model["content_hash"] == sha256(source)
    assert tags["source_file"] == "first.csv"
    assert int(tags["source_bytes"]) == source.stat().st_size
    assert (tags["rows"], tags["rejected"]) == ("6000", "0")
    raw = tables.load_table(tables.RawTable, "first").facts
    assert tags["schema_fingerprint"] == raw.schema_fingerprint
    in_order = {name: raw.kinds[name] for name in pd.read_csv(source, nrows=0)}
    assert raw.schema_fingerprint == schema_fingerprint(in_order)
    assert run.data.params["estimator"] == "xgboost"
    assert run.data.metrics["test_fraud_recall"] == report("first")["metrics"]["test_fraud_recall"]
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert artifacts >= {
        "model_card.md",
        "evaluation",
        "model_facts.json",
        "reference_profile.json",
    }
    plots = {file.path for file in client.list_artifacts(run.info.run_id, "evaluation")}
    assert "evaluation/precision_recall.png" in plots
    version = client.get_model_version(tracking.model_name, model["version"])
    assert version.tags["fraud.decision"] == "promote"
    assert version.tags["fraud.reason"]
    assert version.description.startswith("# Model card: version 1")
    import mlflow

    info = mlflow.models.get_model_info(f"models:/{tracking.model_name}/{model['version']}")
    assert [column.name for column in info.signature.inputs] == model["features"]
    assert info.saved_input_example_info is not None
    event = first.asset_materializations_for_node("trained_model")[0]
    assert model["run_id"] in event.metadata["mlflow_run"].value


def test_a_run_says_which_content_it_read_whoever_started_it(graph, first):
    tags = graph.instance.get_run_by_id(first.run_id).tags
    assert tags["fraud/content_hash"] == sha256(environment.drop_folder() / "first.csv")


def test_a_version_leads_back_to_the_file_and_the_rows_that_it_was_trained_on(first, second):
    version = report("second", "trained_model")["version"]
    shown = CliRunner().invoke(main, ["provenance", version]).output
    for batch in ("first", "second"):
        table = tables.load_table(tables.RawTable, batch)
        assert f"{batch}: {batch}.csv" in shown
        assert f"SHA-256 {sha256(environment.drop_folder() / f'{batch}.csv')}" in shown
        assert f"{table.path} (unchanged)" in shown
    missing = CliRunner().invoke(main, ["provenance", "99"])
    assert missing.exit_code == 1
    assert "there is no version '99'" in missing.output


def test_the_log_holds_the_decision_with_the_hashes_of_data_configuration_and_model(first):
    entry = read_entries(paths.decisions_path())[0]
    assert entry.outcome == "promote"
    for name in ("data_hash", "configuration_hash", "model_hash"):
        assert len(getattr(entry, name)) == 64


@pytest.fixture
def second(graph, homes):
    return homes.results["second"]


def test_the_second_batch_is_compared_with_the_champion_on_rows_neither_has_seen(second):
    assert second.success
    comparison = report("second")["comparison"]
    assert report("second")["champion"] == "1"
    assert comparison["comparable"]
    assert comparison["rows"] == report("second")["test"]["rows"]
    assert report("second", "drift_report")["champion"] == "1"
    assert "drift_score" in report("second", "drift_report")


def test_its_window_holds_both_batches_and_the_test_rows_are_its_own(second):
    model = report("second", "trained_model")
    assert [batch for batch, _ in model["window"]] == ["first", "second"]
    assert (
        model["counts"]["train"]["rows"]
        > report("first", "trained_model")["counts"]["train"]["rows"]
    )
    assert model["counts"]["test"]["rows"] == pytest.approx(1200, abs=5)


def test_a_batch_is_scored_by_the_champion_that_was_there_when_it_came(first, second):
    assert "there was no champion yet" in report("first", "scored_transactions")["not_scored"]
    found, folder = report("second", "scored_transactions"), paths.report_folder("second")
    assert found["champion"] == "1"
    scored = pd.read_parquet(folder / "scored_transactions.parquet")
    source = pd.read_csv(environment.drop_folder() / "second.csv")
    assert len(scored) == len(source) == len(pd.read_csv(folder / "scored_transactions.csv"))
    assert scored["label"].sum() == source["TX_FRAUD"].sum()
    caught = ((scored["decision"] == "alert") & (scored["label"] == 1)).sum()
    assert found["frauds_detected_count"] == caught > 0
    assert found["frauds_missed_count"] == source["TX_FRAUD"].sum() - caught
    worklist = pd.read_csv(folder / "worklist.csv")
    assert set(worklist["kind"]) == {"alert", "sample"}
    assert worklist.loc[worklist["kind"] == "alert", "reasons"].str.contains("card|amount").any()


def test_what_is_suppressed_is_no_alert_and_its_frauds_are_missed(graph, second):
    before = report("second", "scored_transactions")
    scored = pd.read_parquet(paths.report_folder("second") / "scored_transactions.parquet")
    fraud = scored[(scored["decision"] == "alert") & (scored["label"] == 1)].iloc[0]
    path = environment.suppressions_path()
    path.write_text(f"kind,name,reason,expires\ncard,{fraud['card']},a test,2027-01-01\n")
    try:
        assert graph.run("second", ["scored_transactions"]).success
        path.write_text("kind,name,reason,expires\ncard,1,a test,soon\n")
        failed = graph.run("second", ["scored_transactions"])
    finally:
        path.unlink()
    assert "line 2, column 'expires': write the last day as" in failure_of(failed)
    after = report("second", "scored_transactions")
    assert after["frauds_suppressed_count"] >= 1
    assert after["frauds_missed_count"] == (
        before["frauds_missed_count"] + after["frauds_suppressed_count"]
    )
    assert len(after["suppressions"]) == 64


def test_tuned_parameters_feed_the_next_training_and_are_trials_in_mlflow(graph, second):
    tuning = {"estimator": "logistic_regression", "trials": 3, "folds": 2}
    tuned = graph.run("second", ["tuned_parameters"], tuned_parameters=tuning)
    assert tuned.success, failure_of(tuned)
    found = report("second", "tuned_parameters")
    tracking = Tracking()
    children = tracking.client().search_runs(
        [tracking.client().get_run(found["mlflow_run_id"]).info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{found['mlflow_run_id']}'",
    )
    assert len(children) == 3
    best = max(child.data.metrics["validation_average_precision"] for child in children)
    assert best == pytest.approx(found["average_precision"])
    chosen = {"estimator": "logistic_regression"}
    settings = {"splits": {"window_batches": 1}, "trained_model": chosen}
    result = graph.take("tuned", cards(31), assets=TRAINED, **settings)
    assert result.success, failure_of(result)
    model = report("tuned", "trained_model")
    assert model["tuned_on"] == "second"
    assert model["configuration"]["training"]["parameters"] == found["parameters"]
    plain = graph.run("tuned", ["trained_model"], trained_model=chosen | {"use_tuned": False})
    assert plain.success
    assert report("tuned", "trained_model")["tuned_on"] is None


def test_challengers_are_held_side_by_side_on_past_batches_and_logged(graph, second):
    challengers = {
        "as now": QUICK,
        "cheaper": QUICK | {"threshold_rule": "min_cost"},
        "simple": {"estimator": "logistic_regression", "window_batches": 1},
        "in charge": {"version": "1"},
    }
    settings = {"batches": ["second"], "challengers": challengers}
    result = graph.compare(settings)
    assert result.success, failure_of(result)
    table = json.loads((paths.comparison_folder() / "comparison_report.json").read_text())["table"]
    assert [row["challenger"] for row in table] == list(challengers)
    assert table[0]["rows"] == report("second")["test"]["rows"]
    assert table[0]["average_precision"] == pytest.approx(
        report("second")["metrics"]["test_average_precision"]
    )
    assert table[1]["difference"] == 0
    assert all(row["interval"][0] <= row["difference"] <= row["interval"][1] for row in table[1:])
    (event,) = result.asset_materializations_for_node("comparison_report")
    assert "| second | simple |" in event.metadata["table"].value
    wrong = graph.compare({"batches": ["nowhere"], "challengers": challengers})
    assert "nowhere has splits; there are first, second" in failure_of(wrong)


def test_the_same_batch_with_the_same_champion_gives_the_same_report(graph, second):
    before = (paths.report_folder("second") / "evaluation_report.json").read_text()
    champion = report("second")["champion"]
    Tracking().make_champion(champion)
    again = graph.run("second", [*TRAINED, "evaluation_report"], trained_model=QUICK)
    assert again.success
    after = (paths.report_folder("second") / "evaluation_report.json").read_text()
    ids = [json.loads(text).pop("ids") for text in (before, after)]
    assert ids[0] != ids[1]
    for name, value in ids[0].items():
        before = before.replace(f'"{name}": "{value}"', f'"{name}": "{ids[1][name]}"')
    assert before == after


def test_clicking_on_one_asset_uses_the_champion_of_the_batch_run_not_itself(graph, second):
    before = report("second")
    Tracking().make_champion(before["ids"]["model_version"])
    clicked = graph.run("second", ["evaluation_report"])
    assert clicked.success
    assert materialized(clicked) == {"evaluation_report"}
    assert report("second")["champion"] == before["champion"]
    assert report("second") == before


def test_a_model_is_not_decided_about_with_the_reference_profile_of_another(graph, second):
    assets = ["trained_model", "evaluation_report", "registered_model"]
    result = graph.run("second", assets, trained_model=QUICK | {"threshold_rule": "min_cost"})
    assert not result.success
    assert "materialize reference_profile and registered_model of this batch" in failure_of(result)
    repaired = graph.run("second", ["reference_profile", "registered_model"])
    assert repaired.success, failure_of(repaired)
    assert (
        report("second", "reference_profile")["model_version"]
        == (report("second", "registered_model")["version"])
    )


def test_an_older_batch_does_not_replace_the_champion_of_a_newer_one(graph, second):
    Tracking().make_champion(report("second", "trained_model")["version"])
    again = graph.run("first", DECIDED, trained_model=QUICK)
    assert again.success
    decision = report("first", "registered_model")
    assert decision["outcome"] != "promote"
    assert "champion_not_newer" in decision["failed"]
    assert [batch for batch, _ in report("first", "trained_model")["window"]] == ["first"]


def test_a_step_that_fails_ends_its_mlflow_run_as_failed(graph, first):
    wrong = {"parameters": {"depth": 3}}
    result = graph.take("wrong", cards(5), assets=TRAINED, trained_model=wrong)
    assert not result.success
    assert "has no parameter depth" in failure_of(result)
    tracking = Tracking()
    runs = tracking.client().search_runs(
        [tracking.client().get_experiment_by_name(tracking.experiment).experiment_id],
        "tags.`fraud.batch` = 'wrong'",
    )
    assert [run.info.status for run in runs] == ["FAILED"]
    retried = graph.run("wrong", TRAINED, trained_model=QUICK)
    assert retried.success
    assert Tracking().client().get_run(report("wrong", "trained_model")["run_id"]).info.status == (
        "FINISHED"
    )


def test_rows_that_come_again_in_a_later_batch_keep_their_split(graph, second):
    mixed = pd.concat([cards(1, first_day="2026-01-22").head(3000), cards(7).tail(3000)])
    result = graph.take("mixed", mixed, assets=TRAINED, trained_model=QUICK)
    assert result.success
    assert checks_of(result)["splits_disjoint"].passed


def test_labels_without_meaning_are_rejected_and_the_champion_stays(graph, first):
    before = Tracking().champion().version
    frame = cards(9)
    frame["TX_FRAUD"] = np.random.default_rng(0).permutation(frame["TX_FRAUD"])
    result = graph.take("shuffled", frame, assets=DECIDED, trained_model=QUICK)
    assert result.success
    recall = checks_of(result)["fraud_recall"]
    assert (recall.passed, recall.severity.value) == (False, "ERROR")
    assert report("shuffled", "registered_model")["outcome"] == "reject"
    assert Tracking().champion().version == before


@pytest.fixture(scope="module")
def homes_with_moved(homes):
    homes.take("moved", cards(3, drift=1.0, first_day="2026-06-01"), after="first")
    return homes


@pytest.fixture
def moved(homes_with_moved, tmp_path):
    """A graph in a home in which the second batch has moved far."""
    with homes_with_moved.copied("moved", tmp_path / "moved") as graph:
        yield graph


def test_a_batch_that_moved_far_fails_the_drift_check_and_goes_on(homes_with_moved):
    drift = checks_of(homes_with_moved.results["moved"])["drift_score"]
    assert (drift.passed, drift.severity.value) == (False, "ERROR")
    assert "retrain" in drift.description
    assert re.search(r"largest drift: \w*amount\w*", drift.description)


def test_what_moved_is_shown_in_the_report_in_pictures_and_in_mlflow(moved):
    found = report("moved", "drift_report")
    assert found["reference"]["version"] == found["champion"]
    assert found["giveaways"]
    assert found["segments"]
    assert found["scores"]["distance"] > 0
    assert 0 <= found["expected"]["recall"] <= 1
    assert found["performance"][-1]["came_true"]["labels_known"] > 0.5
    batches = [point["batch"] for point in found["history"]]
    assert batches[-1] == "moved"
    pictures = {"drift.png", "distributions.png", "drift_over_batches.png"}
    assert pictures <= {path.name for path in paths.report_folder("moved").iterdir()}
    tracking = Tracking()
    run = tracking.version(found["champion"]).run_id
    logged = {Path(f.path).name for f in tracking.client().list_artifacts(run, "drift/moved")}
    assert logged == {*pictures, "drift_report.json"}
    curve = tracking.client().get_metric_history(run, "drift_score")
    assert found["drift_score"] in [point.value for point in curve]


def test_critical_drift_trains_from_recent_batches_when_somebody_turned_that_on(moved):
    asked = drift_retraining(dg.build_sensor_context(instance=moved.instance))
    assert asked.partition_key == "moved"
    before, versions = Tracking().champion().version, report("moved", "trained_model")["version"]
    result = defs.resolve_job_def("fraud_pipeline").execute_in_process(
        instance=moved.instance,
        partition_key=asked.partition_key,
        asset_selection=asked.asset_selection,
        tags=asked.tags,
        run_config={"ops": {**asked.run_config["ops"], "trained_model": {"config": QUICK}}},
    )
    assert result.success
    model = report("moved", "trained_model")
    assert len(model["window"]) == 2
    assert int(model["version"]) > int(versions)
    decided = report("moved", "registered_model")
    promoted = decided["outcome"] == "promote"
    assert (Tracking().champion().version != before) == promoted
    assert moved.instance.get_run_by_id(result.run_id).tags["fraud/reason"].startswith("drift")
    again = drift_retraining(dg.build_sensor_context(instance=moved.instance))
    assert "at most one in 7 days" in again.skip_message


def test_a_batch_of_few_rows_is_not_called_stable(graph, first):
    result = graph.take("few", cards(5, transactions=450, fraud_rate=0.2), assets=WATCHED)
    drift = checks_of(result)["drift_score"]
    assert (drift.passed, drift.severity.value) == (False, "WARN")
    assert "not enough rows: 450 of the 500" in drift.description


def test_a_batch_too_poor_to_train_on_is_still_watched_for_drift(graph, first):
    frame = cards(4)
    frame["TX_FRAUD"] = 0
    result = graph.take("poor", frame, splits={"window_batches": 1})
    assert not checks_of(result)["enough_frauds"].passed
    assert materialized(result) >= {
        "drift_report",
        "published_drift",
        "splits",
        "scored_transactions",
    }
    assert "trained_model" not in materialized(result)


def test_too_many_rejected_rows_stop_the_batch_until_they_are_repaired(graph, first):
    lines = cards(6).to_csv(index=False).splitlines()
    damaged = [line if i % 20 else line + ",9" for i, line in enumerate(lines, start=1)]
    stopped = graph.take("damaged", "\n".join(damaged) + "\n")
    assert not checks_of(stopped)["rejected_rows"].passed
    assert materialized(stopped) == {"raw_transactions"}
    rejected = paths.rejected_path("damaged").read_text().splitlines()
    assert rejected[2].startswith("20,7 fields where the header has 6,")
    later = graph.take("later", cards(8), assets=TRAINED, trained_model=QUICK)
    repaired = paths.rejected_path("damaged").read_text().replace(',9"', '"')
    again = graph.take("damaged", repaired, assets=TRAINED, trained_model=QUICK)
    assert again.success, failure_of(again)
    rows = pd.read_parquet(tables.load_table(tables.RawTable, "damaged").path)
    whole = cards(6)
    assert rows["TX_AMOUNT"].tolist() == whole["TX_AMOUNT"].tolist()
    assert rows["source_line"].tolist() == list(range(2, len(whole) + 2))
    assert not paths.rejected_path("damaged").exists()
    assert later.success
    assert "damaged" not in [batch for batch, _ in report("later", "trained_model")["window"]]


def test_a_run_that_takes_up_a_dead_one_adopts_its_model_and_its_decision(graph, first):
    graph.drop("adopted", cards(21, first_day="2026-04-01"))
    content = sha256(environment.drop_folder() / "adopted.csv")
    tags = run_tags("adopted.csv", content, "adopted:1")
    dead = graph.run("adopted", DECIDED, tags, trained_model=QUICK)
    model, decisions = (
        report("adopted", "trained_model"),
        len(read_entries(paths.decisions_path())),
    )
    graph.instance.report_run_failed(graph.instance.get_run_by_id(dead.run_id))
    again = graph.run("adopted", DECIDED, tags, trained_model=QUICK)
    assert again.success
    assert report("adopted", "trained_model") == model
    assert len(read_entries(paths.decisions_path())) == decisions
    other = graph.run("adopted", DECIDED, tags, trained_model={"parameters": {"n_estimators": 61}})
    assert other.success
    assert report("adopted", "trained_model")["version"] != model["version"]


def test_the_mlp_and_other_choices_can_be_made_in_the_launchpad(graph, first):
    result = graph.take(
        "chosen",
        cards(11),
        assets=[*TRAINED, "drift_report", "evaluation_report"],
        splits={"window_batches": 1, "mode": "temporal", "train_share": 0.5},
        features={"label_delay_days": 2.0},
        evaluation_report={"recall_judged_by": "interval", "segments": ["week"]},
        trained_model={
            "estimator": "mlp",
            "threshold_rule": "min_cost",
            "review": 1.0,
            "parameters": {"hidden_layer_sizes": [16], "max_iter": 3},
        },
    )
    assert result.success
    model = report("chosen", "trained_model")
    assert model["split_mode"] == "temporal"
    assert len(model["window"]) == 1
    assert report("chosen")["model"]["estimator"] == "mlp"
    assert report("chosen")["model"]["costs"]["review"] == 1.0
    converged = checks_of(result)["model_converged"]
    assert not converged.passed
    assert "still improving after 3 iterations" in converged.description


def test_columns_may_have_any_name_also_one_that_the_platform_has_for_something(graph, first):
    names = {
        "TX_DATETIME": "moment",
        "CUSTOMER_ID": "row",
        "TERMINAL_ID": "split",
        "TX_AMOUNT": "hour",
        "TX_FRAUD": "fraud",
        "TRANSACTION_ID": 'the "id", it\'s',
    }
    roles = {
        "timestamp": "moment",
        "card": "row",
        "terminal": "split",
        "amount": "hour",
        "transaction_id": names["TRANSACTION_ID"],
    }
    frame = cards(12).rename(columns=names)
    result = graph.take(
        NAMED,
        frame,
        raw_transactions=roles,
        trained_model=QUICK,
        evaluation_report={"segments": ["split", "night"]},
    )
    assert result.success, failure_of(result)
    assert {part["segment"] for part in report(NAMED)["slices"]} == {"split", "night"}
    assert "does not have: TX_AMOUNT" in report(NAMED, "scored_transactions")["not_scored"]
    model = report(NAMED, "trained_model")
    assert model["features"].count("hour") == 1
    assert "card_mean_amount_7d" in model["features"]


def test_a_setting_in_the_launchpad_that_holds_a_statement_runs_none(graph, first, tmp_path):
    evil = f"1GB'; COPY (SELECT content FROM read_text('/proc/self/environ')) TO '{tmp_path}/out"
    result = defs.resolve_job_def("fraud_pipeline").execute_in_process(
        instance=graph.instance,
        partition_key="first",
        raise_on_error=False,
        run_config={
            "resources": {"engine": {"config": {"memory_limit": evil}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )
    assert not result.success
    assert materialized(result) == set()
    assert list(tmp_path.iterdir()) == []
    said = str([event.message for event in result.all_events])
    assert "PATH=" not in said


def test_a_creditcard_shaped_file_goes_through_with_all_its_columns_as_features(graph, first):
    frame = simulate_creditcard()
    result = graph.take("creditcard", frame)
    assert result.success
    model = report("creditcard", "trained_model")
    assert len(model["features"]) == 31
    assert "log_amount" in model["features"]
    assert [batch for batch, _ in model["window"]] == ["creditcard"]
    assert report("creditcard", "registered_model")["outcome"] == "shadow_only"
    assert "not comparable" in report("creditcard", "registered_model")["reason"]


def simulate_creditcard():
    from fraud_assets.config.settings import SimulationSettings

    return simulate(
        SimulationSettings(shape="creditcard", transactions=8000, fraud_rate=0.02, seed=1)
    )


def tripled(seed, first_day):
    """A broken export: every amount is three times what it was."""
    frame = cards(seed, first_day=first_day)
    return frame.assign(TX_AMOUNT=3 * frame["TX_AMOUNT"])


def decide_by_hand(*arguments):
    return CliRunner().invoke(main, [*arguments, "--reason", "a test", "--actor", "anna"])


def test_a_tripled_export_is_held_and_a_person_makes_it_the_champion(graph, second):
    before = Tracking().champion_alias()
    result = graph.take("tripled", tripled(2, "2026-02-12"), trained_model=QUICK)
    assert result.success, failure_of(result)
    decision = report("tripled", "registered_model")
    version = decision["version"]
    assert decision["outcome"] == "held"
    assert decision["reason"].startswith("the batch is implausible: median amount")
    assert f"`fraud-assets approve {version}`" in decision["reason"]
    assert Tracking().champion_alias() == before
    checks = checks_of(result)
    assert {"batch_plausible", "drift_score"} <= {
        name
        for name, check in checks.items()
        if check.severity is dg.AssetCheckSeverity.ERROR and not check.passed
    }
    assert not checks["nothing_awaits_approval"].passed
    assert checks["batch_admitted"].passed
    markdown = (paths.report_folder("tripled") / "evaluation_report.md").read_text()
    assert "**Verdict: critical (drift_score" in markdown
    refused = decide_by_hand("champion", version)
    assert refused.exit_code == 1
    assert f"version {version} is held: the batch is implausible" in refused.output
    approved = decide_by_hand("approve", version)
    assert approved.exit_code == 0, approved.output
    assert Tracking().champion_alias() == version
    last = read_entries(paths.decisions_path())[-1]
    assert (last.event, last.actor, last.champion_before) == ("approved", "anna", before)
    assert present_findings(paths.decisions_path(), version, {}) == []
    assert "does not wait for a decision: promote" in decide_by_hand("reject", version).output


def test_a_batch_like_the_held_one_confirms_it(graph, second):
    graph.take("tripled", tripled(2, "2026-02-12"), trained_model=QUICK)
    held = report("tripled", "registered_model")["version"]
    result = graph.take("again", tripled(3, "2026-03-05"), trained_model=QUICK)
    assert result.success, failure_of(result)
    drift, decision = report("again", "drift_report"), report("again", "registered_model")
    assert drift["verdict"] == "critical"
    assert (drift["to_held"]["version"], drift["to_held"]["batch"]) == (held, "tripled")
    assert (decision["outcome"], decision["confirms"]) == ("promote", held)
    assert f"confirms version {held}, which was held" in decision["reason"]
    assert Tracking().champion_alias() == decision["version"]


def test_an_excluded_batch_trains_nothing_and_is_in_no_later_window(graph, second, monkeypatch):
    monkeypatch.setenv("FRAUD_IMPLAUSIBLE_BATCHES", "exclude")
    stopped = graph.take("tripled", tripled(2, "2026-02-12"), trained_model=QUICK)
    assert not stopped.success
    assert materialized(stopped) >= {"drift_report", "published_drift", "scored_transactions"}
    assert not materialized(stopped) & {"trained_model", "registered_model"}
    admitted = checks_of(stopped)["batch_admitted"]
    assert "excluded from training and history: implausible: median amount" in admitted.description
    later = graph.take("later", cards(4, first_day="2026-03-05"), assets=TRAINED)
    assert later.success, failure_of(later)
    window = [batch for batch, _ in report("later", "trained_model")["window"]]
    assert window == ["first", "second", "later"]
    keep = {"implausible_batches": "keep"}
    kept = graph.run("tripled", policy=keep, trained_model=QUICK)
    assert kept.success, failure_of(kept)
    assert report("tripled", "registered_model")["outcome"] != "promote"


def test_with_approval_a_good_model_is_proposed_and_a_click_decides(homes, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAUD_PROMOTION", "approval")
    with homes.copied(None, tmp_path / "approval") as graph:
        result = graph.take("first", cards(0), trained_model=QUICK)
        assert result.success, failure_of(result)
        assert report("first", "registered_model")["outcome"] == "proposed"
        assert Tracking().champion_alias() is None
        chosen = {"version": "1", "decision": "approve", "reason": "it looks right"}
        clicked = graph.click("manual_decision", chosen)
        assert clicked.success, failure_of(clicked)
        assert Tracking().champion_alias() == "1"
        last = read_entries(paths.decisions_path())[-1]
        assert (last.event, last.reason) == ("approved", "it looks right")
        again = graph.click("manual_decision", chosen)
        assert "version 1 does not wait for a decision: promote" in failure_of(again)
        assert graph.run("first", ["registered_model"]).success
        assert report("first", "registered_model")["outcome"] == "promote"
