import hashlib

import dagster as dg
import pandas as pd
import pytest

from fraud_assets.config import environment
from fraud_assets.records.scoring import ScoredBatch, UnscoredBatch
from fraud_assets.scoring.assets import (
    NO_CHAMPION,
    ScoringConfig,
    champion_scores,
    scored_transactions,
)
from fraud_assets.scoring.score import SCORED
from fraud_assets.scoring.worklist import alert_outcomes
from fraud_assets.store import paths, resources, tables
from fraud_assets.tracking import ModelVersion
from fraud_assets_tests import factories
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.training.conftest import COLUMNS

CARD = "4111111111111111"
HEAD = "kind,name,reason,expires\n"
KINDS = dict.fromkeys(COLUMNS, "DOUBLE")


class Tracking:
    """A registry with one version, which is the champion, or with none."""

    def __init__(self, model=None, columns=COLUMNS):
        self.model = model
        self.champion_version = ModelVersion("3", "run", "may", 0.5, tuple(columns))

    def champion(self):
        return self.champion_version if self.model else None

    def version(self, _):
        return self.champion_version

    def load(self, _):
        return self.model

    def model_facts(self, _):
        return factories.model_facts(kinds=KINDS)

    def version_link(self, version):
        return f"version {version}"


@pytest.fixture
def features(home, batch):
    path = tables.new_rows_file("features", "june")
    batch[0].assign(CUSTOMER_ID=CARD).to_parquet(path)
    facts = factories.features(kinds=KINDS, roles=CARD_ROLES, features=COLUMNS)
    return tables.FeatureTable(path, facts)


def score(features, tracking):
    return champion_scores(
        dg.build_asset_context(partition_key="june"),
        features=features,
        engine=resources.Engine(),
        tracking=tracking,
    )


def decide(features, tracking, table=None):
    return scored_transactions(
        dg.build_asset_context(partition_key="june"),
        ScoringConfig(alerts_per_day=5, sampled_per_day=1),
        features=features,
        champion_scores=table or score(features, tracking).value,
        engine=resources.Engine(),
        tracking=tracking,
    )


def test_the_champion_scores_every_row_of_the_batch(features, model):
    result = score(features, Tracking(model))
    rows = pd.read_parquet(result.value.path)
    assert list(rows) == [*SCORED, "champion"]
    assert (len(rows), set(rows["champion"])) == (200, {"3"})
    facts = result.value.facts
    assert (facts.champion, facts.champion_batch, facts.is_scored) == ("3", "may", True)
    assert result.metadata["dagster/row_count"] == 200
    assert "not_scored" not in result.metadata


def test_without_a_champion_there_is_no_row_and_the_page_says_what_to_do(features):
    result = score(features, Tracking())
    assert pd.read_parquet(result.value.path).empty
    assert result.metadata["not_scored"] == NO_CHAMPION
    assert result.metadata["champion"] == "none yet"
    decided = decide(features, Tracking(), result.value)
    assert decided.value == UnscoredBatch(batch="june", not_scored=NO_CHAMPION)
    assert not list(paths.report_folder("june").glob("scored_transactions.*"))


def test_a_champion_that_reads_other_columns_scores_nothing_and_they_are_named(features, model):
    tracking = Tracking(model, [*COLUMNS, "distance"])
    result = score(features, tracking)
    assert pd.read_parquet(result.value.path).empty
    assert result.value.facts.missing_columns == ["distance"]
    reason = decide(features, tracking, result.value).value.not_scored
    assert "champion version 3 reads columns that this batch does not have: distance" in reason


def test_the_report_has_the_outcomes_of_the_decisions_that_are_written(features, model):
    report = decide(features, Tracking(model)).value
    assert isinstance(report, ScoredBatch)
    folder = paths.report_folder("june")
    scored = pd.read_parquet(folder / "scored_transactions.parquet")
    outcomes = alert_outcomes(scored)
    assert report.figures == outcomes.figures
    assert (report.rows, report.content_hash, report.champion) == (200, "a", "3")
    assert report.worklist_entries == len(pd.read_csv(folder / "worklist.csv"))
    assert len(pd.read_csv(folder / "scored_transactions.csv")) == 200
    assert report.suppressions is None


def test_the_page_shows_entries_without_cards_and_rounded_figures(features, model):
    result = decide(features, Tracking(model))
    entries = [record.data for record in result.metadata["worklist"].records]
    assert entries
    assert all(set(e) == {"place", "kind", "score", "amount", "reasons"} for e in entries)
    assert all(entry["score"] == float(f"{entry['score']:.4g}") for entry in entries)
    assert result.metadata["alerts_count"] == result.value.alerts_count
    assert CARD[-4:] not in str(entries)


def test_a_copy_of_the_suppressions_is_kept_with_tokens_and_its_hash(features, model):
    environment.suppressions_path().write_text(f"{HEAD}card,{CARD},a trip,2027-01-01\n")
    report = decide(features, Tracking(model)).value
    copy = paths.report_folder("june") / "suppressions.csv"
    assert CARD not in copy.read_text()
    assert report.suppressions == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert (report.alerts_count, report.frauds_detected_count) == (0, 0)
    assert report.suppressed_count > 0


def test_a_copy_of_an_earlier_run_is_removed_once_nothing_is_suppressed(features, model):
    copy = paths.report_folder("june") / "suppressions.csv"
    copy.write_text(f"{HEAD}card,{CARD},a trip,2027-01-01\n")
    decide(features, Tracking(model))
    assert not copy.exists()
