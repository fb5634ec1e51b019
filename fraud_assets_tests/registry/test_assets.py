from types import SimpleNamespace

import dagster as dg
import pytest

from fraud_assets.config.names import USER_TAG
from fraud_assets.config.settings import ManualDecision
from fraud_assets.platform.resources import PromotionPolicy
from fraud_assets.records.decisions import RefusalEntry, RegisteredModel
from fraud_assets.records.models import ReferenceProfile
from fraud_assets.registry import assets
from fraud_assets.registry.assets import (
    LOG_HASH,
    ApprovalConfig,
    actor_of,
    manual_decision,
    registered_model,
)
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, log_hash, read_entries
from fraud_assets.tracking import DECISION_TAG
from fraud_assets_tests import factories
from fraud_assets_tests.called import RecordingTracking, call, context

MODEL = factories.trained_model(model_hash="a" * 64, artifacts={"facts.json": "b" * 64})
NO_DRIFT = factories.unmeasured_drift()
PROFILE = ReferenceProfile(
    batch="june",
    model_version=MODEL.version,
    mlflow_run_id=MODEL.run_id,
    artifacts={"profile.json": "c" * 64},
)


@pytest.fixture
def decided(home, monkeypatch):
    """Decides about the model of batch june; returns the result and what was logged."""
    monkeypatch.setattr(assets, "_period", lambda _: None)

    def decide(
        runs=(), profile=PROFILE, current=None, drift=NO_DRIFT, promotion=None, **evaluation
    ):
        monkeypatch.setattr(assets, "resumed_runs", lambda *_: set(runs))
        tracking = RecordingTracking(champion=current, version_link="link")
        result = call(
            registered_model,
            context=context("june"),
            splits=None,
            trained_model=MODEL,
            evaluation_report=factories.evaluation_report(**evaluation),
            drift_report=drift,
            reference_profile=profile,
            catalog=SimpleNamespace(earlier=lambda _: [SimpleNamespace(batch="may")]),
            tracking=tracking,
            policy=PromotionPolicy(promotion=promotion),
        )
        return result, tracking

    return decide


def champion_of(batch):
    return SimpleNamespace(version="1", batch=batch)


def test_the_first_good_model_is_promoted_logged_and_described(decided):
    result, tracking = decided(drift=factories.drift_report(drift_score=0.2))
    decision = result.value
    assert isinstance(decision, RegisteredModel)
    assert (decision.outcome, decision.version, decision.batch) == ("promote", "3", "june")
    (entry,) = read_entries(paths.decisions_path())
    assert RegisteredModel.of(entry) == decision
    assert entry.artifacts == MODEL.artifacts | PROFILE.artifacts
    assert entry.figures["drift_score"] == 0.2
    assert tracking.calls["make_champion"] == [("3",)]
    assert tracking.calls["tag_version"][0][1][DECISION_TAG] == "promote"
    assert (paths.report_folder("june") / "model_card.md").read_text().startswith("# Model card")
    assert result.metadata[LOG_HASH] == log_hash(paths.decisions_path())


def test_a_rejected_model_changes_no_alias(decided):
    verdicts = {"fraud_recall": "critical", "frauds_missed": "good", "false_alarm_rate": "good"}
    result, tracking = decided(verdicts=verdicts)
    assert result.value.outcome == "reject"
    assert "make_champion" not in tracking.calls
    assert result.metadata["checks_failed"] == ["no_figure_critical"]


def test_a_proposed_model_changes_no_alias_and_a_declined_one_is_not_promoted(decided):
    proposed, tracking = decided(promotion="approval")
    assert proposed.value.outcome == "proposed"
    assert "make_champion" not in tracking.calls
    assert tracking.calls["tag_version"][0][1][DECISION_TAG] == "proposed"
    log = paths.decisions_path()
    declined = RefusalEntry(
        **proposed.value.model_dump(include={"time", "batch", "version", "champion_before",
                                             "reason", "model_hash"}),
        outcome="reject",
    )  # fmt: skip
    append_entry(log, declined)
    again, tracking = decided()
    assert (again.value.outcome, again.value.failed) == ("reject", ["not_declined"])
    assert "make_champion" not in tracking.calls


def test_a_batch_that_confirms_a_held_version_says_so_on_its_page(decided):
    drift = factories.drift_report(
        verdict="critical", drift_score=0.9, to_held=factories.held_comparison()
    )
    compared = {"champion": "1", "comparison": factories.comparison()}
    result, _ = decided(drift=drift, current=champion_of("may"), **compared)
    assert (result.value.outcome, result.value.confirms) == ("promote", "2")
    assert result.metadata["confirms"] == "version 2, which was held"


@pytest.fixture
def by_hand(home, monkeypatch):
    """Decides about version 3 as a click does, and returns what was called."""
    called = []

    def record(name):
        def carry_out(*arguments):
            called.append((name, *arguments[2:]))
            if arguments[2] == "9":
                raise ValueError("it does not wait")
            return factories.decision_entry(outcome=name)

        return carry_out

    monkeypatch.setattr(assets, "approve", record("promote"))
    monkeypatch.setattr(assets, "decline", record("reject"))

    def decide(version, decision, **tags):
        config = ApprovalConfig(version=version, decision=decision, reason="why")
        tracking = RecordingTracking(version_link="link")
        run = context("june", **tags)
        return call(manual_decision, context=run, config=config, tracking=tracking), called

    return decide


def test_a_click_approves_or_rejects_with_the_login_of_who_clicked(by_hand):
    result, called = by_hand("3", ManualDecision.approve, **{USER_TAG: "anna"})
    assert called == [("promote", "3", "why", "anna")]
    assert (result.metadata["decision"], result.metadata["decided_by"]) == ("promote", "anna")
    _, called = by_hand("3", ManualDecision.reject)
    assert called[-1] == ("reject", "3", "why", "run 1, started by hand")


def test_a_click_about_a_version_that_does_not_wait_fails_with_the_reason(by_hand):
    with pytest.raises(dg.Failure, match="it does not wait"):
        by_hand("9", ManualDecision.approve)


def test_a_champion_of_a_later_batch_is_newer(decided):
    compared = {"champion": "1", "comparison": factories.comparison()}
    later, _ = decided(current=champion_of("july"), **compared)
    assert "champion_not_newer" in later.value.failed
    earlier, _ = decided(current=champion_of("may"), **compared)
    assert "champion_not_newer" not in earlier.value.failed
    assert earlier.value.champion_before == "1"


def test_a_run_that_takes_up_another_carries_out_its_decision(decided):
    first, _ = decided()
    again, tracking = decided(runs=["1"])
    assert again.value == first.value
    assert len(read_entries(paths.decisions_path())) == 1
    assert tracking.calls["make_champion"] == [("3",)]


def test_a_profile_of_another_version_is_refused_unless_the_artifacts_are_recorded(decided):
    other = PROFILE.model_copy(update={"model_version": "2"})
    with pytest.raises(dg.Failure, match="belongs to version 2, and the decision is about version"):
        decided(profile=other)
    assert read_entries(paths.decisions_path()) == []
    decided()
    result, _ = decided(profile=other)
    assert result.value.artifacts == MODEL.artifacts | PROFILE.artifacts


def test_figures_on_the_page_are_rounded_and_those_in_the_log_are_not(decided):
    result, _ = decided(drift=factories.drift_report(drift_score=0.123456))
    assert result.metadata["figures"].value["drift_score"] == 0.1235
    assert result.value.figures["drift_score"] == 0.123456


def test_the_user_who_started_a_run_decides_else_the_run():
    assert actor_of(context("june", **{USER_TAG: "anna"}).run, "file june.csv") == "anna"
    assert actor_of(context("june").run, "file june.csv") == "run 1, file june.csv"
