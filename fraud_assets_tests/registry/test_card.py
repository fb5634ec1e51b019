import pytest

from fraud_assets.config.settings import SplitSettings, TrainingSettings
from fraud_assets.records.evaluation import SegmentFigures
from fraud_assets.records.models import Configuration
from fraud_assets.registry.card import known_limits, model_card
from fraud_assets_tests import factories
from fraud_assets_tests.evaluation.conftest import HOSTILE, shows_only

DECISION = factories.decision_entry(reason="there is no champion yet")
REPORT = factories.evaluation_report()


def segment(**changes):
    values = {
        "segment": "night",
        "part": "night",
        "rows": 900,
        "frauds": 40,
        "fraud_recall": 0.2,
        "low": 0.1,
        "high": 0.4,
        "fraud_precision": 0.5,
        "false_alarm_rate": 0.1,
    }
    return SegmentFigures(**values | changes)


@pytest.fixture
def model():
    return factories.trained_model(tuned_on="may", features=["amount", "hour"])


def test_the_card_shows_data_choices_figures_calibration_and_limits(model):
    report = factories.evaluation_report(slices=[segment()])
    card = model_card(model, report, DECISION, ("2026-05-01", "2026-06-30"))
    for fragment in (
        "Model card: version 3",
        "tuned on batch may",
        "2026-05-01 to 2026-06-30",
        "may, june",
        "| train rows | 1,000, 30 of them frauds |",
        "0.250000, by max_f1",
        "| fraud recall | 0.9000 | 0.8100 to 0.9900 |",
        "Brier score 0.001235",
        "| night | night | 40 | 0.20 |",
        "not declining them automatically",
        "shifted by -1.500",
    ):
        assert fragment in card


def test_data_without_dates_is_shown_as_such(model):
    assert "the data has no dates" in model_card(model, REPORT, DECISION, None)


def test_a_random_split_and_a_weak_segment_are_limits(model):
    limits = known_limits(model, factories.evaluation_report(slices=[segment()]))
    assert any("not in time" in limit for limit in limits)
    assert "Weak where night is night: recall 0.20 on 40 frauds." in limits
    in_time = factories.trained_model(split_mode="temporal")
    assert not any("not in time" in limit for limit in known_limits(in_time, REPORT))


@pytest.mark.parametrize("changes", [{"frauds": 9}, {"high": 0.95}])
def test_a_segment_with_few_frauds_or_within_chance_is_not_weak(model, changes):
    report = factories.evaluation_report(slices=[segment(**changes)])
    assert not any("Weak" in limit for limit in known_limits(model, report))


def test_a_wide_file_and_a_long_window_do_not_lengthen_the_card():
    wide = factories.trained_model(
        features=[f"column{number}" for number in range(400)],
        window=[(f"batch{number}", "x") for number in range(200)],
    )
    card = model_card(wide, REPORT, DECISION, None)
    assert "400: column0, column1," in card
    assert "column39 and 360 more" in card
    assert "200 batch(es): batch0," in card
    assert "batch39 and 160 more" in card


def test_no_name_from_a_csv_acts_in_the_card(model):
    # As an older release may have recorded them: settings of today refuse such parameters.
    training = TrainingSettings().model_copy(update={"parameters": {HOSTILE: HOSTILE}})
    evil = factories.trained_model(
        batch=HOSTILE,
        tuned_on=HOSTILE,
        window=[(HOSTILE, "x")],
        features=[HOSTILE, "hour"],
        source=model.source.model_copy(update={"source_file": HOSTILE}),
        configuration=Configuration(
            training=TrainingSettings(), splits=SplitSettings(), label_delay_days=7.0
        ).model_copy(update={"training": training}),
    )
    report = factories.evaluation_report(slices=[segment(segment=HOSTILE, part=HOSTILE)])
    decision = factories.decision_entry(reason=f"worse beyond chance on {HOSTILE}")
    plain = factories.trained_model(batch="e.example")
    assert len(shows_only(model_card(evil, report, decision, None))) == len(
        shows_only(model_card(plain, REPORT, DECISION, None))
    )
