import pytest

from fraud_assets.intake.kinds import LABEL, NAME, NUMBER
from fraud_assets.intake.schema import schema_changes, schema_fingerprint


def test_the_fingerprint_is_that_of_names_kinds_and_order():
    one = schema_fingerprint({"a": NUMBER, "b": NUMBER})
    assert one == schema_fingerprint({"a": NUMBER, "b": NUMBER})
    others = [{"b": NUMBER, "a": NUMBER}, {"a": NUMBER, "b": NAME}, {"a": NUMBER}]
    assert len({one, *map(schema_fingerprint, others)}) == 4


@pytest.mark.parametrize(
    ("kinds", "changes"),
    [
        ({"a": NUMBER, "y": LABEL}, []),
        ({"y": LABEL, "a": NUMBER}, []),
        ({"a": NUMBER, "new": NUMBER, "y": LABEL}, []),
        ({"y": LABEL}, ["column 'a' is missing"]),
        ({"a": NAME, "y": LABEL}, ["column 'a' was DOUBLE and is VARCHAR"]),
    ],
)
def test_columns_missing_or_of_another_kind_are_changes_added_or_reordered_are_not(kinds, changes):
    assert schema_changes(kinds, {"a": NUMBER, "y": LABEL}) == changes
