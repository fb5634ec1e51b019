"""What the Dagster UI shows of the graph, without running it."""

import subprocess
import sys

import dagster as dg
import pytest
import yaml

from fraud_assets.definitions import defs
from fraud_assets_tests import asset_graph

ASSETS = {
    "raw_transactions": "intake",
    "features": "features",
    "splits": "training",
    "trained_model": "training",
    "evaluation_report": "evaluation",
    "drift_report": "drift",
    "registered_model": "registry",
    "champion_scores": "scoring",
    "scored_transactions": "scoring",
    "reference_profile": "drift",
    "published_drift": "monitoring",
    "published_metrics": "monitoring",
}
BY_HAND = {
    "tuned_parameters": "training",
    "comparison_report": "evaluation",
    "manual_decision": "registry",
}
CHECKS = {
    "raw_transactions": {
        *("schema_contract", "rejected_rows", "fraud_prevalence"),
        *("unique_transactions", "plausible_timestamps"),
    },
    "features": {"no_future_information"},
    "splits": {"splits_disjoint", "enough_frauds", "batch_admitted"},
    "trained_model": {"model_converged"},
    "evaluation_report": {"fraud_recall", "frauds_missed", "false_alarm_rate", "beats_champion"},
    "drift_report": {"drift_score", "drifted_features", "batch_plausible"},
    "champion_scores": {"champion_columns"},
    "registered_model": {"champion_available", "champion_is_decided", "nothing_awaits_approval"},
    "published_drift": {"push_succeeded"},
    "published_metrics": {"push_succeeded"},
}
LANDED_FILES = dg.AssetCheckKey(dg.AssetKey("accepted_batches"), "landed_files")
BLOCKING = {
    "schema_contract",
    "rejected_rows",
    "no_future_information",
    "splits_disjoint",
    "enough_frauds",
    "batch_admitted",
}


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


@pytest.mark.parametrize(("name", "group"), (ASSETS | BY_HAND).items())
def test_every_asset_tells_its_story(graph, name, group):
    node = graph.get(dg.AssetKey(name))
    assert node.group_name == group
    assert node.description
    assert node.owners == ["team:fraud-platform"]
    assert node.kinds
    assert node.code_version
    assert name in ("comparison_report", "manual_decision") or node.partitions_def.name == "batch"


def test_every_check_of_the_design_is_there_partitioned_by_batch(graph):
    found = {}
    for key in graph.asset_check_keys - {LANDED_FILES}:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
        assert graph.get(key).partitions_def.name == "batch"
        assert graph.get(key).description
    assert found == CHECKS


def test_the_check_on_the_drop_folder_is_of_no_batch_and_no_part_of_the_pipeline(graph):
    assert graph.get(LANDED_FILES).partitions_def is None
    job = defs.resolve_job_def("fraud_pipeline")
    assert LANDED_FILES not in job.asset_layer.asset_graph.asset_check_keys


def test_only_checks_that_make_the_rest_meaningless_are_blocking(graph):
    assert {key.name for key in graph.asset_check_keys if graph.get(key).blocking} == BLOCKING


def test_a_batch_too_poor_to_train_on_is_scored(graph):
    upstream = graph.get(dg.AssetKey("scored_transactions")).parent_keys
    assert {key.to_user_string() for key in upstream} == {"features", "champion_scores"}
    upstream = graph.get(dg.AssetKey("champion_scores")).parent_keys
    assert {key.to_user_string() for key in upstream} == {"features"}


def test_drift_is_published_without_anything_that_needs_training(graph):
    upstream = {key.to_user_string() for key in graph.get(dg.AssetKey("drift_report")).parent_keys}
    assert upstream == {"features", "champion_scores"}
    published = graph.get(dg.AssetKey("published_drift")).parent_keys
    assert {key.to_user_string() for key in published} == {"drift_report"}


def test_the_need_for_earlier_batches_is_visible(graph):
    parents = graph.get(dg.AssetKey("features")).parent_keys
    assert dg.AssetKey("history") in parents
    assert graph.get(dg.AssetKey("history")).parent_keys == {dg.AssetKey("accepted_batches")}
    for name in ("history", "accepted_batches"):
        assert not graph.get(dg.AssetKey(name)).is_materializable


def test_the_job_runs_every_asset_but_those_by_hand_in_one_process():
    job = defs.resolve_job_def("fraud_pipeline")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(ASSETS)
    assert job.executor_def.name == "in_process"
    clicked = defs.resolve_implicit_global_asset_job_def()
    assert clicked.executor_def.name == "in_process"


def test_every_default_can_be_changed_in_the_launchpad():
    schema = defs.resolve_job_def("fraud_pipeline").run_config_schema.config_type
    ops = schema.fields["ops"].config_type.fields
    fields_of = ("raw_transactions", "features", "splits", "trained_model", "evaluation_report")
    fields_of += ("drift_report", "scored_transactions")
    fields = {
        name: set(ops[name].config_type.fields["config"].config_type.fields) for name in fields_of
    }
    assert {"target", "timestamp", "amount", "card"} <= fields["raw_transactions"]
    assert fields["features"] == {"label_delay_days"}
    assert {"mode", "train_share", "window_batches", "seed"} <= fields["splits"]
    assert {"estimator", "parameters", "threshold_rule", "review"} <= fields["trained_model"]
    assert {"imbalance", "recall_target", "alerts_per_day", "members"} <= fields["trained_model"]
    assert {"promotion_margin", "segments"} <= fields["evaluation_report"]
    assert {"sampled_per_day", "alerts_per_day"} <= fields["scored_transactions"]
    assert {"min_distance", "significance"} <= fields["drift_report"]


def test_loading_the_location_pulls_in_no_heavy_library():
    heavy = "{'mlflow', 'sklearn', 'matplotlib', 'scipy', 'dagster_mlflow', 'xgboost'}"
    code = f"import sys, fraud_assets.definitions; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    assert "Warning" not in shown.stderr


def test_runs_of_batches_are_limited_to_one_at_a_time(pytestconfig):
    settings = yaml.safe_load((pytestconfig.rootpath / "dagster.yaml").read_text())
    (limit,) = settings["concurrency"]["runs"]["tag_concurrency_limits"]
    assert limit == {"key": "dagster/partition", "limit": 1}


def test_the_asset_graph_is_the_committed_one():
    assert asset_graph.to_text() == asset_graph.FILE.read_text(), (
        f"the asset graph differs from {asset_graph.FILE.name}; when the change is wanted, run "
        f"{asset_graph.COMMAND} and commit the file"
    )
