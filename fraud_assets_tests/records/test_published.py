import json

import pytest

from fraud_assets.records.published import PublishedDrift, PublishedMetrics
from fraud_assets_tests.factories import published_drift, published_metrics


@pytest.mark.parametrize("published", [published_drift(), published_metrics()])
def test_a_record_survives_its_json(published):
    assert type(published).from_json(published.to_json(), "a file") == published


def test_a_count_stays_a_whole_number():
    text = published_metrics(figures={"frauds_missed_count": 3, "net_savings": 3.0}).to_json()
    assert '"frauds_missed_count": 3,' in text
    assert '"net_savings": 3.0' in text


def test_a_file_of_an_earlier_release_has_its_batch_among_the_labels():
    earlier = {"figures": {}, "info": {"batch": "june", "champion": ""}}
    earlier |= {"pushed": True, "gateway": "g:9091", "error": None}
    assert PublishedDrift.from_json(json.dumps(earlier), "a file").batch == "june"


def test_without_any_batch_a_file_is_refused():
    with pytest.raises(ValueError, match="batch"):
        PublishedMetrics.from_json('{"figures": {}, "info": {}}', "a file")
