import pytest

from fraud_assets.config.settings import IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.roles import find_roles, read_labels
from fraud_assets.intake.sample import ColumnSample


def roles(columns, **settings):
    given = IntakeSettings(**settings)
    sample = {
        name: ColumnSample(values, list(range(2, 2 + len(values))))
        for name, values in columns.items()
    }
    return find_roles("a.csv", list(columns), sample, given, read_labels(given))


def test_a_role_is_that_of_the_setting_before_a_known_name():
    columns = {"Time": ["1"], "when": ["2"], "Class": ["0"]}
    assert roles(columns).timestamp == "Time"
    assert roles(columns, timestamp="when").timestamp == "when"


def test_without_a_known_name_the_last_column_is_the_target():
    assert roles({"a": ["1"], "y": ["1"]}).target == "y"


def test_a_column_of_card_numbers_is_the_card_unless_it_has_a_role():
    columns = {"pan": ["4111111111111111"], "y": ["0"]}
    assert roles(columns).card == "pan"
    assert roles(columns, transaction_id="pan").card is None


def test_a_target_may_have_other_labels():
    labels = {"fraud_labels": ["F"], "genuine_labels": ["G"]}
    assert roles({"a": ["1"], "y": ["f", "G"]}, **labels).target == "y"


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ({"a": [], "0": ["0"]}, {}, "line 1, column 2: a value, not a name"),
        ({"a": [], "no": ["0"]}, {}, "line 1, column 2: a value, not a name"),
        ({"a": [], "zoe": ["0", "x", "y"]}, {}, "line 3, column 2, the last: not a target"),
        ({"a": [], "Class": ["x"]}, {}, "line 2, column 'Class': not a target"),
        ({"a": [], "y": ["0"]}, {"card": "b"}, "no column 'b' for the role card; correct the"),
        ({"cards": [], "y": ["0"]}, {"card": "card"}, "did you mean 'cards'?"),
    ],
)
def test_columns_that_cannot_have_their_role_are_refused(columns, settings, message):
    with pytest.raises(IntakeError) as refused:
        roles(columns, **settings)
    assert message in str(refused.value)
    assert "zoe" not in str(refused.value)
