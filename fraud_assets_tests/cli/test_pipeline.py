from types import SimpleNamespace

import dagster as dg
import pytest
from click.testing import CliRunner

from fraud_assets.cli import main, pipeline
from fraud_assets.records.scoring import UnscoredBatch
from fraud_assets.store.reports import save_report
from fraud_assets_tests import factories


def failed_check():
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("drift_report"),
        check_name="drift_score",
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="0.2",
    )


@pytest.fixture
def no_run(home, monkeypatch, instance):
    """Runs nothing: as if each run of the pipeline ended with this success."""
    outcome = SimpleNamespace(
        success=True, all_events=[], get_asset_check_evaluations=lambda: [failed_check()]
    )
    job = SimpleNamespace(execute_in_process=lambda **_: outcome)
    monkeypatch.setattr("dagster.DagsterInstance.get", lambda: instance)
    monkeypatch.setattr(
        "fraud_assets.definitions.defs", SimpleNamespace(resolve_job_def=lambda _: job)
    )
    monkeypatch.setattr(pipeline, "_print_verdict", lambda *_: None)
    return outcome


def test_each_csv_is_a_batch_and_a_success_ends_with_the_next_step(no_run, drop):
    drop("june.csv", "a,Class\n1,0\n")
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    assert "Batch june (0.0 MB)" in result.output
    assert "Next: `make dev`" in result.output


def test_a_failed_run_fails_the_command(no_run, drop):
    no_run.success = False
    drop("june.csv", "a,Class\n1,0\n")
    assert CliRunner().invoke(main, ["demo"]).exit_code == 1


def test_a_file_that_is_refused_is_named_and_fails_the_command(no_run, home, drop):
    drop("june.csv", "a,Class\n1,0\n")
    (home / "data" / "july.csv").mkdir()
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "july.csv" in result.output


def test_a_check_is_printed_with_its_severity_and_a_failed_step_with_its_cause(capsys):
    def event(**fields):
        empty = {"event_type": None, "is_step_failure": False, "step_key": "features"}
        pipeline._print_event(SimpleNamespace(dagster_event=SimpleNamespace(**empty | fields)))

    event(
        event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        asset_check_evaluation_data=failed_check(),
    )
    error = SimpleNamespace(cause=SimpleNamespace(message="line 3 is damaged\n"))
    event(is_step_failure=True, step_failure_data=SimpleNamespace(error=error))
    assert capsys.readouterr().out.splitlines() == [
        "   warn drift_report.drift_score: 0.2",
        "  fail  features: line 3 is damaged",
    ]


def test_the_verdict_names_figures_decision_and_worklist(home, capsys):
    save_report("june", factories.evaluation_report())
    save_report("june", factories.decision(version="1", reason="the first"))
    save_report("june", UnscoredBatch(batch="june", not_scored="there was no champion"))
    pipeline._print_verdict("june", True, [], [])
    verdict, decided, worklist = capsys.readouterr().out.splitlines()
    assert verdict.startswith(
        "  Verdict: watch (frauds_missed). 36 of 40 test frauds caught (recall 0.90"
    )
    assert decided == "  Decision: promote version 1: the first."
    assert worklist == "  Worklist: there was no champion"


def test_a_batch_that_stopped_names_what_it_wrote(home, capsys):
    pipeline._print_verdict("june", False, ["raw_transactions"], [])
    assert "stopped" in capsys.readouterr().out


GOOD = factories.evaluation_report(verdicts={"fraud_recall": "good"})


@pytest.mark.parametrize(
    ("batch_verdicts", "failing", "said"),
    [
        ({}, [], "good"),
        ({"drift_score": "good"}, ["rejected_rows"], "watch (rejected_rows)"),
        ({"drift_score": "watch"}, ["drift_score"], "watch (drift_score)"),
        ({"drift_score": "critical"}, ["drift_score", "rejected_rows"], "critical (drift_score)"),
    ],
)
def test_the_verdict_is_the_worst_of_all_checks(batch_verdicts, failing, said):
    report = GOOD.model_copy(update={"batch_verdicts": batch_verdicts})
    assert pipeline._verdict(report, failing) == said
