import json

import pytest

from fraud_assets.records.scoring import ScoredTransactions, UnscoredBatch
from fraud_assets_tests import factories

UNSCORED = UnscoredBatch(batch="june", not_scored="there was no champion")


@pytest.mark.parametrize(
    "report", [factories.scored_transactions(), UNSCORED], ids=lambda r: type(r).__name__
)
def test_a_report_is_read_back_as_the_class_that_it_was_written_as(report):
    again = ScoredTransactions.from_json(report.to_json(), "scored_transactions.json")
    assert type(again) is type(report)
    assert again == report


def test_a_report_of_an_older_release_that_names_no_version_of_the_batch_can_be_read():
    content = json.loads(factories.scored_transactions(content_hash=None).to_json())
    del content["content_hash"], content["record_version"]
    again = ScoredTransactions.from_json(json.dumps(content), "scored_transactions.json")
    assert again == factories.scored_transactions(content_hash=None)


def test_figures_are_the_counts_and_rates_alone():
    figures = factories.scored_transactions(alerts_count=9).figures
    assert figures["alerts_count"] == 9
    assert all(name.endswith(("_count", "_rate")) for name in figures)
    assert len(figures) == 7
