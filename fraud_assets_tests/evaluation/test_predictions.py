import numpy as np
import pandas as pd

from fraud_assets.evaluation.predictions import anonymous, predictions_of
from fraud_assets_tests.evaluation.conftest import scored

ROWS = pd.DataFrame(
    {
        "transaction_id_": ["7", "8"],
        "source_line_": [2, 3],
        "fraud_": [0, 1],
        "content_key_": pd.Series([1, 2**64 - 1], dtype="uint64"),
    }
)


def test_predictions_have_score_decision_and_label_of_each_row():
    predictions = predictions_of(ROWS, scored(np.array([0.2, 0.7]), np.array([0, 1])))
    assert predictions["decision"].tolist() == [False, True]
    assert predictions["score"].tolist() == [0.2, 0.7]
    assert predictions["transaction_id"].tolist() == ["7", "8"]


def test_anonymous_predictions_have_a_hash_in_place_of_id_and_line():
    predictions = predictions_of(ROWS, scored(np.array([0.2, 0.7]), np.array([0, 1])))
    hashed = anonymous(predictions, ROWS)
    assert list(hashed) == ["row", "score", "decision", "label"]
    assert hashed["row"].tolist() == ["0000000000000001", "f" * 16]
