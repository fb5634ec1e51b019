import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from fraud_assets.monitoring.assets import (
    drift_figures,
    publish,
    published_drift,
    published_metrics,
)
from fraud_assets.monitoring.resources import Pushgateway
from fraud_assets.records.published import PublishedDrift, PublishedMetrics
from fraud_assets.store import paths
from fraud_assets.tracking import Tracking
from fraud_assets_tests import factories

MEASURED = factories.drift_report(
    champion="2",
    verdict="watch",
    drift_score=0.2,
    n_drifted_features=3,
    max_feature_drift=0.4,
    prevalence=factories.prevalence_change(batch=0.01),
    scores=factories.column_drift(distance=0.1),
    expected=factories.expected_performance(precision=0.7, recall=0.8),
    performance=[
        factories.batch_performance(
            came_true=factories.realized_performance(precision=0.6, recall=None)
        )
    ],
)


def textfile(part):
    text = (paths.metrics_folder() / f"fraud_{part}.prom").read_text()
    families = text_string_to_metric_families(text)
    return {family.name: family.samples[0] for family in families}


def test_a_drift_report_gives_its_figures_and_what_is_known_of_performance():
    assert drift_figures(MEASURED) == {
        "drift_judged": 1.0,
        "drift_score": 0.2,
        "expected_precision": 0.7,
        "expected_recall": 0.8,
        "fraud_prevalence": 0.01,
        "max_feature_drift": 0.4,
        "n_drifted_features": 3,
        "realized_precision": 0.6,
        "score_drift": 0.1,
    }


def test_a_batch_with_too_few_rows_is_published_as_not_judged():
    figures = drift_figures(factories.unjudged_drift(scores=None, expected=None))
    assert figures["drift_judged"] == 0
    assert "score_drift" not in figures
    assert "expected_recall" not in figures


def test_where_nothing_was_measured_no_figure_is_published():
    assert drift_figures(factories.unmeasured_drift()) == {}


def test_published_drift_writes_the_textfile_and_records_what_it_wrote(home):
    result = published_drift(MEASURED, Tracking(), Pushgateway())
    assert isinstance(result.value, PublishedDrift)
    assert result.value.figures == drift_figures(MEASURED)
    assert result.value.info == {"batch": "june", "champion": "2"}
    assert (result.value.pushed, result.value.gateway) == (False, None)
    written = textfile("drift")
    assert written["drift_score"].value == 0.2
    assert written["fraud_batch_info"].labels["champion"] == "2"


def test_published_metrics_name_version_and_decision(home):
    report, decision = factories.evaluation_report(), factories.decision()
    result = published_metrics(report, decision, Tracking(), Pushgateway())
    assert isinstance(result.value, PublishedMetrics)
    assert result.value.batch == "june"
    assert result.metadata["pushgateway"] == "not set"
    labels = textfile("evaluation")["fraud_batch_info"].labels
    assert (labels["version"], labels["decision"]) == ("3", "promote")


def test_a_push_that_fails_leaves_the_textfile_and_an_error_in_the_record(home, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_PUSHGATEWAY_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("fraud_assets.monitoring.exposition.RETRIES", 0)
    published = publish(
        PublishedDrift, "m", "drift", {"drift_score": 0.1}, {"batch": "june"}, Pushgateway()
    ).value
    assert not published.pushed
    assert published.gateway == "127.0.0.1:9"
    assert published.error
    assert textfile("drift")["drift_score"].value == pytest.approx(0.1)
