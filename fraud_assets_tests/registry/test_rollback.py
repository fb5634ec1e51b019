import pytest

from fraud_assets import storage
from fraud_assets.decisions import read_entries
from fraud_assets.registry.rollback import put_in_charge


def test_a_promotion_that_cannot_be_logged_changes_no_alias(registered):
    tracking, log = registered.tracking, storage.decisions_path()
    client = tracking.client()
    client.delete_registered_model_alias(tracking.model_name, "champion")
    with pytest.raises(ValueError, match="nothing was written to"):
        put_in_charge(tracking, log, registered.version, "as \ud800 typed", "anna")
    assert tracking.champion_alias() is None
    entry = put_in_charge(tracking, log, registered.version, "as typed", "anna")
    assert tracking.champion_alias() == registered.version
    assert {**read_entries(log)[-1]} == entry
