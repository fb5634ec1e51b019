from fraud_assets.evaluation.report import comparison_sentence, to_markdown
from fraud_assets.records.evaluation import NotComparable, SegmentDifference
from fraud_assets.records.models import ThresholdPoint
from fraud_assets_tests import factories
from fraud_assets_tests.evaluation.conftest import HOSTILE, shows_only

NAMES = ("precision_recall", "score_distribution", "threshold", "confusion", "reliability")
PICTURES = [f"{name}.png" for name in NAMES]


def changed(record, **changes):
    return record.model_copy(update=changes)


def test_the_report_shows_a_manager_counts_money_interval_and_verdict(report):
    text = to_markdown(report)
    assert "Verdict: critical" in text
    assert "8 were caught" in text
    assert "2 missed, with 2 false alarms" in text
    assert "| fraud recall | 0.8000 | 0.4902 to 0.9433 | good |" in text
    assert "over many test sets, 19 of 20 such intervals contain the figure" in text
    assert "| net savings | 10 | 370.00 |" in text
    assert "no champion yet" in text


def test_the_tables_are_whole(report):
    lines = to_markdown(report).splitlines()
    start = lines.index("| --- | ---: | ---: | --- |")
    assert all(line.startswith("|") for line in lines[start : start + 11])
    assert lines[start + 11] == ""


def test_the_report_shows_threshold_probabilities_segments_and_importance(report):
    point = ThresholdPoint(
        threshold=0.5,
        alerts=4,
        frauds_detected=3,
        frauds_missed=1,
        false_alarms=1,
        cost=33.0,
        chosen=True,
    )
    model = changed(report.model, threshold_neighbours=[point])
    text = to_markdown(changed(report, model=model))
    assert "| 0.5000 (chosen) | 4 | 3 | 1 | 1 | 33.00 |" in text
    assert "Brier score" in text
    assert "| half | a |" in text
    assert "| a | 1.500 |" in text
    assert "pip install" in to_markdown(changed(report, importance={}))


def test_the_comparison_shows_rows_both_figures_and_the_interval():
    comparison = factories.comparison(
        rows=1234,
        frauds=12,
        average_precision=0.8,
        champion_average_precision=0.75,
        interval=(-0.01, 0.11),
        savings_difference=-5.0,
    )
    sentence = comparison_sentence(comparison, "3")
    for fragment in (
        "1,234 test rows (12 frauds)",
        "0.8000",
        "version 3 0.7500",
        "-0.0100 to +0.1100",
        "5.00 less",
    ):
        assert fragment in sentence


def test_a_comparison_that_cannot_be_made_has_its_reason():
    comparison = NotComparable(reason="it reads columns that are missing")
    assert "it reads columns that are missing" in comparison_sentence(comparison, "3")


def test_no_name_from_a_csv_acts_in_the_report(report):
    worse = SegmentDifference(
        segment=HOSTILE, part=HOSTILE, rows=9, frauds=3, difference=0.1, worse=True
    )
    evil = changed(
        report,
        batch=HOSTILE,
        source_file=HOSTILE,
        importance={HOSTILE: 1.5},
        slices=[changed(report.slices[0], segment=HOSTILE, part=HOSTILE)],
        champion="1",
    )
    refused = NotComparable(reason=f"it reads columns: {HOSTILE}")
    plain = len(shows_only(to_markdown(changed(report, batch="e.example")), PICTURES))
    for comparison in (factories.comparison(segments=[worse]), refused):
        text = to_markdown(changed(evil, comparison=comparison))
        assert len(shows_only(text, PICTURES)) == plain
