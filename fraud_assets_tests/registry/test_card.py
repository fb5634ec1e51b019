import pytest

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.registry.card import known_limits, model_card
from fraud_assets_tests import factories
from fraud_assets_tests.evaluation.conftest import (  # noqa: F401
    HOSTILE,
    judged,
    report,
    shows_only,
)

DECISION = {"outcome": "promote", "reason": "there is no champion yet"}


@pytest.fixture
def model():
    return factories.trained_model(tuned_on="may", features=["amount", "hour"])


def test_the_card_tells_data_choices_figures_calibration_and_limits(model, report):  # noqa: F811
    card = model_card(model, report, DECISION, ("2026-05-01", "2026-06-30"))
    for told in (
        "Model card: version 3",
        "tuned on batch may",
        "2026-05-01 to 2026-06-30",
        "may, june",
        "| train rows | 1,000, 30 of them frauds |",
        "0.250000, by max_f1",
        "| fraud recall | 0.8000 | 0.4902 to 0.9433 |",
        "Brier score",
        "| half | a |",
        "not for refusing them alone",
        "shifted by -1.500",
    ):
        assert told in card


def test_data_without_dates_says_so(model, report):  # noqa: F811
    assert "the data has no dates" in model_card(model, report, DECISION, None)


def test_a_random_split_and_a_weak_segment_are_limits(model, report):  # noqa: F811
    weak = {"segment": "night", "part": "night", "frauds": 40, "fraud_recall": 0.2, "high": 0.4}
    limits = known_limits(model, report | {"slices": [weak]})
    assert any("not in time" in limit for limit in limits)
    assert "Weak where night is night: recall 0.20 on 40 frauds." in limits
    assert not any(
        "not in time" in limit for limit in known_limits(model | {"split_mode": "temporal"}, report)
    )


def test_a_wide_file_and_a_long_window_do_not_lengthen_the_card(model, report):  # noqa: F811
    wide = model | {
        "features": [f"column{number}" for number in range(400)],
        "window": [[f"batch{number}", "x"] for number in range(200)],
    }
    card = model_card(wide, report, DECISION, None)
    assert "400: column0, column1," in card
    assert "column39 and 360 more" in card
    assert "200 batch(es): batch0," in card
    assert "batch39 and 160 more" in card


def test_no_name_from_a_csv_acts_in_the_card(model, report):  # noqa: F811
    # As an older release may have recorded them: settings of today refuse such parameters.
    training = TrainingSettings().model_dump(mode="json") | {"parameters": {HOSTILE: HOSTILE}}
    evil = model | {
        "batch": HOSTILE, "tuned_on": HOSTILE, "source": {"source_file": HOSTILE},
        "window": [[HOSTILE, "x"]], "features": [HOSTILE, "hour"],
        "configuration": {"training": training},
    }  # fmt: skip
    part = {"segment": HOSTILE, "part": HOSTILE, "frauds": 40, "fraud_recall": 0.2, "high": 0.4,
            "false_alarm_rate": 0.1}  # fmt: skip
    reason = f"worse beyond chance on {HOSTILE}"
    card = model_card(
        evil, report | {"slices": [part]}, {"outcome": "reject", "reason": reason}, None
    )
    plain = model_card(model | {"batch": "e.example"}, report, DECISION, None)
    assert len(shows_only(card)) == len(shows_only(plain))
