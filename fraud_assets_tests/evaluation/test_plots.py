import io

import matplotlib.image
import pytest

from fraud_assets.evaluation.plots import all_plots, plain_label

NAMES = [
    "precision_recall",
    "score_distribution",
    "threshold",
    "confusion",
    "reliability",
    "importance",
]


@pytest.fixture(scope="module")
def drawn_twice(judged, report):
    return [all_plots(judged, report.reliability, report.importance) for _ in range(2)]


@pytest.mark.parametrize("name", NAMES)
def test_every_plot_is_a_picture_with_more_than_a_frame_and_the_same_each_time(drawn_twice, name):
    first, second = (plots[name] for plots in drawn_twice)
    assert first == second
    pixels = matplotlib.image.imread(io.BytesIO(first))
    assert pixels.shape[:2] == (324, 468)
    assert len({tuple(color) for row in pixels[::4] for color in row[::4]}) > 8


def test_a_feature_with_dollars_in_its_name_is_drawn_under_its_name(judged, report):
    evil = {"$\\frac{$": 1.0, "<a>\n$x$": 0.5}
    plots = all_plots(judged, report.reliability, evil)
    assert plots["importance"].startswith(b"\x89PNG")
    assert plain_label("a$b$ @c") == r"a\$b\$ @c"


def test_an_unknown_importance_has_no_plot(judged, report):
    assert "importance" not in all_plots(judged, report.reliability, {})
