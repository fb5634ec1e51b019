"""Tables and reports in S3, models in S3: what one machine made, another goes on with."""

import shutil
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from fraud_assets.config import environment
from fraud_assets.store import object_store, paths, tables
from fraud_assets.tracking import Tracking
from fraud_assets_tests.integration.conftest import cards, failure_of
from fraud_assets_tests.integration.servers import mlflow_server

SETTINGS = {
    "trained_model": {"parameters": {"n_estimators": 30}},
    "evaluation_report": {"bootstrap_resamples": 50},
}
FEW = {"transactions": 2500, "fraud_rate": 0.06}


@pytest.fixture
def s3(monkeypatch):
    """An S3 server on loopback, with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="fraud")
    monkeypatch.setenv("FRAUD_OBJECT_STORE", "s3://fraud/tables-and-reports")
    yield client
    server.stop()


@pytest.fixture
def server(tmp_path, monkeypatch, s3):
    """An MLflow server that keeps its artifacts there."""
    with mlflow_server(tmp_path, "s3://fraud/models") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        yield url


def test_another_machine_goes_on_with_what_lies_in_the_store(graph, s3, server):
    first = graph.take("first", cards(0, **FEW), **SETTINGS)
    assert first.success, failure_of(first)
    # Another machine has the database and the store, and none of the files.
    shutil.rmtree(environment.home_folder() / "tables")
    shutil.rmtree(environment.home_folder() / "reports")
    second = graph.take("f*", cards(1, first_day="2026-01-22", **FEW), **SETTINGS)
    assert second.success, failure_of(second)
    window = tables.load_table(tables.SplitTable, "f*").facts.window
    assert [batch for batch, _ in window] == ["first", "f*"]
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket="fraud")["Contents"]]
    assert any(key.startswith("models/") and key.endswith("model.skops") for key in keys)
    kept_tables = {
        Path(key).parts[2] for key in keys if key.startswith("tables-and-reports/tables/")
    }
    assert {"raw_transactions", "features", "splits"} <= kept_tables
    assert "tables-and-reports/reports/first/evaluation_report.json" in keys
    assert Tracking().champion() is not None
    # A name is no pattern: what goes is the one batch.
    object_store.remove(paths.tables_folder("splits", "f*"))
    kept = [o["Key"] for o in s3.list_objects_v2(Bucket="fraud")["Contents"]]
    gone = {Path(key).parts[2:4] for key in keys} - {Path(key).parts[2:4] for key in kept}
    assert gone == {("splits", "f*")}
