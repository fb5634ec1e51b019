import numpy as np
import pandas as pd
import pytest

from fraud_assets.config.settings import DriftSettings
from fraud_assets.drift.report import (
    history_point,
    make_report,
    measure_scores,
    performance_by_batch,
    reference_of,
)
from fraud_assets.records.drift import DriftReference, JudgedDrift, UnjudgedDrift
from fraud_assets_tests import factories

REFERENCE = DriftReference(version="2", batch="march", before=None)
MAY = factories.drift_report(batch="may")


@pytest.fixture
def scored():
    """Scores of five frauds and fifteen genuine rows; all labels are known but the last."""
    return pd.DataFrame(
        {
            "score": np.repeat([0.9, 0.1], [5, 15]),
            "label": np.repeat([1, 0], [5, 15]),
            "known_us": np.arange(20),
            "label_known_us": np.arange(20) + 1,
        }
    )


def report_on(measurement, profile, scored=None, earlier=(), load_scores=lambda _: None):
    scores = measure_scores(scored, profile, 0.5)
    return make_report(
        "june", REFERENCE, DriftSettings(), measurement, scores, scored, earlier, load_scores
    )


def test_a_report_has_its_measurement_and_ends_its_own_history(profile):
    verdict = factories.drift_verdict(drift_score=0.2, verdict="watch")
    report = report_on(verdict, profile, earlier=[MAY])
    assert isinstance(report, JudgedDrift)
    assert (report.champion, report.drift_score) == ("2", 0.2)
    assert [point.batch for point in report.history] == ["may", "june"]
    assert report.history[-1] == history_point(report)


def test_a_small_batch_has_a_place_in_the_history_without_figures(profile):
    report = report_on(factories.too_few_rows(), profile)
    assert isinstance(report, UnjudgedDrift)
    (point,) = report.history
    assert (point.verdict, point.drift_score) == ("not_enough_rows", None)


def test_a_batch_that_was_not_scored_has_no_performance(profile):
    report = report_on(factories.drift_verdict(), profile, earlier=[MAY])
    assert (report.scores, report.expected, report.decision_threshold) == (None, None, None)
    assert report.performance == []


def test_performance_is_that_of_the_batches_whose_scores_are_kept_and_then_its_own(profile, scored):
    april = factories.drift_report(batch="april")
    kept = {"may": scored}
    report = report_on(
        factories.drift_verdict(), profile, scored, [april, MAY], lambda r: kept.get(r.batch)
    )
    assert [performance.batch for performance in report.performance] == ["may", "june"]
    assert report.performance[0].expected == MAY.expected
    assert report.performance[-1].expected == report.expected
    assert report.performance[-1].came_true.labels_known == 0.95
    assert report.scores.distance > 0.5


def test_scores_of_earlier_batches_are_loaded_one_after_the_other(scored):
    loaded = []

    def load(report):
        loaded.append(report.batch)
        return scored

    unscored = factories.drift_report(batch="april", expected=None, decision_threshold=None)
    performances = performance_by_batch([unscored, MAY], load, now_us=None)
    assert [performance.batch for performance in performances] == ["may"]
    assert loaded == ["april", "may"]


@pytest.mark.parametrize(
    ("earlier", "before"),
    [
        ([], None),
        ([factories.drift_report(champion="2")], None),
        ([factories.drift_report(champion="2"), factories.drift_report(champion="1")], "1"),
    ],
)
def test_the_previous_reference_is_named_when_it_changed(earlier, before):
    assert reference_of("2", "march", earlier).before == before
