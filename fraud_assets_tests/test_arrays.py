"""What functions on arrays accept, and that every one of them does."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

import fraud_assets
from fraud_assets.arrays import as_array
from fraud_assets.config.settings import (
    Costs,
    EvaluationSettings,
    Imbalance,
    ScoringSettings,
    ThresholdSettings,
    TrainingSettings,
)
from fraud_assets.drift.classifier import two_sample_test
from fraud_assets.drift.encoding import encode_rows, number_column
from fraud_assets.drift.profile import Watched
from fraud_assets.evaluation.figures import ScoredRows
from fraud_assets.scoring.suppressions import Suppression
from fraud_assets.training.calibration import CalibratedModel

DOMAINS = ("metrics", "training", "evaluation", "drift", "scoring")
FRAMES = ("drift.performance", "evaluation.predictions", "evaluation.segments", "scoring")
"""Modules whose functions take a frame of a caller, and not only one of the platform."""
N = 16
LABELS = np.tile([0, 1, 0, 0, 1, 0, 0, 1], N // 8)
SCORES = np.array([3, 60, 7, 55, 30, 12, 48, 50] * (N // 8)) / 64
OTHER_SCORES = SCORES[::-1].copy()
ALERTS = SCORES >= 0.5
LOSSES = np.arange(1.0, N + 1)
WEIGHTS = np.arange(N) % 3 + 1.0
PARTS = np.array(["day", "night"] * (N // 2), dtype=object)
INPUTS = np.column_stack([LOSSES, OTHER_SCORES, LABELS + LOSSES / 64])
COUNTED = number_column("amount", np.arange(40.0))
COUNTS = np.array(COUNTED.counts, dtype=float)[::-1]
ROWS = pd.DataFrame({"a": LOSSES, "b": OTHER_SCORES})
TWO_SAMPLE = two_sample_test(INPUTS, LABELS, folds=2, seed=0)
COSTS = Costs()
EVALUATION = EvaluationSettings(bootstrap_resamples=50)
UNDERSAMPLE = TrainingSettings(imbalance=Imbalance.undersample, genuine_per_fraud=1)
MODEL = CalibratedModel(Pipeline([("estimator", LogisticRegression().fit(ROWS, LABELS))]))
SCORED = pd.DataFrame(
    {
        "score": SCORES,
        "label": LABELS,
        "known_us": np.arange(N),
        "label_known_us": np.arange(N) + 5,
        "decision": np.where(ALERTS, "alert", "pass"),
        "suppressed_because": None,
        "reasons": "amount (+2.80)",
        "source_line": np.arange(N) + 2,
        "card": PARTS,
        "terminal": "t",
        "amount": LOSSES,
        "day": pd.Timestamp("2026-06-01"),
    }
)
TEST_ROWS = pd.DataFrame(
    {
        "amount_": LOSSES,
        "known_us_": np.arange(N) * 10**11,
        "card_transactions_30d": WEIGHTS,
        "text_country_": PARTS,
        "transaction_id_": PARTS,
        "source_line_": np.arange(N),
        "fraud_": LABELS,
        "content_key_": np.arange(N),
        "days_known_": 9.0,
        "a": LOSSES,
    }
)


def scored_rows(labels=LABELS, scores=SCORES, losses=LOSSES):
    return ScoredRows(labels, scores, losses, threshold=0.5, costs=COSTS)


def fitted(function, rows, labels):
    pipeline = Pipeline([("estimator", LogisticRegression())])
    return function(pipeline, rows, labels), pipeline.named_steps["estimator"].coef_


LABELLED = {"labels": ("label", LABELS), "scores": ("probability", SCORES)}
JUDGED = {"labels": ("label", LABELS), "alerts": ("flag", ALERTS), "losses": ("weight", LOSSES)}
MATRICES = {"reference": ("table", INPUTS[:8]), "batch": ("table", INPUTS[8:])}
SAMPLES = {"is_batch": ("label", LABELS)}
FRAME = {"scored": ("frame", SCORED)}
CASES = {
    "metrics.confusion": (("labels", "alerts"), JUDGED, {}),
    "metrics.ranking_figures": (None, LABELLED | {"weights": ("weight", WEIGHTS)}, {}),
    "metrics.bootstrap_intervals": (
        None,
        LABELLED | {"alerts": ("flag", ALERTS), "savings": ("number", -LOSSES)},
        {"resamples": 3, "seed": 0},
    ),
    "metrics.paired_differences": (
        lambda f, labels, one, two, mine, yours: f(labels, (one, two), (mine, yours), 3, 0),
        {
            "labels": ("label", LABELS),
            "scores": ("number", SCORES),
            "scores ": ("number", OTHER_SCORES),
            "savings": ("number", LOSSES),
            "savings ": ("number", -LOSSES),
        },
        {},
    ),
    "metrics.fraud_losses": (None, {"amounts": ("value", LOSSES)}, {"n_rows": N, "costs": COSTS}),
    "metrics.row_savings": (None, JUDGED, {"costs": COSTS}),
    "metrics.net_savings": (None, JUDGED, {"costs": COSTS}),
    "metrics.return_on_investment": (None, JUDGED, {"costs": COSTS}),
    "metrics.threshold_curve": (None, LABELLED | {"losses": JUDGED["losses"]}, {"costs": COSTS}),
    "training.threshold.choose_threshold": (
        None,
        LABELLED | {"losses": JUDGED["losses"]},
        {"settings": ThresholdSettings()},
    ),
    "training.calibration.log_odds": (None, {"probabilities": ("probability", SCORES)}, {}),
    "training.calibration.fit_sigmoid": (None, LABELLED, {"model": None}),
    "training.focal.focal_derivatives": (
        None,
        {"labels": ("label", LABELS), "margins": ("number", -LOSSES)},
        {"gamma": 1.0},
    ),
    "training.imbalance.odds": (None, {"labels": ("label", LABELS)}, {}),
    "training.imbalance.rebalance": (
        None,
        {"labels": ("label", LABELS)},
        {"features": ROWS, "settings": UNDERSAMPLE},
    ),
    "training.estimators.fit": (
        lambda f, labels: fitted(f, ROWS, labels),
        {"labels": ("label", LABELS)},
        {},
    ),
    "training.validation_scores.keep_validation_scores": (
        None,
        {"scores": ("probability", SCORES)},
        {"batch": "june"},
    ),
    "evaluation.figures.ScoredRows": (
        None,
        LABELLED | {"losses": JUDGED["losses"]},
        {"threshold": 0.5, "costs": COSTS},
    ),
    "evaluation.figures.brier_score": (None, LABELLED, {}),
    "evaluation.evaluate.reliability": (None, LABELLED, {}),
    "evaluation.evaluate.segment_figures": (
        lambda f, parts: f(scored_rows(), {"night": parts}),
        {"parts": ("text", PARTS)},
        {},
    ),
    "evaluation.compare.compare": (
        lambda f, seen_by_champion, parts: f(
            scored_rows(),
            scored_rows(scores=OTHER_SCORES),
            seen_by_champion,
            {"night": parts},
            EVALUATION,
        ),
        {"seen_by_champion": ("flag", LOSSES > N - 3), "parts": ("text", PARTS)},
        {},
    ),
    "evaluation.compare.compare_segments": (
        lambda f, parts: f(
            scored_rows(np.repeat(LABELS, 8), np.repeat(SCORES, 8), np.repeat(LOSSES, 8)),
            scored_rows(np.repeat(LABELS, 8), np.repeat(OTHER_SCORES, 8), np.repeat(LOSSES, 8)),
            {"night": parts},
            EVALUATION,
        ),
        {"parts": ("text", np.repeat(PARTS, 8))},
        {},
    ),
    "evaluation.explain.importance_of_highest": (
        None,
        {"scores": ("number", SCORES)},
        {"model": MODEL, "rows": ROWS, "columns": ["a", "b"]},
    ),
    "evaluation.segments.parts_of": (
        lambda f, parts: f({"night": parts}, N),
        {"parts": ("text", PARTS)},
        {},
    ),
    "evaluation.segments.segment_rows": (
        None,
        {"rows": ("frame", TEST_ROWS)},
        {"segments": ["amount_band", "night", "new_card", "week", "country"], "real_time": True},
    ),
    "evaluation.predictions.predictions_of": (
        None,
        {"rows": ("frame", TEST_ROWS)},
        {"scored": scored_rows()},
    ),
    "evaluation.predictions.anonymous": (
        None,
        {
            "predictions": ("frame", TEST_ROWS.add_suffix("").rename(columns=lambda c: c[:-1])),
            "rows": ("frame", TEST_ROWS),
        },
        {},
    ),
    "drift.statistics.compare_column": (None, {"batch": ("weight", COUNTS)}, {"column": COUNTED}),
    "drift.statistics.population_stability_index": (
        None,
        {"reference": ("weight", COUNTS), "batch": ("weight", COUNTS[::-1].copy())},
        {},
    ),
    "drift.statistics.compare_scores": (
        None,
        {"scores": ("number", SCORES)},
        {"reference": number_column("score", OTHER_SCORES)},
    ),
    "drift.encoding.number_column": (None, {"values": ("value", SCORES)}, {"name": "a"}),
    "drift.encoding.category_column": (None, {"values": ("text", PARTS)}, {"name": "a"}),
    "drift.plots.distributions": (
        lambda f, batch: f([COUNTED], {"amount": batch}),
        {"batch": ("weight", COUNTS)},
        {},
    ),
    "drift.profile.make_profile": (
        None,
        {"scores": ("value", SCORES)},
        {"rows": TEST_ROWS, "watched": Watched(["a"], [], {}, False), "warm_up_days": {}},
    ),
    "drift.classifier.two_sample_test": (
        None,
        {"inputs": ("table", INPUTS)} | SAMPLES,
        {"folds": 2, "seed": 0},
    ),
    "drift.classifier.classifier_inputs": (
        None,
        SAMPLES,
        {
            "codes": encode_rows(ROWS, [number_column("a", LOSSES)], {}),
            "columns": [number_column("a", LOSSES)],
        },
    ),
    "drift.classifier.giveaways": (
        None,
        {"inputs": ("table", INPUTS)} | SAMPLES,
        {"test": TWO_SAMPLE, "names": [("a",), ("b",), ("c",)], "seed": 0},
    ),
    "drift.correlations.correlation_changes": (None, MATRICES, {}),
    "drift.correlations.changed_pairs": (
        None,
        MATRICES,
        {"names": ["a", "b", "c"], "significance": 1.0},
    ),
    "drift.correlations.extremes": (None, MATRICES, {}),
    "drift.correlations.strongest_pairs": (
        None,
        {"reference": ("table", np.tile(INPUTS, (99, 1)))},
        {"most": 3},
    ),
    "drift.segments.drifted_segments": (
        lambda f, labels, is_batch, probabilities: f(
            {"night": labels}, is_batch, probabilities, 1.0
        ),
        {"labels": ("text", PARTS)} | SAMPLES | {"probabilities": ("probability", SCORES)},
        {},
    ),
    "drift.performance.expected_performance": (None, FRAME, {"threshold": 0.5}),
    "drift.performance.realized_performance": (None, FRAME, {"threshold": 0.5, "now_us": 12}),
    "drift.performance.newest_time": (None, FRAME, {}),
    "scoring.worklist.make_worklist": (
        None,
        FRAME,
        {"settings": ScoringSettings(alerts_per_day=1, sampled_per_day=2)},
    ),
    "scoring.worklist.alert_outcomes": (None, FRAME, {}),
    "scoring.suppressions.suppressed": (
        None,
        {"rows": ("frame", SCORED)},
        {
            "entries": [Suppression("card", "day", "a trip", date(2026, 7, 1))],
            "today": date(2026, 6, 1),
        },
    ),
}
"""By function: how it is called (None: by name), its arrays with their kinds, other arguments."""


def functions() -> Iterator[str]:
    """Yield the public functions of the domain modules that take an array, or a caller's frame."""
    for module in pkgutil.walk_packages(fraud_assets.__path__, "fraud_assets."):
        name = module.name.removeprefix("fraud_assets.")
        if name.split(".")[0] not in DOMAINS or name.split(".")[-1] in ("assets", "checks"):
            continue
        wanted = "ndarray|Series|ArrayLike|_SupportsArray"
        wanted += "|DataFrame" if name.startswith(FRAMES) else ""
        loaded = importlib.import_module(module.name)
        for found, function in inspect.getmembers(loaded, inspect.isfunction):
            if found.startswith("_") or function.__module__ != module.name:
                continue
            parameters = inspect.signature(function).parameters.values()
            if any(re.search(wanted, str(parameter.annotation)) for parameter in parameters):
                yield f"{name}.{found}"


def test_every_public_function_on_arrays_is_tested_below():
    assert set(functions()) == set(CASES) - {"evaluation.figures.ScoredRows"}


def _cell(value):
    if pd.isna(value):
        return None
    return float(value) if isinstance(value, int | float | np.number) else str(value)


def comparable(value):
    """Return a value as lists, dictionaries and numbers, without any index."""
    if isinstance(value, pd.DataFrame):
        return {name: [_cell(cell) for cell in value[name]] for name in value}
    if isinstance(value, np.ndarray | pd.Series | list | tuple | Iterator):
        return [comparable(inner) for inner in value]
    if isinstance(value, CalibratedModel):
        return value.slope, value.intercept
    if isinstance(value, BaseEstimator):
        return type(value)
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: comparable(inner) for name, inner in value.items()}
    return value


def called(name, arrays):
    path, _, function_name = name.rpartition(".")
    function = getattr(importlib.import_module(f"fraud_assets.{path}"), function_name)
    how, _, rest = CASES[name]
    if callable(how):
        return comparable(how(function, *arrays.values()))
    chosen = {key: arrays[key] for key in how} if how else arrays
    return comparable(function(**chosen, **rest))


def arrays_of(name):
    how, arrays, _ = CASES[name]
    chosen = how if isinstance(how, tuple) else arrays
    return {key: arrays[key] for key in chosen}


def read_only(values):
    copied = values.copy()
    copied.flags.writeable = False
    return copied


def duplicated(values):
    return np.zeros(len(values), dtype=int)


def shuffled(values):
    return np.random.default_rng(0).permutation(len(values))


def named(values):
    return [f"row {place % 5}" for place in range(len(values))]


INDICES = (duplicated, shuffled, named)
ANY = {
    "a list": lambda values: values.tolist(),
    "a tuple": lambda values: tuple(values.tolist()),
    "objects": lambda values: values.astype(object),
    "read-only": read_only,
    "not contiguous": lambda values: np.repeat(values, 2, axis=0)[::2],
    **{
        f"a Series, index {index.__name__}": lambda values, index=index: pd.Series(
            values, index=index(values)
        )
        for index in INDICES
    },
}
NUMBERS = {
    "float32": lambda values: values.astype(np.float32),
    "nullable floats": lambda values: pd.Series(values, dtype="Float64", index=shuffled(values)),
    "decimals": lambda values: np.array([Decimal(float(v)) for v in values], dtype=object),
    "masked, with no mask": lambda values: np.ma.array(values, mask=False),
}
TWO_VALUED = {
    "int8": lambda values: values.astype(np.int8),
    "uint8": lambda values: values.astype(np.uint8),
    "bool": lambda values: values.astype(bool),
    "nullable integers": lambda values: pd.Series(values, dtype="Int64", index=named(values)),
    "nullable booleans": lambda values: pd.Series(values.astype(bool), dtype="boolean"),
}
CONTAINERS = {
    "text": ANY | {"categories": lambda v: pd.Series(v, dtype="category", index=named(v))},
    "label": ANY | NUMBERS | TWO_VALUED,
    "flag": ANY | TWO_VALUED,
    **dict.fromkeys(("number", "probability", "weight", "value"), ANY | NUMBERS),
    "table": {
        "lists": lambda values: values.tolist(),
        "read-only": read_only,
        "column by column": np.asfortranarray,
        "a frame": lambda values: pd.DataFrame(values, index=named(values), columns=list("abc")),
        "objects": lambda values: values.astype(object),
    },
    "frame": {
        **{
            f"index {index.__name__}": lambda frame, index=index: frame.set_axis(index(frame))
            for index in INDICES
        },
        "nullable": lambda frame: frame.convert_dtypes(),
        "objects": lambda frame: frame.astype(
            {name: object for name in ("score", "label", "amount") if name in frame}
        ),
    },
}


@pytest.fixture(autouse=True)
def reports(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FRAUD_HOME", str(tmp_path_factory.getbasetemp() / "arrays"))


SLOW = ("distributions", "two_sample_test", "compare", "compare_segments")


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_result_is_the_same_for_every_container(name):
    arrays = arrays_of(name)
    expected = called(name, {key: values for key, (_, values) in arrays.items()})

    @settings(max_examples=2 if name.endswith(SLOW) else 20, derandomize=True, database=None)
    @given(st.tuples(*(st.sampled_from(sorted(CONTAINERS[kind])) for kind, _ in arrays.values())))
    def same(chosen):
        given_as = {
            key: CONTAINERS[kind][container](values)
            for (key, (kind, values)), container in zip(arrays.items(), chosen, strict=True)
        }
        assert called(name, given_as) == expected

    same()


def with_value(value):
    return lambda values: np.append(values[:-1].astype(object), value)


SHAPES = {
    "a column of a table": lambda values: values.reshape(-1, 1),
    "a single value": lambda values: values[0],
    "a generator": iter,
    "unequal lengths": lambda values: [[1, 2], *values[1:].tolist()],
}
WRONG = {
    "text": SHAPES,
    "value": SHAPES
    | {"digits as text": with_value("1"), "a time": with_value(pd.Timestamp("2026-01-01"))},
}
WRONG["number"] = WRONG["value"] | {
    "not a number": with_value(np.nan),
    "missing": with_value(pd.NA),
    "infinite": with_value(-np.inf),
    "masked": lambda values: np.ma.array(values, mask=np.arange(len(values)) == 0),
}
WRONG["weight"] = WRONG["number"] | {"negative": with_value(-1)}
WRONG["probability"] = WRONG["number"] | {"above 1": with_value(1.5)}
WRONG["flag"] = WRONG["label"] = WRONG["number"] | {"a third value": with_value(2)}
WRONG["table"] = {
    "a vector": lambda values: values[:, 0],
    "with a hole": lambda values: np.where(values == values[0, 0], np.nan, values),
}


def refusals():
    for name in sorted(CASES):
        arrays = arrays_of(name)
        for key, (kind, _) in arrays.items():
            if kind != "frame":
                yield name, key, kind


@pytest.mark.parametrize(("name", "key", "kind"), list(refusals()))
def test_what_does_not_fit_is_refused_by_name(name, key, kind):
    arrays = arrays_of(name)
    for what, broken in WRONG[kind].items():
        # Where scores only rank, any number will do.
        if what == "above 1" and name.startswith("metrics."):
            continue
        given_as = {k: values for k, (_, values) in arrays.items()}
        given_as[key] = broken(given_as[key])
        with pytest.raises(ValueError, match=rf"{key.strip()}.* must ") as refused:
            called(name, given_as)
        assert "pass" in str(refused.value) or "convert" in str(refused.value), what


@pytest.mark.parametrize(
    ("name", "key"),
    [(n, k) for n, k, kind in refusals() if len(arrays_of(n)) > 1 and kind != "table"],
)
def test_another_number_of_rows_is_refused_with_both_numbers(name, key):
    arrays = {k: values for k, (_, values) in arrays_of(name).items()}
    arrays[key] = arrays[key][:-1]
    with pytest.raises(ValueError, match=r"has \d+ rows \(ndarray of \w+\).* have \d+; pass the"):
        called(name, arrays)


def test_a_refusal_names_type_and_rows_and_never_a_value():
    with pytest.raises(ValueError, match="labels") as refused:
        as_array("labels", pd.Series(["4111111111111111", "0"]), "label")
    assert str(refused.value) == (
        "labels (2 rows, Series of object) must hold 0 (genuine) or 1 (fraud) in every row; "
        "convert the values, and drop or fill rows where they are missing"
    )


def test_missing_and_infinite_values_stay_where_they_mean_something():
    values = as_array("values", pd.Series([1, None, 3], dtype="Int64"), "value")
    assert values.tolist()[::2] == [1.0, 3.0]
    assert np.isnan(values[1])
    assert as_array("values", [np.inf], "value").tolist() == [np.inf]
    assert as_array("values", [], "label").tolist() == []
