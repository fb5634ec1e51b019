"""The handbook's published protocol on its own data: detection beside the published results."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from click import echo
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from benchmarks.features import FLAGS, OURS, PUBLISHED, numbered
from benchmarks.measure import in_fresh_process
from benchmarks.row import Row, row
from fraud_assets.config.settings import TrainingSettings
from fraud_assets.metrics import ranking_figures
from fraud_assets.training.train import fit_model, fraud_scores

NEEDS_DATA = True
FIRST_DAY = pd.Timestamp("2018-04-01")
ONE_SPLIT = "2018-08-08"
WEEKS = ("2018-08-08", "2018-08-15", "2018-08-22", "2018-08-29")
VALIDATION = ("2018-07-11", "2018-07-18", "2018-07-25")
"""Weeks before the tests, by which the product's default model was chosen."""
TRAIN_DAYS = DELAY_DAYS = TEST_DAYS = 7
CARDS_A_DAY = 100
THEIRS = ["TX_AMOUNT", *FLAGS, *(name.format(d) for name in PUBLISHED for d in (1, 7, 30))]
NOT_FEATURES = (
    *("source_line", "TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_FRAUD"),
    *("known_us", "label_known_us", "days_known", "day", "fraud_"),
)


def run(data: Path | None) -> list[Row]:
    assert data is not None
    frame = load(data / "handbook")
    return [*_baselines(frame), *_ours(frame)]


def load(handbook: Path) -> pd.DataFrame:
    """Return all transactions with the product's features, as 32-bit floats, and their day."""
    with TemporaryDirectory() as name, duckdb.connect() as engine:
        both, source, out = (Path(name) / f"{n}.parquet" for n in ("both", "source", "out"))
        parts = [f"FROM '{path}'" for path in sorted(handbook.glob("transactions_*.parquet"))]
        engine.execute(f"COPY ({' UNION ALL '.join(parts)}) TO '{both}'")
        numbered(engine, both, source)
        in_fresh_process(OURS, None, str(out), "all", str(source))
        frame = pd.read_parquet(out)
    frame["day"] = (frame["TX_DATETIME"] - FIRST_DAY).dt.days
    frame["fraud_"] = frame["TX_FRAUD"].astype(int)
    features = features_of(frame)
    frame[features] = frame[features].astype("float32")
    return frame


def features_of(frame: pd.DataFrame) -> list[str]:
    """Return the names of the product's features."""
    return [name for name in frame.columns if name not in NOT_FEATURES]


def split(
    frame: pd.DataFrame, test_start: str, all_history: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the handbook's train and test rows.

    Cards with a fraud in the published training week, or in the days of the delay as far as
    known on each test day, are left out of the test, whatever the model is trained on.
    """
    day = frame["day"]
    first_test = (pd.Timestamp(test_start) - FIRST_DAY).days
    first_train, delay_start = first_test - DELAY_DAYS - TRAIN_DAYS, first_test - DELAY_DAYS
    week = frame[(day >= first_train) & (day < delay_start)]
    compromised = set(week["CUSTOMER_ID"][week["fraud_"] == 1])
    tests = []
    for offset in range(TEST_DAYS):
        known = frame[day == delay_start + offset - 1]
        compromised |= set(known["CUSTOMER_ID"][known["fraud_"] == 1])
        today = frame[day == first_test + offset]
        tests.append(today[~today["CUSTOMER_ID"].isin(compromised)])
    return frame[day < delay_start] if all_history else week, pd.concat(tests)


def judge(test: pd.DataFrame, scores: np.ndarray) -> dict[str, float]:
    """Return average precision, ROC AUC and the handbook's card precision@100."""
    labels = test["fraud_"].to_numpy()
    precision, area = ranking_figures(labels, scores, np.ones(len(labels)))
    return {"AP": precision, "AUC": area, "CP@100": card_precision(test, scores)}


def card_precision(test: pd.DataFrame, scores: np.ndarray) -> float:
    """Return the share of compromised cards among the 100 first of each day, cards found gone."""
    cards = pd.DataFrame(
        {"day": test["day"], "card": test["CUSTOMER_ID"], "fraud": test["fraud_"], "score": scores}
    )
    found: set[str] = set()
    shares = []
    for _, today in cards.groupby("day"):
        left = today[~today["card"].isin(found)].groupby("card")[["fraud", "score"]].max()
        first = left.sort_values("score", ascending=False).head(CARDS_A_DAY)
        hits = first.index[first["fraud"] == 1]
        shares.append(len(hits) / CARDS_A_DAY)
        found |= set(hits)
    return float(np.mean(shares))


def _baselines(frame: pd.DataFrame) -> list[Row]:
    """Reproduce two published models, to show that the protocol is the same."""
    train, test = split(frame, ONE_SPLIT, all_history=False)
    echo(f"  one split: {len(train):,} train rows, {len(test):,} test rows, "
         f"{test['fraud_'].sum()} frauds")  # fmt: skip
    models: dict[str, tuple[Any, float]] = {
        "logistic regression": (
            make_pipeline(StandardScaler(), LogisticRegression(random_state=0)), 0.606),
        "XGBoost": (XGBClassifier(random_state=0, base_score=0.5, tree_method="exact"), 0.639),
    }  # fmt: skip
    rows = []
    for name, (model, published) in models.items():
        model.fit(train[THEIRS], train["fraud_"])
        figures = judge(test, model.predict_proba(test[THEIRS])[:, 1])
        rows.append(row(f"published {name} reproduced: AP", figures["AP"], published, "AP",
                        "within 0.01", abs(figures["AP"] - published) <= 0.01))  # fmt: skip
    return rows


def _ours(frame: pd.DataFrame) -> list[Row]:
    features, settings = features_of(frame), TrainingSettings()
    found: dict[bool, dict[str, dict[str, float]]] = {}
    for all_history in (True, False):
        found[all_history] = {}
        for start in (*VALIDATION, *WEEKS):
            train, test = split(frame, start, all_history)
            pipeline, *_ = fit_model(train, features, settings)
            scores = fraud_scores(pipeline, test, features)
            figures = found[all_history][start] = judge(test, scores)
            kind = "validation" if start in VALIDATION else "test"
            trained = "all history" if all_history else "seven days"
            echo(f"  {kind} week {start}, trained on {trained} ({len(train):,} rows): "
                 + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))  # fmt: skip
            if all_history and start == ONE_SPLIT:
                _tell_the_ceiling(test, scores)
    whole, week = found[True], found[False]
    return [
        _at_least("one split, all history: AP", whole[ONE_SPLIT]["AP"], 0.658, 0.75),
        _at_least("one split, all history: AUC", whole[ONE_SPLIT]["AUC"], 0.871, 0.885),
        _at_least("one split, all history: CP@100", whole[ONE_SPLIT]["CP@100"], 0.291, 0.30),
        _at_least("one split, seven days: AP", week[ONE_SPLIT]["AP"], 0.658, 0.72),
        _at_least("four weeks, all history: mean AP", _mean(whole, WEEKS), 0.694, 0.74),
        _at_least("four weeks, seven days: mean AP", _mean(week, WEEKS), 0.694, 0.694),
        _at_least("three weeks before, all history: mean AP", _mean(whole, VALIDATION), 0.694, 0.0),
    ]


def _mean(figures: dict[str, dict[str, float]], weeks: Sequence[str]) -> float:
    return float(np.mean([figures[week]["AP"] for week in weeks]))


def _at_least(work: str, ours: float, published: float, goal: float) -> Row:
    unit = "AP" if work.endswith("AP") else work.rsplit(" ", 1)[1]
    told = f"at least {goal}" if goal else "none: it chose the default"
    return row(work, ours, published, f"{unit} (other: best published)", told, ours >= goal)


def _tell_the_ceiling(test: pd.DataFrame, scores: np.ndarray) -> None:
    """Say by what was known at the time which frauds could have been seen, and which were."""
    frauds = test["fraud_"].to_numpy() == 1
    seen = scores >= np.sort(scores)[-int(frauds.sum())]
    terminal = test["terminal_fraud_share_30d"].to_numpy() > 0
    amount = test["card_peak_amount_ratio_14d"].to_numpy() * test["card_mean_amount_90d"].to_numpy()
    highest = test["card_max_amount_30d"].to_numpy()
    unusual = (test["TX_AMOUNT"].to_numpy() >= np.maximum(amount, highest) * (1 - 1e-6)) & (
        test["card_amount_zscore_90d"].to_numpy() > 0
    )
    parts = {
        "at a terminal with a fraud known in the last 30 days": terminal,
        "the largest amount of the card in 30 days": ~terminal & unusual,
        "neither: nothing known at the time told them from genuine rows": ~terminal & ~unusual,
    }
    echo(f"  of {frauds.sum()} test frauds, with as many alerts as frauds:")
    for what, part in parts.items():
        there = frauds & part
        echo(f"    {there.sum():4} {what}; {(there & seen).sum()} caught; such rows that are "
             f"genuine: {(part & ~frauds).sum():,}")  # fmt: skip
