import pandas as pd
import pytest

from fraud_assets.config.settings import TrainingSettings
from fraud_assets.training.train import train
from fraud_assets_tests.training.conftest import COLUMNS, train_rows


@pytest.fixture(scope="package")
def model():
    settings = TrainingSettings(parameters={"n_estimators": 20})
    return train(train_rows(0), train_rows(1), COLUMNS, settings).model


@pytest.fixture
def batch(tmp_path):
    rows = train_rows(2, n=200)
    frame = rows[COLUMNS].assign(
        source_line=range(2, 202),
        TX_DATETIME=pd.Timestamp("2026-01-01"),
        known_us=1_767_225_600_000_000 + rows["known_us_"],
        label_known_us=1_767_830_400_000_000 + rows["known_us_"],
        TX_AMOUNT=rows["amount_"],
        CUSTOMER_ID=[f"c{i % 17}" for i in range(200)],
        TERMINAL_ID=[f"t{i % 5}" for i in range(200)],
        TRANSACTION_ID=[f"n{i}" for i in range(200)],
        TX_FRAUD=rows["fraud_"],
    )
    path = tmp_path / "features.parquet"
    frame.to_parquet(path)
    return frame, path
