import dagster as dg
import pytest

from fraud_assets.definitions import defs
from fraud_assets.intake.sensors import csv_landing


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch):
    monkeypatch.setattr("fraud_assets.config.SETTLE_SECONDS", 0.0)


def tick(instance, cursor=None):
    context = dg.build_sensor_context(instance, cursor=cursor, definitions=defs)
    return csv_landing(context)


def test_a_new_csv_becomes_a_partition_and_a_run(drop, instance):
    drop("june.csv", "a,y\n1,0\n")
    result = tick(instance)
    (request,) = result.run_requests
    assert request.partition_key == "june"
    assert request.tags["fraud/source_file"] == "june.csv"
    assert result.dynamic_partitions_requests[0].partition_keys == ["june"]


def test_nothing_new_is_skipped_with_the_folder_in_the_reason(drop, home, instance):
    drop("june.csv", "a,y\n1,0\n")
    result = tick(instance, tick(instance).cursor)
    assert result.run_requests == []
    assert str(home / "data") in result.skip_reason.skip_message


def test_a_missing_drop_folder_is_named(home, instance):
    (home / "data").rmdir()
    assert "FRAUD_DATA_DIR" in tick(instance).skip_message


def test_at_most_fifty_files_are_taken_a_tick(drop, instance):
    for number in range(53):
        drop(f"{number:02}.csv", f"a,y\n{number},0\n")
    first = tick(instance)
    second = tick(instance, first.cursor)
    assert [len(first.run_requests), len(second.run_requests)] == [50, 3]


def test_the_sensor_is_on_by_default():
    assert csv_landing.default_status == dg.DefaultSensorStatus.RUNNING
