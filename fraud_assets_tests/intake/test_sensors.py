import os
from dataclasses import replace
from functools import partial

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)

from fraud_assets.config import names
from fraud_assets.config.settings import LOST_RUN_SECONDS
from fraud_assets.definitions import defs
from fraud_assets.intake.landing.ledger import FileState, open_ledger
from fraud_assets.intake.landing.planner import scan
from fraud_assets.intake.landing.runs import runs_of
from fraud_assets.intake.sensors import csv_landing
from fraud_assets.store import paths
from fraud_assets_tests.intake.landing.test_runs import record_run


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch):
    monkeypatch.setattr("fraud_assets.config.settings.SETTLE_SECONDS", 0.0)


@pytest.fixture
def clock(monkeypatch):
    """The sensor's clock, which stands still: set `clock["now"]`."""
    clock = {"now": 1_000_000.0}
    monkeypatch.setattr("fraud_assets.intake.sensors.time", lambda: clock["now"])
    return clock


def tick(instance):
    context = dg.build_sensor_context(instance, definitions=defs)
    return csv_landing(context)


def carry_out(instance, result, status=dg.DagsterRunStatus.SUCCESS, **more):
    """Record the run that a tick asked for."""
    (request,) = result.run_requests
    run = dg.DagsterRun(
        names.JOB_NAME,
        status=status,
        tags={**request.tags, "dagster/partition": request.partition_key, **more},
    )
    instance.add_run(run)
    return run


def outcomes():
    with open_ledger(paths.ledger_path()) as ledger:
        return {name: entry.state.value for name, entry in ledger.entries().items()}


def test_a_new_csv_becomes_a_partition_and_a_run(drop, instance):
    drop("june.csv", "a,y\n1,0\n")
    result = tick(instance)
    (request,) = result.run_requests
    assert request.partition_key == "june"
    assert request.tags["fraud/source_file"] == "june.csv"
    assert len(request.tags["fraud/content_hash"]) == 64
    assert (
        request.run_key
        == request.tags["fraud/run_key"]
        == (f"june:{request.tags['fraud/content_hash'][:16]}:1")
    )
    assert result.dynamic_partitions_requests[0].partition_keys == ["june"]
    assert result.cursor is None


def test_a_run_that_was_never_created_is_requested_again_by_the_same_key_once_it_is_lost(
    drop, instance, clock
):
    drop("june.csv", "a,y\n1,0\n")
    (first,) = tick(instance).run_requests
    for _ in range(2):
        clock["now"] += LOST_RUN_SECONDS - 1
        early = tick(instance)
        assert early.run_requests == []
        assert early.skip_reason.skip_message == "running: june.csv"
        clock["now"] += 1
        (again,) = tick(instance).run_requests
        assert again.run_key == first.run_key
    assert tick(instance).run_requests == []


def test_a_run_that_was_created_and_is_being_launched_is_not_requested_by_another_daemon(
    drop, instance, clock
):
    drop("june.csv", "a,y\n1,0\n")
    result = tick(instance)
    carry_out(instance, result, dg.DagsterRunStatus.NOT_STARTED)
    assert tick(instance).run_requests == []
    clock["now"] += LOST_RUN_SECONDS
    (again,) = tick(instance).run_requests
    assert again.run_key == result.run_requests[0].run_key


def test_of_two_lost_runs_one_is_requested_a_tick(drop, instance, clock):
    for name in ("june", "july"):
        drop(f"{name}.csv", f"{name},y\n1,0\n")
    tick(instance)
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put(
            replace(entry, state=FileState.running, run_key=entry.name, requested_at=0.0)
            for entry in ledger.entries().values()
        )
    requested = [request.partition_key for _ in range(3) for request in tick(instance).run_requests]
    assert sorted(requested) == ["july", "june"]


@pytest.mark.parametrize("moment", ["while the file settles", "while the runs are read"])
@pytest.mark.parametrize("file_count", [1, 3])
def test_of_two_daemons_whose_ticks_overlap_one_requests_the_run(
    drop, instance, clock, monkeypatch, moment, file_count
):
    for number in range(file_count):
        drop(f"{number}.csv", f"a,y\n{number},0\n")
    second = []

    def tick_of_the_second_daemon(*_):
        if not second:
            second.append(None)
            second.append(tick(instance))

    def runs_of_after_the_other(*arguments):
        tick_of_the_second_daemon()
        return runs_of(*arguments)

    if moment == "while the file settles":
        settling = partial(scan, sleep=tick_of_the_second_daemon)
        monkeypatch.setattr("fraud_assets.intake.sensors.scan", settling)
    else:
        monkeypatch.setattr("fraud_assets.intake.sensors.runs_of", runs_of_after_the_other)
    first = tick(instance)
    requested = [*first.run_requests, *second[1].run_requests]
    assert [request.partition_key for request in requested] == ["0"]
    assert sorted(outcomes().values()) == ["running", *["waiting"] * (file_count - 1)]


def test_of_two_daemons_that_find_a_run_lost_one_requests_it_again(
    drop, instance, clock, monkeypatch
):
    drop("june.csv", "a,y\n1,0\n")
    tick(instance)
    clock["now"] += LOST_RUN_SECONDS
    second = []

    def runs_of_after_the_other(*arguments):
        if not second:
            second.append(None)
            second.append(tick(instance))
        return runs_of(*arguments)

    monkeypatch.setattr("fraud_assets.intake.sensors.runs_of", runs_of_after_the_other)
    first = tick(instance)
    assert first.run_requests == []
    assert [request.partition_key for request in second[1].run_requests] == ["june"]


def test_one_file_at_a_time_the_next_when_the_run_is_over(drop, instance):
    for age, name in enumerate(("new.csv", "middle.csv", "old.csv")):
        os.utime(drop(name, f"a,y\n{age},0\n"), (1000 - age, 1000 - age))
    order = []
    for _ in range(3):
        result = tick(instance)
        order.append(result.run_requests[0].partition_key)
        run = carry_out(instance, result, dg.DagsterRunStatus.STARTED)
        waiting = tick(instance)
        assert waiting.run_requests == []
        assert f"running: {order[-1]}.csv" in waiting.skip_reason.skip_message
        instance.report_run_failed(run)
    assert order == ["old", "middle", "new"]
    tick(instance)
    assert outcomes() == {"old.csv": "failed", "middle.csv": "failed", "new.csv": "failed"}


def test_a_file_waits_while_any_run_of_the_pipeline_is_not_over(drop, instance):
    record_run(instance, dg.DagsterRunStatus.STARTING, batch="by hand")
    drop("june.csv", "a,y\n1,0\n")
    assert "waiting: june.csv" in tick(instance).skip_reason.skip_message


def test_a_file_that_was_run_already_is_done_without_a_run(drop, instance):
    drop("june.csv", "a,y\n1,0\n")
    carry_out(instance, tick(instance))
    paths.ledger_path().unlink()
    assert tick(instance).run_requests == []
    assert outcomes() == {"june.csv": "done"}


FIRST, LAST = dg.AssetKey("raw_transactions"), dg.AssetKey("registered_model")


def record(instance, run, planned=(), materialized=(), checks=()):
    """Record what a run planned and did, as Dagster does."""
    for key in planned:
        data = AssetMaterializationPlannedData(key, partition="june")
        instance.report_dagster_event(
            DagsterEvent.build_asset_materialization_planned_event(
                run.job_name, key.path[-1], data
            ),
            run.run_id,
        )
    events = [
        (DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(
            dg.AssetMaterialization(key, partition="june"), []))
        for key in materialized
    ] + [(DagsterEventType.ASSET_CHECK_EVALUATION, check) for check in checks]  # fmt: skip
    for kind, data in events:
        event = DagsterEvent(kind.value, run.job_name, step_key="s", event_specific_data=data)
        instance.report_dagster_event(event, run.run_id)


def failed_check(blocking):
    return AssetCheckEvaluation(
        LAST, "c", False, {}, None, dg.AssetCheckSeverity.ERROR, None, blocking, "june"
    )


@pytest.mark.parametrize(
    ("materialized", "blocking", "outcome"),
    [
        ([FIRST, LAST], None, "done"),
        ([FIRST, LAST], False, "done"),
        ([FIRST, LAST], True, "failed"),
        ([FIRST], None, "failed"),
    ],
)
def test_a_failed_run_is_done_when_all_its_assets_are_there_and_nothing_blocks(
    drop, instance, materialized, blocking, outcome
):
    drop("june.csv", "a,y\n1,0\n")
    run = carry_out(instance, tick(instance), dg.DagsterRunStatus.STARTED)
    checks = [] if blocking is None else [failed_check(blocking)]
    record(instance, run, [FIRST, LAST], materialized, checks)
    instance.report_run_failed(run)
    tick(instance)
    assert outcomes() == {"june.csv": outcome}


def test_a_failed_file_is_done_once_its_run_was_tried_again_with_success(drop, instance):
    drop("june.csv", "a,y\n1,0\n")
    run = carry_out(instance, tick(instance), dg.DagsterRunStatus.STARTED)
    record(instance, run, [FIRST, LAST], [FIRST])
    instance.report_run_failed(run)
    tick(instance)
    assert outcomes() == {"june.csv": "failed"}
    again = dg.DagsterRun(names.JOB_NAME, status=dg.DagsterRunStatus.SUCCESS, tags=run.tags)
    instance.add_run(again)
    record(instance, again, [LAST], [LAST])
    assert tick(instance).run_requests == []
    assert outcomes() == {"june.csv": "done"}


def test_content_a_then_b_then_a_again_is_asked_for_three_times(drop, instance):
    keys = []
    for text in ("a,y\n1,0\n", "a,y\n2,0\n", "a,y\n1,0\n"):
        drop("june.csv", text)
        result = tick(instance)
        keys.append(result.run_requests[0].run_key)
        carry_out(instance, result)
        assert tick(instance).run_requests == []
    assert len(set(keys)) == 3


def test_nothing_new_is_skipped_with_the_folder_in_the_reason(home, instance):
    result = tick(instance)
    assert result.run_requests == []
    assert str(home / "data") in result.skip_reason.skip_message


def test_a_missing_drop_folder_is_named(home, instance):
    (home / "data").rmdir()
    assert "FRAUD_DATA_DIR" in tick(instance).skip_message


def test_at_most_fifty_files_are_read_a_tick_and_none_is_lost(drop, instance):
    for number in range(53):
        drop(f"{number:02}.csv", f"a,y\n{number},0\n")
    tick(instance)
    assert len(outcomes()) == 50
    tick(instance)
    assert len(outcomes()) == 53


def test_a_duplicate_is_seen_on_the_page_of_its_batch(drop, instance):
    drop("june.csv", "a,y\n1,0\n")
    carry_out(instance, tick(instance))
    drop("copy.csv", "a,y\n1,0\n")
    result = tick(instance)
    assert result.run_requests == []
    observation = result.asset_events[0]
    assert (observation.asset_key.to_user_string(), observation.partition) == (
        "accepted_batches",
        "june",
    )
    assert observation.metadata["duplicate"].value == "copy.csv"
    assert outcomes()["copy.csv"] == "duplicate"


def test_refused_files_fail_the_check_until_they_are_gone(home, instance):
    (home / "data" / "folder.csv").mkdir()
    (evaluation,) = tick(instance).asset_events
    assert (evaluation.check_name, evaluation.passed) == ("landed_files", False)
    assert "folder.csv is a folder" in evaluation.description
    assert tick(instance).asset_events == []
    (home / "data" / "folder.csv").rmdir()
    (evaluation,) = tick(instance).asset_events
    assert evaluation.passed


def test_thousands_of_files_that_were_seen_need_no_cursor_and_no_reading(
    home, instance, monkeypatch
):
    from fraud_assets.intake.landing.drop_folder import list_files
    from fraud_assets.intake.landing.ledger import LedgerEntry

    for number in range(3_000):
        (home / "data" / f"{number}.csv").touch()
    seen = [
        LedgerEntry(file.name, file.batch, *file.stat, file.name, FileState.done)
        for file in list_files(home / "data").values()
    ]
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put(seen)
    monkeypatch.setattr("fraud_assets.intake.landing.planner.sha256", lambda _: pytest.fail("read"))
    result = tick(instance)
    assert (result.run_requests, result.cursor, result.asset_events) == ([], None, [])


def test_the_sensor_is_on_by_default():
    assert csv_landing.default_status == dg.DefaultSensorStatus.RUNNING
