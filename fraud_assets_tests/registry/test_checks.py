from typing import get_args

import dagster as dg
import pytest
from click.testing import CliRunner

from fraud_assets.cli import main
from fraud_assets.records.decisions import DecisionOutcome
from fraud_assets.registry.assets import LOG_HASH
from fraud_assets.registry.checks import (
    champion_is_decided,
    confirmed_hashes,
    nothing_awaits_approval,
)
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, log_hash
from fraud_assets.tracking import MODEL_FACTS, Tracking
from fraud_assets_tests import factories
from fraud_assets_tests.registered import decision


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def confirm(instance, sha256):
    """Materialize as a run does, with a log of this hash."""

    @dg.asset
    def registered_model():
        return dg.MaterializeResult(metadata={LOG_HASH: sha256})

    assert dg.materialize([registered_model], instance=instance).success


def report(instance, sha256):
    """Report a materialization, as the UI lets people do."""
    event = dg.AssetMaterialization("registered_model", metadata={LOG_HASH: sha256})
    instance.report_runless_asset_event(event)


def look(instance, tracking):
    return champion_is_decided(dg.build_asset_check_context(instance=instance), tracking)


def test_only_what_a_step_of_a_run_confirmed_counts(instance):
    confirm(instance, "a")
    report(instance, "b")
    confirm(instance, "c")
    assert list(confirmed_hashes(instance)) == ["c", "a"]


def test_a_log_that_lost_what_the_latest_run_confirmed_fails_the_check(instance, tracking):
    log = paths.decisions_path()
    append_entry(log, decision("1", "reject"))
    before = log.read_bytes()
    append_entry(log, decision("2", "reject"))
    confirm(instance, log_hash(log))
    assert look(instance, tracking).passed
    log.write_bytes(before)
    report(instance, log_hash(log))
    result = look(instance, tracking)
    assert not result.passed
    assert "it was rewritten or lost" in result.description


def test_a_champion_whose_files_are_not_the_decided_ones_fails_the_check(
    instance, registered, monkeypatch
):
    assert look(instance, registered.tracking).passed
    finding = f"{MODEL_FACTS} was altered"
    monkeypatch.setattr(Tracking, "findings", lambda _: [finding])
    result = look(instance, registered.tracking)
    assert (result.passed, result.description) == (False, finding)


def test_the_audit_shows_altered_files_of_the_champion_and_unconfirmed_lines(
    registered, monkeypatch
):
    monkeypatch.setattr(dg.DagsterInstance, "get", dg.DagsterInstance.ephemeral)
    passed = CliRunner().invoke(main, ["audit"])
    assert passed.exit_code == 0
    assert "note  line 1 (decision) is confirmed by no run yet" in passed.output
    file = registered.folder / "model.skops"
    file.write_bytes(file.read_bytes() + b"0")
    failed = CliRunner().invoke(main, ["audit"])
    assert failed.exit_code == 1
    assert "FAIL  model.skops of version 1 of" in failed.output


@pytest.mark.parametrize("outcome", get_args(DecisionOutcome))
def test_a_version_that_waits_is_a_warning_until_it_is_decided_about(home, outcome):
    waits = outcome in ("held", "proposed")
    report = factories.decision(outcome=outcome, reason="why <!channel>")
    result = nothing_awaits_approval(registered_model=report)
    assert result.passed is not waits
    if waits:
        assert result.severity is dg.AssetCheckSeverity.WARN
        assert result.description.startswith(f"version 3 is {outcome}: why")
        assert "<!channel>" not in result.description
    append_entry(paths.decisions_path(), decision("3", "reject"))
    assert nothing_awaits_approval(registered_model=report).passed
