import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from fraud_assets.config.settings import Costs, EvaluationSettings
from fraud_assets.evaluation.evaluate import evaluate, segment_figures
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets_tests import factories

SETTINGS = EvaluationSettings(bootstrap_resamples=60)


@pytest.fixture(scope="package")
def judged():
    """Ten frauds, of which eight are caught, and ninety genuine rows with two false alarms."""
    labels = np.repeat([1, 0], [10, 90])
    scores = np.concatenate(
        [np.full(8, 0.9), np.full(2, 0.1), np.full(2, 0.8), np.linspace(0, 0.3, 88)]
    )
    return scored(scores, labels, 50.0)


@pytest.fixture(scope="package")
def report(judged):
    """As the asset returns it."""
    return report_on(judged)


def report_on(judged):
    evaluation = evaluate(judged, SETTINGS)
    slices = segment_figures(judged, {"half": pd.Series(["a", "b"] * 50)})
    return factories.evaluation_report(**dict(evaluation), slices=slices)


def scored(scores, labels, loss=1.0):
    """Rows with scores, at a threshold of 0.5 and the default costs."""
    return ScoredRows(labels, scores, np.full(len(labels), loss), 0.5, Costs())


HOSTILE = (
    "<img src=x> [a](http://e.example) ![b](http://e.example/p.png) | `c` **d** <!channel>\n# e"
)
"""What a column, a file, a batch or a category may be called."""


def shows_only(text, pictures=()):
    """Assert that Markdown holds no tag, no link, no foreign picture, and whole tables."""
    blocks = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    inline = [token for block in blocks for token in block.children or []]
    kinds = {token.type for token in [*blocks, *inline]}
    assert not kinds & {"html_block", "html_inline", "link_open", "em_open", "s_open", "fence"}
    assert {t.attrs["src"] for t in inline if t.type == "image"} <= set(pictures)
    tables, cells = [], []
    for block in blocks:
        if block.type == "tr_open":
            cells.append(0)
        elif block.type in ("td_open", "th_open"):
            cells[-1] += 1
        elif block.type == "table_close":
            tables.append(set(cells))
            cells = []
    assert all(len(widths) == 1 for widths in tables)
    assert "e.example" in "".join(token.content for token in inline)
    return [block for block in blocks if block.type == "heading_open"]
