import pytest

from fraud_assets.registry.manual_promotion import promote_manually
from fraud_assets.store import paths
from fraud_assets.store.decision_log import read_entries


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
