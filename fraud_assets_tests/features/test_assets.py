from types import SimpleNamespace

import dagster as dg
import pandas as pd
import pytest

from fraud_assets.catalog import AcceptedBatch, BatchCatalog, acceptance
from fraud_assets.features import families
from fraud_assets.features.assets import (
    FeatureConfig,
    features,
    note_acceptance,
    stale_batches,
    visible_history,
)
from fraud_assets.features.lookback import Span
from fraud_assets.store import resources, tables
from fraud_assets_tests import factories
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.factories import saved_table
from fraud_assets_tests.features.test_build import rows

DAY = 86_400_000_000


class Context:
    """Records what a step logs."""

    def __init__(self):
        self.events, self.warnings = [], []
        self.log = SimpleNamespace(warning=self.warnings.append)
        self.log_event = self.events.append


def span(first_day):
    return Span(first_day * DAY, (first_day + 10) * DAY, (first_day + 17) * DAY)


def accepted(batch, first_day, content="a"):
    return AcceptedBatch(batch, content, span(first_day))


@pytest.fixture
def accept(instance):
    """Reports a batch as accepted, as an earlier run would have."""
    return lambda *batch: instance.report_runless_asset_event(acceptance(accepted(*batch), 1))


@pytest.fixture
def catalog(instance):
    return BatchCatalog.of(instance)


def keep(batch, content="a"):
    facts = factories.raw_transactions(batch=batch, content_hash=content)
    return saved_table(tables.RawTable, facts)


def test_the_visible_history_is_what_windows_reach_oldest_first(home, accept, catalog):
    for batch, first_day in (("long ago", 0), ("april", 160), ("may", 180), ("late", 300)):
        accept(batch, first_day)
        keep(batch)
    found = visible_history(catalog, "june", span(200))
    assert [past.path.parent.parent.name for past in found] == ["april", "may"]
    assert found[0].roles == factories.ROLES


def test_the_visible_history_leaves_out_what_was_removed_and_reads_the_last_content(
    home, accept, catalog
):
    accept("april", 180)
    accept("may", 190, "old")
    accept("may", 190, "new")
    keep("may", "old")
    new = keep("may", "new")
    assert [past.path for past in visible_history(catalog, "june", span(200))] == [new.path]


def test_an_acceptance_is_logged_with_its_span_and_known_to_the_catalog(home, catalog):
    context = Context()
    note_acceptance(context, catalog, accepted("june", 200), 12)
    (event,) = context.events
    assert event.partition == "june"
    assert event.metadata["content_hash"].value == "a"
    assert event.metadata["dagster/partition_row_count"].value == 12
    assert catalog.accepted() == {"june": accepted("june", 200)}


def test_a_correction_reports_the_later_batches_that_it_makes_stale(home, accept, catalog):
    for batch, first_day in (("april", 160), ("may", 180), ("june", 200), ("next year", 500)):
        accept(batch, first_day)
    context = Context()
    note_acceptance(context, catalog, accepted("may", 180, "corrected"), 1)
    assert context.warnings == ["may was corrected: features of june are stale"]
    assert [event.partition for event in context.events] == ["may", "june"]


def test_the_same_content_again_makes_nothing_stale(home, accept, catalog):
    for batch, first_day in (("may", 180), ("june", 200)):
        accept(batch, first_day)
    context = Context()
    note_acceptance(context, catalog, accepted("may", 180), 1)
    assert context.warnings == []


def test_the_same_content_stays_excluded_and_another_one_is_not(home, instance, accept, catalog):
    accept("june", 200)
    for event in catalog.exclude("june", "implausible", 1):
        instance.report_runless_asset_event(event)
    note_acceptance(Context(), catalog, accepted("june", 200), 1)
    assert catalog.accepted()["june"].excluded == "implausible"
    note_acceptance(Context(), catalog, accepted("june", 200, "corrected"), 1)
    assert catalog.accepted()["june"].excluded is None


def test_no_window_looks_back_on_an_excluded_batch(home, accept, catalog):
    for batch in ("april", "may"):
        accept(batch, 180)
        keep(batch)
    catalog.exclude("may", "implausible", 1)
    found = visible_history(catalog, "june", span(200))
    assert [past.path.parent.parent.name for past in found] == ["april"]


def test_a_batch_is_stale_when_its_windows_saw_the_old_rows_or_see_the_new_ones():
    before = {of.batch: of for of in (accepted("may", 0), accepted("june", 200))}
    assert stale_batches(before, accepted("may", 180, "b")) == ["june"]
    assert stale_batches(before, accepted("may", 1, "b")) == []
    assert stale_batches(before, accepted("july", 210, "b")) == []
    moved = before | {"may": accepted("may", 180)}
    assert stale_batches(moved, accepted("may", 0, "b")) == ["june"]


def test_an_acceptance_prunes_old_versions(home, accept, catalog, monkeypatch):
    monkeypatch.setenv("FRAUD_KEEP_VERSIONS", "1")
    accept("june", 200, "old")
    for content in ("old", "new"):
        keep("june", content)
    note_acceptance(Context(), catalog, accepted("june", 200, "new"), 1)
    assert tables.versions("raw_transactions", "june") == ["new"]


def test_the_features_of_a_batch_are_written_and_described(home, instance, monkeypatch):
    wanted = ("card_transactions_{}d", "card_mean_amount_{}d")
    chosen = tuple(family for family in families.FAMILIES if family.name in wanted)
    monkeypatch.setattr(families, "FAMILIES", chosen)
    frame = rows(day=[1, 2, 9], amount=[1.0, 3.0, 5.0])
    facts = factories.raw_transactions(roles=CARD_ROLES, kinds=dict.fromkeys(frame, "text"), rows=3)
    raw = saved_table(tables.RawTable, facts, frame)
    with dg.build_asset_context(instance=instance, partition_key="june") as context:
        result = features(
            context,
            config=FeatureConfig(label_delay_days=3),
            raw_transactions=raw,
            engine=resources.Engine(),
            catalog=BatchCatalog.of(instance),
        )
    written = pd.read_parquet(result.value.path)
    assert written["card_transactions_7d"].tolist() == [1, 2, 1]
    assert set(result.value.facts.features) <= set(written)
    assert result.value.facts.warm_up_days["card_mean_amount_90d"] == 90
    assert result.metadata["dagster/row_count"] == 3
    assert result.metadata["n_features"] == len(result.value.facts.features)
