import pytest

from fraud_assets.features import aggregations, leakage
from fraud_assets.features.compute import write_features
from fraud_assets.features.families import Family, WindowFeature, features_for
from fraud_assets.features.leakage import SAMPLED_ROWS, as_of, find_leaks
from fraud_assets.features.lookback import AcceptedRows, look_back, span_of
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.features.conftest import in_process


@pytest.fixture
def leaks_of(transactions_file, tmp_path):
    """Writes features and looks for leaks in them."""

    def find(features, delay=7.0):
        own, out = AcceptedRows(transactions_file, CARD_ROLES), tmp_path / "features.parquet"
        with in_process() as (connection, backend):
            span = span_of(backend, own, 7)
            write_features(backend, connection, own, [], span, features, delay, out)
            seen = look_back(backend, own, [], span, 7)
            return find_leaks(connection, seen, out, features, delay)

    return find


def test_the_features_of_the_platform_know_nothing_of_the_future(leaks_of):
    assert leaks_of([f for f in features_for(CARD_ROLES) if isinstance(f, WindowFeature)]) == []


def test_a_fraud_share_without_the_label_delay_is_found(leaks_of):
    leaky = Family("terminal_fraud_share_{}d", ("terminal",), "fraud", "mean", (30,), "now")
    leaks = leaks_of([WindowFeature(leaky, 30)])
    assert [leak.feature for leak in leaks] == ["terminal_fraud_share_30d"]
    assert leaks[0].rows > 0


def test_a_window_that_looks_ahead_is_found(leaks_of, monkeypatch):
    import ibis

    def ahead(rows, feature, length, until=0):
        by = [rows[role] for role in feature.family.entity]
        day = 86_400_000_000
        return ibis.range_window(group_by=by, order_by=rows["known_us"], preceding=0, following=day)

    monkeypatch.setattr(aggregations, "window", ahead)
    count = Family("card_ahead_{}d", ("card",), None, "count", (1,), "now")
    assert [leak.feature for leak in leaks_of([WindowFeature(count, 1)])] == ["card_ahead_1d"]


def test_at_each_moment_a_sample_of_rows_is_looked_at_with_the_past_of_its_cards(transactions_file):
    own = AcceptedRows(transactions_file, CARD_ROLES)
    with in_process() as (_, backend):
        seen = look_back(backend, own, [], span_of(backend, own, 7), 7)
        moment = int(seen["known_us"].quantile(0.5).execute())
        past = as_of(seen, moment).to_pandas()
    assert past["source_line"].notna().sum() == SAMPLED_ROWS
    assert past["known_us"].max() <= moment
    sampled = past[past["source_line"].notna()]
    assert (past["card"].isin(sampled["card"]) | past["terminal"].isin(sampled["terminal"])).all()


def test_nothing_to_look_at_is_no_leak(leaks_of):
    assert leaks_of([]) == []
    assert leakage.CUTS
