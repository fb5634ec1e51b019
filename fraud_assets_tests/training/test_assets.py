import pandas as pd
import pytest

from fraud_assets.catalog import BatchCatalog
from fraud_assets.records.batches import Roles, SplitCounts
from fraud_assets.store import paths, resources, tables
from fraud_assets.training import assignments
from fraud_assets.training.assets import SplitConfig, counts_table, splits
from fraud_assets_tests import factories
from fraud_assets_tests.factories import saved_table

N = 60
ROLES = Roles(target="y")


@pytest.fixture
def features(home):
    """Features of a batch without times, with its accepted rows next to them."""
    rows = pd.DataFrame(
        {"source_line": range(2, N + 2), "x": range(N), "y": [int(i % 5 == 0) for i in range(N)]}
    )
    about = {"roles": ROLES, "kinds": {"x": "number", "y": "number"}}
    saved_table(tables.RawTable, factories.raw_transactions(**about), rows)
    unknown = pd.array([None] * N, "Int64")
    timed = rows.assign(known_us=unknown, label_known_us=unknown, days_known=0.0)
    return saved_table(tables.FeatureTable, factories.features(**about, features=["x"]), timed)


def test_the_splits_of_a_batch_are_written_described_and_indexed(features, instance):
    result = splits(
        config=SplitConfig(),
        features=features,
        engine=resources.Engine(),
        catalog=BatchCatalog.of(instance),
    )
    facts = result.value.facts
    assert pd.read_parquet(result.value.path)["split"].value_counts()["train"] == 36
    assert facts.counts["train"] == SplitCounts(rows=36, frauds=7)
    assert facts.window == [("june", "a")]
    assert result.metadata["mode"] == "stratified"
    assert result.metadata["window"] == ["june"]
    assert "test_start" not in result.metadata
    assert list(assignments.read_index(paths.assignments_path())) == [("june", "a")]


def test_counts_are_shown_as_a_table():
    table = counts_table({"train": SplitCounts(rows=9, frauds=2)})
    assert [record.data for record in table.records] == [{"split": "train", "rows": 9, "frauds": 2}]
