import pytest

from fraud_assets.registry.manual_promotion import put_in_charge
from fraud_assets.store import paths
from fraud_assets.store.decision_log import read_entries


def test_a_promotion_that_cannot_be_logged_changes_no_alias(registered):
    tracking, log = registered.tracking, paths.decisions_path()
    client = tracking.client()
    client.delete_registered_model_alias(tracking.model_name, "champion")
    with pytest.raises(ValueError, match="nothing was written to"):
        put_in_charge(tracking, log, registered.version, "as \ud800 typed", "anna")
    assert tracking.champion_alias() is None
    entry = put_in_charge(tracking, log, registered.version, "as typed", "anna")
    assert tracking.champion_alias() == registered.version
    assert {**read_entries(log)[-1]} == entry
