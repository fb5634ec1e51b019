import re

from fraud_assets.features.families import (
    FAMILIES,
    LONGEST_WINDOW_DAYS,
    ROW_FEATURES,
    RowFeature,
    WindowFeature,
    features_for,
)
from fraud_assets.records.batches import Roles
from fraud_assets_tests.conftest import CARD_ROLES


def names(roles, taken=()):
    return [feature.name for feature in features_for(roles, taken)]


def test_data_without_card_terminal_or_dates_has_what_needs_none_of_them():
    assert names(Roles(target="Class", timestamp="Time", amount="Amount")) == ["log_amount"]
    assert names(Roles(target="y")) == []


def test_dates_alone_give_the_calendar():
    found = names(Roles(target="y", timestamp="t", real_time=True))
    assert found == ["hour", "weekday", "is_night", "is_weekend"]


def test_cards_without_amounts_or_terminals_have_the_families_that_need_neither():
    found = names(Roles(target="y", timestamp="t", card="c"))
    assert "card_transactions_7d" in found
    assert "card_fraud_share_30d" in found
    assert not [name for name in found if "amount" in name or "terminal" in name]


def test_cards_without_a_timestamp_cannot_be_followed():
    assert names(Roles(target="y", card="c", terminal="t")) == []


def test_a_column_of_the_data_goes_before_a_feature_of_its_name_in_whatever_case():
    found = names(CARD_ROLES, ["HOUR", "card_max_amount_1d"])
    assert "hour" not in found
    assert "card_max_amount_1d" not in found
    assert "weekday" in found


def test_each_window_names_the_history_that_fills_it():
    windows = {f.name: f for f in features_for(CARD_ROLES) if isinstance(f, WindowFeature)}
    assert windows["card_transactions_30d"].warm_up_days(7) == 30
    assert windows["terminal_fraud_share_30d"].warm_up_days(7) == 37
    assert max(window.days for window in windows.values()) == LONGEST_WINDOW_DAYS


def test_what_needs_no_past_is_a_feature_of_the_row():
    rows = [f.name for f in features_for(CARD_ROLES) if isinstance(f, RowFeature)]
    assert rows == ["hour", "weekday", "is_night", "is_weekend", "log_amount"]


def test_the_page_names_every_feature_and_the_test_of_every_clause(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "features.md").read_text()
    same = page.replace("and the same of `terminal_`", "")
    for family in FAMILIES:
        name = family.name.replace("{}", "{d}")
        assert f"`{name}`" in page or f"`{name.replace('terminal_', 'card_')}`" in same, name
    assert all(f"`{feature.name}`" in page for feature in ROW_FEATURES)
    clauses = re.findall(r"\| `(test_\w+)` \|$", page, re.MULTILINE)
    folder = pytestconfig.rootpath / "fraud_assets_tests" / "features"
    tests = "".join(path.read_text() for path in folder.glob("test_*.py"))
    assert len(clauses) == len(set(clauses)) > 10
    assert [name for name in clauses if f"def {name}(" not in tests] == []
