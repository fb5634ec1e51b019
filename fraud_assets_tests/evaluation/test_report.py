from fraud_assets.evaluation.report import comparison_sentence, to_markdown, worst_verdict
from fraud_assets_tests.evaluation.conftest import HOSTILE, shows_only

NAMES = ("precision_recall", "score_distribution", "threshold", "confusion", "reliability")
PICTURES = [f"{name}.png" for name in NAMES]


def test_the_report_tells_a_manager_counts_money_interval_and_verdict(report):
    text = to_markdown(report)
    assert "Verdict: critical" in text
    assert "8 were caught" in text
    assert "2 missed, with 2 false alarms" in text
    assert "| fraud recall | 0.8000 | 0.4902 to 0.9433 | good |" in text
    assert "| net savings | 10 | 370.00 |" in text
    assert "no champion yet" in text


def test_the_tables_are_whole(report):
    lines = to_markdown(report).splitlines()
    start = lines.index("| --- | ---: | ---: | --- |")
    assert all(line.startswith("|") for line in lines[start : start + 11])
    assert lines[start + 11] == ""


def test_the_report_shows_threshold_probabilities_segments_and_importance(report):
    text = to_markdown(report)
    assert "| 0.5000 (chosen) | 4 | 3 | 1 | 1 | 33.00 |" in text
    assert "Brier score" in text
    assert "| half | a |" in text
    assert "| amount | 1.500 |" in text
    assert "pip install" in to_markdown(report | {"importance": {}})


def test_the_verdict_is_the_worst_of_all(report):
    assert worst_verdict(report) == "critical"
    report["verdicts"] = {"a": "good", "b": "watch"}
    assert worst_verdict(report) == "watch"


def test_the_comparison_says_rows_both_figures_and_the_interval():
    comparison = {
        "comparable": True,
        "rows": 1234,
        "frauds": 12,
        "average_precision": 0.8,
        "champion_average_precision": 0.75,
        "difference": 0.05,
        "interval": [-0.01, 0.11],
        "confidence": 0.95,
        "savings_difference": -5.0,
        "savings_interval": [-9.0, 1.0],
    }
    sentence = comparison_sentence(comparison, "3")
    for part in (
        "1,234 test rows (12 frauds)",
        "0.8000",
        "version 3 0.7500",
        "-0.0100 to +0.1100",
        "5.00 less",
    ):
        assert part in sentence


def test_a_comparison_that_cannot_be_made_says_why():
    comparison = {"comparable": False, "reason": "it reads columns that are missing"}
    assert "it reads columns that are missing" in comparison_sentence(comparison, "3")


def test_no_name_from_a_csv_acts_in_the_report(report):
    part = report["slices"][0] | {"segment": HOSTILE, "part": HOSTILE}
    worse = {"segment": HOSTILE, "part": HOSTILE, "rows": 9, "frauds": 3, "difference": 0.1,
             "worse": True}  # fmt: skip
    compared = {
        "comparable": True, "rows": 9, "frauds": 3, "average_precision": 0.8, "confidence": 0.95,
        "champion_average_precision": 0.7, "difference": 0.1, "interval": [0, 0.2],
        "savings_difference": 1.0, "savings_interval": [0, 2], "segments": [worse],
    }  # fmt: skip
    evil = report | {
        "batch": HOSTILE,
        "source_file": HOSTILE,
        "importance": {HOSTILE: 1.5},
        "slices": [part],
    }
    refused = {"comparable": False, "reason": f"it reads columns: {HOSTILE}"}
    plain = len(shows_only(to_markdown(report | {"batch": "e.example"}), PICTURES))
    for comparison in (compared, refused):
        text = to_markdown(evil | {"comparison": comparison, "champion": "1"})
        assert len(shows_only(text, PICTURES)) == plain
