import dagster as dg
import pytest

from fraud_assets_tests.registered import statuses, train_once


def test_a_run_that_ends_well_is_finished_and_links_back(tracking):
    run_id = train_once(tracking)
    run = tracking.client().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["dagster_run_id"] == "1"
    assert run.data.tags["fraud.batch"] == "june"
    assert run.data.tags["dagster_url"].endswith("/runs/1")
    assert run_id in tracking.run_link(run_id).value


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (dg.DagsterExecutionInterruptedError(), "KILLED"),
    ],
)
def test_a_run_that_ends_badly_has_the_right_status(tracking, error, status):
    with pytest.raises(type(error)):
        train_once(tracking, error=error)
    assert statuses(tracking) == [status]


def test_a_retry_of_the_step_continues_the_run_and_a_new_dagster_run_opens_another(tracking):
    with pytest.raises(ValueError, match="bad"):
        train_once(tracking, "1", error=ValueError("bad"))
    train_once(tracking, "1")
    assert statuses(tracking) == ["FINISHED"]
    train_once(tracking, "2")
    assert statuses(tracking) == ["FINISHED", "FINISHED"]


def test_what_a_killed_process_left_running_is_closed_by_the_next_run_of_the_batch(tracking):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment)
    for batch in ("june", "it's july"):
        tags = {"fraud.batch": batch, "dagster_run_id": "dead"}
        client.create_run(experiment.experiment_id, tags=tags)
    train_once(tracking, "2", "june")
    assert statuses(tracking) == ["FINISHED", "KILLED", "RUNNING"]
