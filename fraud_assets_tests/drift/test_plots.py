import io

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from fraud_assets.drift.encoding import category_column, number_column
from fraud_assets.drift.plots import (
    distributions,
    drift_by_feature,
    drift_over_batches,
    report_plots,
)
from fraud_assets.drift.profile import Summary
from fraud_assets_tests import factories


def height(picture):
    return matplotlib.image.imread(io.BytesIO(picture)).shape[0]


def test_the_drift_plot_is_a_picture_also_for_one_feature():
    feature = factories.feature_drift(distance=0.3, drifted=True)
    assert height(drift_by_feature([feature], 0.1)) == 324


@pytest.mark.parametrize(
    "column",
    [
        number_column("smooth", np.random.default_rng(0).normal(size=1000)),
        number_column("few", np.repeat([0.0, 1.0, 5.0], 100)),
        number_column("constant", np.full(100, 3.0)),
        number_column("empty", np.full(100, np.nan)),
        category_column("names", pd.Series(["a", "b", None] * 30)),
    ],
    ids=lambda column: column.name,
)
def test_every_kind_of_column_is_drawn(column):
    counts = np.array(column.counts)
    picture = distributions([column, column], {column.name: counts[::-1]})
    assert height(picture) == 432


def test_batches_without_a_score_and_changes_of_champion_are_drawn():
    history = [
        factories.history_point(batch="a", drift_score=0.05, champion="1"),
        factories.history_point(batch="b", drift_score=None, champion="1"),
        factories.history_point(batch="c", drift_score=0.6, champion="2"),
    ]
    assert height(drift_over_batches(history)) == 324


def test_a_report_without_a_verdict_has_the_history_alone():
    column = number_column("amount", np.arange(100.0))
    batch = Summary(100, 1, {"amount": np.array(column.counts)}, pd.DataFrame())
    few = report_plots(factories.unjudged_drift(), [column], batch)
    assert set(few) == {"drift_over_batches"}
    missing = factories.feature_drift(feature="gone", distance=1.0, finding="vanished")
    judged = factories.drift_report(features=[missing, factories.feature_drift()])
    pictures = report_plots(judged, [column], batch)
    assert set(pictures) == {"drift_over_batches", "drift", "distributions"}
