import dagster as dg
import pytest

from fraud_assets.scoring.assets import _column_changes
from fraud_assets.scoring.checks import champion_columns
from fraud_assets.store import tables
from fraud_assets.tracking import ModelVersion
from fraud_assets_tests import factories

CHAMPION = ModelVersion("3", "run", "may", 0.5, ("a", "b"))


class Tracking:
    """A registry with one version that was trained on the columns a and b."""

    def model_facts(self, _):
        return factories.model_facts()


def judge(home, champion, kinds):
    facts = factories.champion_scores(
        champion=champion.version if champion else None,
        decision_threshold=0.5 if champion else None,
        champion_batch=champion.batch if champion else None,
        column_changes=_column_changes(Tracking(), champion, kinds),
    )
    return champion_columns(tables.ScoreTable(home, facts))


@pytest.mark.parametrize(
    ("champion", "kinds"),
    [
        (None, {"a": "VARCHAR"}),
        (CHAMPION, {"a": "DOUBLE", "b": "DOUBLE"}),
        (CHAMPION, {"new": "DOUBLE", "b": "DOUBLE", "a": "DOUBLE"}),
    ],
)
def test_columns_as_the_champion_knows_them_pass_also_new_ones_and_in_another_order(
    home, champion, kinds
):
    assert judge(home, champion, kinds).passed


def test_columns_missing_or_of_another_kind_are_a_warning(home):
    result = judge(home, CHAMPION, {"a": "VARCHAR"})
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == (
        "june.csv: compared with the champion (version 3, batch 'may'): column 'b' is missing, "
        "column 'a' was DOUBLE and is VARCHAR; export these columns again, or expect a model that "
        "cannot be compared with it"
    )
