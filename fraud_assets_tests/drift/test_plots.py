import io

import matplotlib.image

from fraud_assets.drift.plots import drift_by_feature


def test_the_drift_plot_is_a_picture_also_for_one_feature():
    feature = {"feature": "a", "distance": 0.3, "drifted": True}
    picture = drift_by_feature([feature], 0.1)
    assert matplotlib.image.imread(io.BytesIO(picture)).shape[0] == 324
