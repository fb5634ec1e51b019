import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from fraud_assets.config.settings import Costs, EvaluationSettings
from fraud_assets.evaluation.evaluate import Scored, evaluate, slices

SETTINGS = EvaluationSettings(bootstrap_resamples=60)


@pytest.fixture
def judged():
    """Ten frauds, of which eight are caught, and ninety genuine rows with two false alarms."""
    labels = np.repeat([1, 0], [10, 90])
    scores = np.concatenate(
        [np.full(8, 0.9), np.full(2, 0.1), np.full(2, 0.8), np.linspace(0, 0.3, 88)]
    )
    return labels, scores, np.full(100, 50.0)


@pytest.fixture
def report(judged):
    """As the asset holds it."""
    labels, scores, losses = judged
    return {
        "batch": "june",
        "source_file": "june.csv",
        "content_hash": "abc",
        "ids": {"mlflow_run_id": "r", "model_version": "2"},
        "model": {
            "estimator": "mlp",
            "decision_threshold": 0.5,
            "threshold_rule": "max_f1",
            "threshold_neighbours": [
                {
                    "threshold": 0.5,
                    "alerts": 4,
                    "frauds_detected": 3,
                    "frauds_missed": 1,
                    "false_alarms": 1,
                    "cost": 33.0,
                    "chosen": True,
                }
            ],
            "imbalance": "none",
            "calibration": {"slope": 1.0, "intercept": 0.0},
            "split_mode": "stratified",
            "window": [["june", "abc"]],
            "costs": Costs().model_dump(),
            "has_amount": True,
        },
        "champion": None,
        "comparison": None,
        "importance": {"amount": 1.5, "hour": 0.2},
        "slices": slices(labels, scores, 0.5, {"half": pd.Series(["a", "b"] * 50)}),
        **evaluate(labels, scores, losses, 0.5, Costs(), SETTINGS),
    }


@pytest.fixture
def test_rows():
    generator = np.random.default_rng(0)
    labels = (generator.random(400) < 0.2).astype(int)
    return pd.DataFrame({"content_key_": np.arange(400), "fraud_": labels})


def scored(scores, savings=None):
    """Scores as a comparison takes them; each alert from 0.5 on saves one unit."""
    return Scored(scores, np.where(scores >= 0.5, 1.0, 0.0) if savings is None else savings)


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
