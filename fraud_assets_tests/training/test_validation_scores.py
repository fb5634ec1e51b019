import numpy as np
import pytest

from fraud_assets.training.validation_scores import keep_validation_scores, validation_scores


def test_validation_scores_come_back_as_they_were_kept(home):
    scores = np.array([0.0, 0.123456789012345, 1.0])
    keep_validation_scores("june", scores)
    keep_validation_scores("july", scores[:1])
    assert np.array_equal(validation_scores("june"), scores)
    assert validation_scores("june").dtype == np.float64


def test_the_scores_of_the_last_training_count(home):
    for score in (0.1, 0.2):
        keep_validation_scores("june", np.array([score]))
    assert validation_scores("june").tolist() == [0.2]


def test_missing_scores_are_reported_with_the_remedy(home):
    with pytest.raises(
        FileNotFoundError, match="no validation scores of batch 'june'; materialize trained_model"
    ):
        validation_scores("june")
