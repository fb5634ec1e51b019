import pytest

from fraud_assets.features import aggregations, families
from fraud_assets.features.aggregations import AGGREGATIONS, Aggregation
from fraud_assets.features.families import FAMILIES, Family, features_for
from fraud_assets.features.reason_codes import in_words
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.features.conftest import features_of
from fraud_assets_tests.features.test_build import rows


def test_the_aggregations_are_those_of_the_families():
    assert {family.aggregation for family in FAMILIES} == set(AGGREGATIONS)


@pytest.mark.parametrize("name", list(AGGREGATIONS))
def test_a_phrase_reads_well_for_one_day_and_for_more(name):
    one, more = (AGGREGATIONS[name].phrase(2.0, "card", days) for days in (1, 7))
    assert "card" in one
    assert "1 days" not in one
    assert "7 day" not in more.replace("7 days", "")


def test_an_entry_of_each_table_is_all_that_a_new_family_needs(tmp_path, monkeypatch):
    def smallest(rows, feature, _):
        return rows[feature.family.column].min().over(aggregations._own_window(rows, feature))

    def phrase(value, entity, days):
        return f"smallest amount of the {entity} in {days} days is {value:.2f}"

    monkeypatch.setitem(AGGREGATIONS, "min", Aggregation(smallest, phrase))
    new = Family("card_min_amount_{}d", ("card",), "amount", "min", (7,), "now")
    monkeypatch.setattr(families, "FAMILIES", (new,))
    assert "card_min_amount_7d" in [feature.name for feature in features_for(CARD_ROLES)]
    frame = rows(day=[1, 2, 9], amount=[2.0, 1.0, 3.0])
    assert features_of(frame, tmp_path)["card_min_amount_7d"].tolist() == [2, 1, 3]
    assert in_words("card_min_amount_7d", 1.0) == "smallest amount of the card in 7 days is 1.00"
