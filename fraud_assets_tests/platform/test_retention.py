import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.test_utils import instance_for_test
from dagster._core.utils import make_new_run_id

from fraud_assets.platform.retention import KEPT, Pruned, prune


@dg.asset
def kept():
    """An asset."""


@pytest.fixture
def instance(tmp_path):
    """As with PostgreSQL: the events of all runs in one place."""
    overrides = {
        "event_log_storage": {
            "module": "dagster._core.storage.event_log",
            "class": "ConsolidatedSqliteEventLogStorage",
            "config": {"base_dir": str(tmp_path / "events")},
        }
    }
    with instance_for_test(overrides) as made:
        assert isinstance(made.event_log_storage, ConsolidatedSqliteEventLogStorage)
        yield made


def test_old_steps_and_logs_go_and_what_was_materialized_stays(instance):
    result = dg.materialize([kept], instance=instance)
    before = instance.all_logs(result.run_id)
    assert prune(instance, datetime.now(UTC) - timedelta(days=1)) == Pruned(0, 0)
    found = prune(instance, datetime.now(UTC) + timedelta(days=1))
    after = instance.all_logs(result.run_id)
    assert found.events == len(before) - len(after) > 0
    assert {e.dagster_event.event_type_value for e in after} <= set(KEPT)
    assert instance.get_latest_materialization_event(dg.AssetKey("kept")) is not None
    assert instance.get_run_by_id(result.run_id).status is dg.DagsterRunStatus.SUCCESS


def test_what_old_runs_printed_goes(instance):
    folder = Path(instance.storage_directory())
    old, new = make_new_run_id(), make_new_run_id()
    for name, age in ((old, 40), (new, 1), ("an_asset", 40)):
        made = folder / name / "compute_logs"
        made.mkdir(parents=True)
        when = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        os.utime(folder / name, (when, when))
    assert prune(instance, datetime.now(UTC) - timedelta(days=30)).logs == 1
    assert {path.name for path in folder.iterdir()} == {new, "an_asset"}
