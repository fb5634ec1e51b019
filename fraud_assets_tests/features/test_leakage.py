import pytest

from fraud_assets.features import build, leakage
from fraud_assets.features.build import Source, load_transactions
from fraud_assets.features.families import WindowFeature
from fraud_assets.features.leakage import find_leaks
from fraud_assets.intake.contract import Roles
from fraud_assets_tests.conftest import CARD_ROLES


@pytest.fixture
def loaded(engine, transactions_file):
    load_transactions(engine, Source(transactions_file, CARD_ROLES), [], 7)
    return engine


def test_the_features_of_the_platform_know_nothing_of_the_future(loaded):
    assert find_leaks(loaded, CARD_ROLES, 7) == []


def test_a_fraud_share_without_the_label_delay_is_found(loaded, monkeypatch):
    leaky = WindowFeature("terminal", "fraud_share", 7, delayed=False)
    monkeypatch.setattr(build, "window_features", lambda *_: [leaky])
    leaks = find_leaks(loaded, CARD_ROLES, 7)
    assert [leak.feature for leak in leaks] == ["terminal_fraud_share_7d"]
    assert leaks[0].rows > 0


def test_a_window_that_looks_ahead_is_found(loaded, monkeypatch):
    honest = build.features_query

    def ahead(roles, delay, source="transactions"):
        count = "count(*) OVER (PARTITION BY card ORDER BY event_time RANGE BETWEEN CURRENT ROW "
        count += "AND INTERVAL 1 DAY FOLLOWING)"
        inner = honest(roles, delay, source)
        return inner.replace("event_time, epoch(", f"event_time, {count} AS ahead, epoch(")

    monkeypatch.setattr(leakage, "features_query", ahead)
    monkeypatch.setattr(leakage, "derived_features", lambda _: ["ahead"])
    assert [leak.feature for leak in find_leaks(loaded, CARD_ROLES, 7)] == ["ahead"]


def test_data_without_derived_features_has_nothing_to_leak(engine):
    assert find_leaks(engine, Roles(target="y"), 7) == []
