import math

import pytest

from fraud_assets.features.families import WindowFeature, features_for
from fraud_assets.features.reason_codes import in_words
from fraud_assets_tests.conftest import CARD_ROLES

FEATURES = features_for(CARD_ROLES)


@pytest.mark.parametrize("feature", [f.name for f in FEATURES])
@pytest.mark.parametrize("value", [0.0, 1.0, 5.0])
def test_every_feature_has_words_for_its_values(feature, value):
    phrase = in_words(feature, value)
    assert feature not in phrase
    assert "_" not in phrase


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_window_names_its_entity_and_a_missing_value_says_so(feature):
    if isinstance(feature, WindowFeature):
        assert feature.family.entity[0] in in_words(feature.name, 1.0)
    assert in_words(feature.name, math.nan).startswith("no ")


@pytest.mark.parametrize(
    ("feature", "value", "phrase"),
    [
        ("card_amount_zscore_30d", -2.0, "2.0 standard deviations below"),
        ("card_seconds_since_last_30d", 90.0, "2 minutes since"),
        ("card_seconds_since_last_30d", 7200.0, "2.0 hours since"),
        ("card_seconds_since_last_30d", 172_800.0, "2.0 days since"),
        ("terminal_fraud_share_7d", 0.42, "42% frauds among the terminal's labels of 7 days"),
        ("card_new_at_terminal_30d", 1.0, "the card has not been at this terminal"),
        ("terminal_last_is_fraud_30d", 1.0, "the terminal's last known label is a fraud"),
        ("log_amount", math.log(101), "amount 100.00"),
        ("weekday", 6.0, "on a Sunday"),
        ("V14", -5.25, "V14 is -5.25"),
    ],
)
def test_values_are_told_in_the_units_of_people(feature, value, phrase):
    assert phrase in in_words(feature, value)
