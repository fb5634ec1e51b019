import sqlite3
import threading

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from fraud_assets.platform.event_log import OpenEventLog
from fraud_assets_tests.homes import STORAGE

EVENTS = 5


@pytest.fixture
def log(tmp_path):
    with instance_in(tmp_path) as instance:
        yield instance.event_log_storage


def instance_in(folder):
    """An instance that keeps its runs and events in a folder, as `dagster.yaml` has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))
        patch.delenv("DAGSTER_POSTGRES_URL", raising=False)
        return dg.DagsterInstance.local_temp(str(folder), STORAGE)


def report(instance, number):
    instance.report_runless_asset_event(dg.AssetMaterialization("thing", partition=str(number)))


def partitions(instance):
    return instance.get_materialized_partitions(dg.AssetKey("thing"))


def raw_connection(connecting):
    with connecting as connection:
        return connection.connection.driver_connection


def test_the_index_and_the_last_run_stay_open_and_no_more(log):
    assert isinstance(log, OpenEventLog)
    index = raw_connection(log.index_connection())
    runs = [raw_connection(log.run_connection(name)) for name in ("a", "a", "b", "a")]
    assert index is raw_connection(log.index_connection())
    assert runs[0] is runs[1]
    assert runs[3] not in runs[:3]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        runs[2].execute("select 1")


def test_whoever_watches_a_run_is_told_of_each_event_by_another_process(tmp_path):
    seen, over = [], threading.Event()
    with instance_in(tmp_path) as watching, instance_in(tmp_path) as running:
        run = create_run_for_test(running)
        watching.event_log_storage.watch(
            run.run_id, None, lambda event, _: seen.append(event.message) or over.set()
        )
        for number in range(3):
            over.clear()
            running.report_engine_event(f"event {number}", run)
            assert over.wait(20), number
    assert seen == ["event 0", "event 1", "event 2"]


def test_what_one_instance_writes_another_reads_at_once(tmp_path):
    with instance_in(tmp_path) as one, instance_in(tmp_path) as other:
        for number in range(3):
            report(one, number)
            assert str(number) in partitions(other)
            report(other, f"{number}, too")
            assert f"{number}, too" in partitions(one)


def test_instances_and_threads_that_write_at_the_same_time_lose_nothing(tmp_path):
    with instance_in(tmp_path) as one, instance_in(tmp_path) as other:
        writers = [
            threading.Thread(target=lambda i=i, n=n: [report(i, f"{n}-{e}") for e in range(EVENTS)])
            for n, i in enumerate((one, other, one, other))
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(partitions(one)) == len(partitions(other)) == 4 * EVENTS


def insert_and_fail(log):
    with log.index_connection() as connection:
        connection.execute(text("insert into secondary_indexes (name) values ('undone')"))
        raise ZeroDivisionError


def test_an_exception_undoes_the_transaction_and_leaves_the_log_usable(log):
    count = text("select count(*) from secondary_indexes")
    with log.index_connection() as connection:
        before = connection.execute(count).scalar()
    with pytest.raises(ZeroDivisionError):
        insert_and_fail(log)
    with log.index_connection() as connection:
        assert connection.execute(count).scalar() == before


def test_a_log_that_was_closed_or_wiped_opens_again(tmp_path):
    with instance_in(tmp_path) as instance:
        report(instance, 1)
        instance.event_log_storage.dispose()
        assert partitions(instance) == {"1"}
        instance.event_log_storage.wipe()
        assert partitions(instance) == set()
        report(instance, 2)
        assert partitions(instance) == {"2"}
