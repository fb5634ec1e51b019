import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from skops.io.exceptions import UntrustedTypesFoundException

from fraud_assets.store.model_file import TRUSTED_TYPES, open_model


class Stranger:
    """A type that no estimator of ours is made of."""


def test_a_model_of_trusted_types_comes_back_as_it_was():
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    opened = open_model(skops.io.dumps(model))
    assert np.array_equal(opened.predict_proba([[0.3]]), model.predict_proba([[0.3]]))


def test_a_file_that_asks_for_another_type_builds_nothing():
    with pytest.raises(UntrustedTypesFoundException, match="Stranger"):
        open_model(skops.io.dumps(Stranger()))


def test_no_trusted_type_can_be_called_to_run_something():
    assert not [name for name in TRUSTED_TYPES if name.startswith(("builtins", "os", "subprocess"))]
