import io

import matplotlib.image
import pytest

from fraud_assets.config.settings import Costs
from fraud_assets.evaluation.plots import all_plots, plain_label

NAMES = [
    "precision_recall",
    "score_distribution",
    "threshold",
    "confusion",
    "reliability",
    "importance",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_plot_is_a_picture_with_more_than_a_frame_and_the_same_each_time(
    judged, report, name
):
    more = (report["reliability"], report["importance"])
    first, second = (all_plots(*judged, 0.5, Costs(), *more)[name] for _ in range(2))
    assert first == second
    pixels = matplotlib.image.imread(io.BytesIO(first))
    assert pixels.shape[:2] == (324, 468)
    assert len({tuple(color) for row in pixels[::4] for color in row[::4]}) > 8


def test_a_feature_with_dollars_in_its_name_is_drawn_as_it_is_named(judged, report):
    evil = {"$\\frac{$": 1.0, "<a>\n$x$": 0.5}
    plots = all_plots(*judged, 0.5, Costs(), report["reliability"], evil)
    assert plots["importance"].startswith(b"\x89PNG")
    assert plain_label("a$b$ @c") == r"a\$b\$ @c"
