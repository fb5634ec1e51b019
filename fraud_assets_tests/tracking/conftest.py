import pytest

from fraud_assets.tracking import MODEL_FACTS
from fraud_assets_tests import factories
from fraud_assets_tests.registered import Context


@pytest.fixture
def undecided(tracking):
    """A run that died with a version that nothing was decided about; its facts, run and version."""
    with tracking.training_run(Context("1"), "june", {}) as died:
        facts = factories.model_facts(decision_threshold=0.5)
        tracking.log_json(died, MODEL_FACTS, facts.model_dump(mode="json"))
    client = tracking.client()
    client.create_registered_model(tracking.model_name)
    version = client.create_model_version(tracking.model_name, "file:/nowhere", died).version
    return facts, died, str(version)
