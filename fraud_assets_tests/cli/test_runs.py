import dagster as dg
import pytest
from click.testing import CliRunner

from fraud_assets.cli import main


@dg.job
def fraud_pipeline():
    """A job of the pipeline's name."""


@pytest.fixture
def instance(monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
        yield instance


def test_runs_in_progress_are_listed_with_their_batch(instance):
    run = instance.create_run_for_job(fraud_pipeline, tags={"dagster/partition": "june"})
    (line,) = CliRunner().invoke(main, ["in-progress"]).output.splitlines()
    assert line.startswith(f"Run {run.run_id[:8]} of batch 'june' is in progress")


def test_without_a_run_in_progress_it_says_so(instance):
    assert CliRunner().invoke(main, ["in-progress"]).output == "Stopped; no run was in progress.\n"


@pytest.mark.parametrize(
    ("woken", "said"),
    [(["csv_landing"], "woken: csv_landing\n"), ([], "no sensor's last tick is in the future\n")],
)
def test_wake_names_the_sensors_that_it_woke(instance, monkeypatch, woken, said):
    monkeypatch.setattr("fraud_assets.platform.instance.wake_sensors", lambda _: woken)
    assert CliRunner().invoke(main, ["wake"]).output == said
