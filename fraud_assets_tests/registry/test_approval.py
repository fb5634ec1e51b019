from types import SimpleNamespace

import pytest

from fraud_assets.registry.approval import approve, decline, why_stale
from fraud_assets.store import paths
from fraud_assets.store.decision_log import (
    append_entry,
    audit,
    last_decision,
    promoted_version,
    read_entries,
)
from fraud_assets.tracking import MODEL_FACTS
from fraud_assets_tests.called import RecordingTracking
from fraud_assets_tests.registered import artifact, decision


@pytest.fixture
def log(home):
    paths.decisions_path().parent.mkdir(parents=True, exist_ok=True)
    return paths.decisions_path()


def registry(champion="1", **answers):
    """A registry in which every version has the model file that was decided about."""
    return RecordingTracking(
        **{
            "champion_alias": champion,
            "model_hash": lambda version: decision(version).model_hash,
            "version": SimpleNamespace(run_id="r"),
            "artifact_hashes": {},
        }
        | answers
    )


@pytest.fixture
def waiting(log):
    """Champion 1, and version 2 with this outcome after it."""

    def write(outcome, before="1", version="2"):
        append_entry(log, decision("1"))
        append_entry(log, decision(version, outcome, before, batch="july"))
        return log

    return write


def test_an_approved_version_is_the_champion_and_the_log_says_who_and_why(waiting):
    for outcome in ("held", "proposed"):
        log = waiting(outcome)
        tracking = registry()
        entry = approve(tracking, log, "2", "prices rose", "anna")
        assert tracking.calls["make_champion"] == [("2",)]
        assert (entry.event, entry.outcome, entry.actor) == ("approved", "promote", "anna")
        assert (entry.reason, entry.champion_before) == ("prices rose", "1")
        assert promoted_version(read_entries(log)) == "2"
        assert audit(log, "2", {}).findings == ()
        log.unlink()


def test_a_declined_version_changes_no_alias_and_waits_no_longer(waiting):
    log, tracking = waiting("held"), registry()
    entry = decline(tracking, log, "2", "a broken export", "anna")
    assert (entry.event, entry.outcome) == ("declined", "reject")
    assert "make_champion" not in tracking.calls
    assert last_decision(read_entries(log), "2").outcome == "reject"
    assert audit(log, "1", {}).findings == ()
    with pytest.raises(ValueError, match="does not wait for a decision: reject, a broken export"):
        approve(tracking, log, "2", "after all", "anna")


@pytest.mark.parametrize("outcome", ["promote", "shadow_only", "reject"])
@pytest.mark.parametrize("decide", [approve, decline])
def test_only_a_version_that_waits_is_decided_about(waiting, decide, outcome):
    log = waiting(outcome)
    with pytest.raises(ValueError, match=f"version 2 does not wait for a decision: {outcome}"):
        decide(registry(), log, "2", "why", "anna")
    with pytest.raises(ValueError, match="nothing was decided about version '9'"):
        decide(registry(), log, "9", "why", "anna")
    assert len(read_entries(log)) == 2


def test_a_version_that_was_compared_with_another_champion_is_stale(waiting):
    log = waiting("held")
    append_entry(log, decision("3", "promote", "1", batch="august"))
    tracking = registry("3")
    with pytest.raises(ValueError, match="compared with version 1, and version 3, trained for "):
        approve(tracking, log, "2", "why", "anna")
    assert "make_champion" not in tracking.calls
    assert len(read_entries(log)) == 3


def test_a_version_that_is_no_longer_the_latest_is_stale(waiting):
    log = waiting("held")
    append_entry(log, decision("3", "shadow_only", "1", batch="august"))
    with pytest.raises(ValueError, match="no longer the latest: version 3, trained for batch "):
        approve(registry(), log, "2", "why", "anna")
    decline(registry(), log, "2", "too late", "anna")


def test_without_a_champion_the_first_proposed_version_is_not_stale(log):
    entry = append_entry(log, decision("1", "proposed"))
    assert why_stale(read_entries(log), entry, None) is None
    assert "no champion is the champion" not in why_stale(read_entries(log), entry, "4")


def test_an_altered_model_is_not_approved(registered):
    log = paths.decisions_path()
    append_entry(
        log,
        last_decision(read_entries(log), registered.version).model_copy(
            update={"outcome": "held", "champion_before": registered.version}
        ),
    )
    artifact(registered, MODEL_FACTS).write_text("{}")
    with pytest.raises(ValueError, match="altered"):
        approve(registered.tracking, log, registered.version, "why", "anna")
