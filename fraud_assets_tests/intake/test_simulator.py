import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_assets.config.settings import SimulationSettings
from fraud_assets.intake.simulator import simulate, write_csv


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["cards", "creditcard"]),
    st.integers(1, 3000),
    st.floats(0, 1),
    st.integers(1, 90),
    st.integers(0, 10),
)
def test_size_and_number_of_frauds_are_as_asked(shape, transactions, rate, days, seed):
    frame = simulate(
        SimulationSettings(
            shape=shape, transactions=transactions, fraud_rate=rate, days=days, seed=seed
        )
    )
    assert len(frame) == transactions
    assert frame.iloc[:, -1].sum() == round(transactions * rate)
    assert not frame.isna().any().any()


@pytest.mark.parametrize("shape", ["cards", "creditcard"])
def test_the_same_seed_gives_the_same_file_and_another_seed_another(shape):
    def made(seed):
        return simulate(SimulationSettings(shape=shape, transactions=500, seed=seed))

    assert made(1).equals(made(1))
    assert not made(1).equals(made(2))


def test_the_creditcard_shape_has_the_public_layout():
    frame = simulate(SimulationSettings(shape="creditcard", transactions=100))
    assert list(frame) == ["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]
    assert frame["Time"].is_monotonic_increasing


def test_the_cards_layout_is_in_time_order_within_the_days_asked_for(transactions):
    times = transactions["TX_DATETIME"]
    assert times.is_monotonic_increasing
    assert str(times.iloc[0]) >= "2026-01-01"
    assert str(times.iloc[-1]) < "2026-03-02"


def test_frauds_are_larger_and_drift_moves_amounts_and_hours(transactions):
    fraud = transactions["TX_FRAUD"] == 1
    amounts = transactions["TX_AMOUNT"]
    assert amounts[fraud].median() > 1.5 * amounts[~fraud].median()
    moved = simulate(SimulationSettings(transactions=12_000, fraud_rate=0.02, drift=1.0))
    assert moved["TX_AMOUNT"].median() > 1.5 * amounts.median()
    hours = [np.median(frame["TX_DATETIME"].dt.hour) for frame in (transactions, moved)]
    assert hours[1] > hours[0] + 2


def test_writing_never_replaces_a_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.csv exists already and was not changed"):
        write_csv(simulate(SimulationSettings(transactions=10)), path)
    assert path.read_text() == "mine"
