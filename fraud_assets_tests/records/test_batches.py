import pytest
from pydantic import ValidationError

from fraud_assets.records.batches import ChampionScores, Features
from fraud_assets.records.models import ReferenceProfile
from fraud_assets_tests import factories

SCORES = {
    "batch": "june",
    "content_hash": "h",
    "champion": "1",
    "decision_threshold": 0.5,
    "missing_columns": [],
    "champion_batch": "may",
    "source_file": "june.csv",
    "column_changes": [],
}


def test_rows_are_scored_by_a_champion_that_finds_all_its_columns():
    assert ChampionScores(**SCORES).is_scored
    assert not ChampionScores(**SCORES | {"champion": None}).is_scored
    assert not ChampionScores(**SCORES | {"missing_columns": ["a"]}).is_scored


def test_unknown_keys_and_other_formats_are_refused():
    for wrong in ({"score": 1}, {"version": 2}):
        with pytest.raises(ValidationError):
            ChampionScores(**SCORES | wrong)
    with pytest.raises(ValidationError):
        ReferenceProfile(batch="june", model_version="1", mlflow_run_id="r")


def test_features_of_releases_that_named_the_champion_still_load():
    values = factories.features().model_dump(mode="json")
    assert Features(**values, champion="1") == factories.features()
