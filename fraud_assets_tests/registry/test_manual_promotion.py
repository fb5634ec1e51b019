import pytest

from fraud_assets.registry.manual_promotion import objection, promote_manually
from fraud_assets.store import paths
from fraud_assets.store.decision_log import append_entry, read_entries
from fraud_assets_tests.registered import decision


def test_a_promotion_that_cannot_be_logged_changes_no_alias(registered):
    tracking, log = registered.tracking, paths.decisions_path()
    client = tracking.client()
    client.delete_registered_model_alias(tracking.model_name, "champion")
    with pytest.raises(ValueError, match="nothing was written to"):
        promote_manually(tracking, log, registered.version, "as \ud800 typed", "anna")
    assert tracking.champion_alias() is None
    entry = promote_manually(tracking, log, registered.version, "as typed", "anna")
    assert tracking.champion_alias() == registered.version
    assert read_entries(log)[-1].model_dump() == entry.model_dump()


AGAINST = {
    "reject": "version 2 was rejected: as a test wants it",
    "held": "version 2 is held: as a test wants it; approving it is `fraud-assets approve 2`",
    "proposed": "version 2 is proposed: as a test wants it",
    "shadow_only": None,
    "promote": None,
}


@pytest.mark.parametrize(("outcome", "said"), AGAINST.items())
def test_what_was_rejected_or_waits_has_an_objection(outcome, said):
    against = objection([decision("1"), decision("2", outcome, "1")], "2")
    assert (against or "").startswith(said or "")
    assert (against is None) == (said is None)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"verdicts": {"fraud_recall": "watch", "drift_score": "critical"}}, None),
        ({"verdicts": {"false_alarm_rate": "critical"}}, "is critical: false_alarm_rate"),
        ({"test_fraud_recall": 0.5}, "is critical: fraud recall 0.500"),
        ({"test_fraud_recall": 0.7}, None),
        ({}, None),
    ],
)
def test_a_version_with_a_critical_figure_has_an_objection(figures, said):
    against = objection([decision("2", "shadow_only", figures=figures)], "2")
    assert said in against if said else against is None


def test_nothing_speaks_against_a_version_that_was_never_decided_about():
    assert objection([decision("1", "reject")], "2") is None


def test_an_objection_is_overruled_with_force_and_the_log_says_so(registered):
    tracking, log = registered.tracking, paths.decisions_path()
    (first,) = read_entries(log)
    append_entry(
        log, first.model_copy(update={"outcome": "reject", "champion_before": registered.version})
    )
    with pytest.raises(ValueError, match="was rejected: as a test wants it; add --force"):
        promote_manually(tracking, log, registered.version, "why", "anna")
    assert len(read_entries(log)) == 2
    entry = promote_manually(tracking, log, registered.version, "why", "anna", force=True)
    assert entry.forced == f"version {registered.version} was rejected: as a test wants it"
    assert read_entries(log)[-1].forced == entry.forced
    again = promote_manually(tracking, log, registered.version, "why", "anna", force=True)
    assert again.forced is None
