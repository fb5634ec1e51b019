import dagster as dg
import pandas as pd
import pytest

from fraud_assets.catalog import BatchCatalog
from fraud_assets.features import families
from fraud_assets.features.checks import no_future_information
from fraud_assets.features.compute import write_features
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets.store import resources, tables
from fraud_assets_tests import factories
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.factories import saved_table
from fraud_assets_tests.features.conftest import in_process
from fraud_assets_tests.features.test_build import rows

N = 40


@pytest.fixture
def checked(home, instance, monkeypatch):
    """Writes the features of a batch, changes them, and runs the check."""
    wanted = ("card_transactions_{}d", "terminal_fraud_share_{}d")
    chosen = tuple(family for family in families.FAMILIES if family.name in wanted)
    monkeypatch.setattr(families, "FAMILIES", chosen)

    def run(change=lambda frame: frame, roles=CARD_ROLES):
        frame = rows(day=list(range(N)), fraud=[i % 2 for i in range(N)])
        kinds = dict.fromkeys(frame, "text")
        facts = factories.raw_transactions(roles=roles, kinds=kinds)
        raw = saved_table(tables.RawTable, facts, frame)
        own, out = AcceptedRows(raw.path, roles), home / "features.parquet"
        with in_process() as (connection, backend):
            span = span_of(backend, own, 7)
            derived = features_for(roles, kinds)
            write_features(backend, connection, own, [], span, derived, 7, out)
        table = saved_table(
            tables.FeatureTable,
            factories.features(roles=roles, kinds=kinds, span=tuple(span)),
            change(pd.read_parquet(out)),
        )
        return no_future_information(
            features=table, engine=resources.Engine(), catalog=BatchCatalog.of(instance)
        )

    return run


def test_features_that_use_only_the_past_pass(checked):
    result = checked()
    assert result.passed, result.description
    assert (
        result.description == "none of 8 features changes when the future is cut off at 3 moments"
    )
    assert result.metadata["features_checked"].value == 8


def test_a_feature_that_used_the_future_stops_the_run_and_is_named(checked):
    result = checked(lambda frame: frame.assign(card_transactions_7d=N))
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "card_transactions_7d changed at" in result.description
    assert "terminal_fraud_share" not in result.description


def test_without_window_features_there_is_nothing_to_check(checked):
    result = checked(roles=CARD_ROLES.model_copy(update={"card": None, "terminal": None}))
    assert result.passed
    assert "no feature looks at other rows" in result.description


def test_the_check_stops_a_run():
    assert all(spec.blocking for spec in no_future_information.check_specs)
