"""The real webserver, daemon and code server: a person drops files, clicks and backfills."""

import json
from itertools import pairwise

import numpy as np
import pytest

from fraud_assets.tracking import Tracking
from fraud_assets_tests.integration.alerting import Inbox, receivers
from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.servers import dagster, wait_for
from fraud_assets_tests.test_definitions import ASSETS, CHECKS

FEW = {"transactions": 2500, "fraud_rate": 0.06}
ALL_CHECKS = {f"{asset}.{check}" for asset, checks in CHECKS.items() for check in checks}


@pytest.fixture(scope="module")
def inbox():
    """What people were told."""
    return Inbox()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, inbox):
    """Webserver, daemon and code server, with a person to tell."""
    folder = tmp_path_factory.mktemp("stack")
    with receivers(inbox) as (hook, _):
        address = hook.replace("http://", "json://")
        with dagster(folder, FRAUD_ALERT_URLS=address) as running:
            yield running


def titles_of(inbox):
    """The titles of the messages, in the order of their arrival."""
    return [message["title"] for _, message in inbox.hooks]


def metadata(stack, asset, batch):
    (latest, *_) = stack.materializations(asset, batch)
    return {entry["label"]: entry for entry in latest["metadataEntries"]}


def champion_of(stack, monkeypatch):
    monkeypatch.setenv("FRAUD_HOME", str(stack.folder / "var"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Tracking().champion()


def test_a_dropped_csv_comes_out_as_all_assets_with_every_check_and_a_champion(
    stack, drop_into, monkeypatch
):
    drop_into("june", cards(0))
    run = stack.wait_for_run("june")
    assert run["status"] == "SUCCESS"
    assert run["jobName"] == "fraud_pipeline"
    assert "june" in stack.partitions()
    for asset in ASSETS:
        assert [m["runId"] for m in stack.materializations(asset, "june")] == [run["runId"]], asset
    checks = stack.checks("june")
    assert set(checks) == ALL_CHECKS
    verdicts = json.loads((stack.folder / "var/reports/june/evaluation_report.json").read_text())[
        "verdicts"
    ]
    bad = {f"evaluation_report.{name}" for name, found in verdicts.items() if found != "good"}
    assert {name for name, evaluation in checks.items() if not evaluation["success"]} == bad
    champion = champion_of(stack, monkeypatch)
    assert champion.batch == "june"
    model = metadata(stack, "trained_model", "june")
    assert model["version"]["text"] == champion.version
    assert champion.run_id in model["mlflow_run"]["url"]


def test_the_asset_pages_carry_schema_rows_links_and_plots(stack):
    raw = metadata(stack, "raw_transactions", "june")
    assert raw["dagster/row_count"]["intValue"] == 6000
    assert raw["dagster/column_schema"]["__typename"] == "TableColumnSchema" or (
        "Schema" in raw["dagster/column_schema"]["__typename"]
    )
    assert len(raw["content_hash"]["text"]) == 64
    evaluation = metadata(stack, "evaluation_report", "june")
    for plot in ("precision_recall", "score_distribution", "threshold", "confusion"):
        assert "data:image/png;base64," in evaluation[f"plot_{plot}"]["mdStr"]
    assert "Frauds".lower() in evaluation["report"]["mdStr"].lower()
    decision = metadata(stack, "registered_model", "june")
    assert decision["decision"]["text"] == "promote"
    assert decision["reason"]["text"]


def test_a_batch_that_moved_and_has_meaningless_labels_fails_its_checks_and_is_rejected(
    stack, drop_into, monkeypatch
):
    before = champion_of(stack, monkeypatch)
    frame = cards(1, drift=1.0, first_day="2026-06-01", **FEW)
    frame["TX_FRAUD"] = np.random.default_rng(0).permutation(frame["TX_FRAUD"])
    drop_into("moved", frame)
    assert stack.wait_for_run("moved")["status"] == "SUCCESS"
    checks = stack.checks("moved")
    for name in ("drift_report.drift_score", "evaluation_report.fraud_recall"):
        assert checks[name]["success"] is False
        assert checks[name]["severity"] == "ERROR"
        assert checks[name]["description"].startswith("critical: ")
    assert metadata(stack, "registered_model", "moved")["decision"]["text"] == "reject"
    assert champion_of(stack, monkeypatch) == before


def test_an_empty_file_fails_with_its_name_and_the_next_file_works(stack, drop_into):
    (stack.folder / "data" / "empty.csv").write_text("")
    assert stack.wait_for_run("empty")["status"] == "FAILURE"
    assert stack.materializations("raw_transactions", "empty") == []
    drop_into("next", cards(2, first_day="2026-07-01", **FEW))
    assert stack.wait_for_run("next")["status"] == "SUCCESS"


def test_what_failed_and_that_it_is_over_was_told_once_each_with_its_figures(stack, inbox):
    wait_for("the last recovery", lambda: "fraud_pipeline succeeds again" in titles_of(inbox), 180)
    titles = titles_of(inbox)
    for name in ("fraud_recall of evaluation_report", "drift_score of drift_report"):
        assert titles.count(f"{name} fails") == 1
    assert titles.count("A run of fraud_pipeline failed") == 1
    assert titles.count("fraud_pipeline succeeds again") == 1
    assert titles.count("fraud_recall of evaluation_report passes again") <= 1
    fails = titles.index("fraud_recall of evaluation_report fails")
    assert "batch moved: critical: recall 0." in inbox.hooks[fails][1]["message"]
    assert len(titles) == len(set(titles)), titles


def spans_of(runs):
    return sorted((run["startTime"], run["endTime"]) for run in runs)


def test_runs_that_overlap_by_sensor_click_and_backfill_go_one_at_a_time(stack, drop_into):
    known = {run["runId"] for run in stack.runs()}
    stack.click_materialize(["features"], "june")
    stack.backfill(["features"], ["moved", "next"])
    drop_into("third", cards(3, first_day="2026-08-01", **FEW))

    def all_ended():
        new = [run for run in stack.runs() if run["runId"] not in known]
        ended = [run for run in new if run["status"] in ("SUCCESS", "FAILURE")]
        return new if len(ended) == len(new) == 4 else None

    new = wait_for("four runs", all_ended, 600)
    assert {run["status"] for run in new} == {"SUCCESS"}
    assert {run["jobName"] for run in new} == {"fraud_pipeline", "__ASSET_JOB"}
    spans = spans_of(new)
    for (_, end), (start, _) in pairwise(spans):
        assert end <= start


def test_simulated_transactions_are_refused_when_a_csv_is_there(stack):
    run_id = stack.click_materialize(["simulated_transactions"])
    assert stack.wait_for_id(run_id)["status"] == "FAILURE"
    assert not list((stack.folder / "data").glob("simulated*"))
