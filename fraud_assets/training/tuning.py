"""Looks for better parameters with Optuna, on folds in time order."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fraud_assets.config.settings import EstimatorName, TrainingSettings, TuningSettings
from fraud_assets.metrics import ranking_figures
from fraud_assets.training.train import fit_model, fraud_scores

if TYPE_CHECKING:
    import optuna

MIN_FOLD_FRAUDS = 3
"""Frauds without which a fold can neither train nor judge."""
Space = Callable[["optuna.Trial"], dict[str, Any]]


def _of_boosting(trial: "optuna.Trial") -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 50, 600, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30, log=True),
    }


def _of_xgboost(trial: "optuna.Trial") -> dict[str, Any]:
    return _of_boosting(trial) | {
        "max_depth": trial.suggest_int("max_depth", 2, 8),
        "min_child_weight": trial.suggest_float("min_child_weight", 1, 30, log=True),
    }


def _of_lightgbm(trial: "optuna.Trial") -> dict[str, Any]:
    return _of_boosting(trial) | {
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
    }


def _of_hist_gradient_boosting(trial: "optuna.Trial") -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "max_iter": trial.suggest_int("max_iter", 50, 500, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 31, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0),
        "l2_regularization": trial.suggest_float("l2_regularization", 1, 100, log=True),
    }


def _of_random_forest(trial: "optuna.Trial") -> dict[str, Any]:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 50, 300, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 30, log=True),
        "max_features": trial.suggest_float("max_features", 0.1, 0.7),
    }


def _of_logistic_regression(trial: "optuna.Trial") -> dict[str, Any]:
    return {"C": trial.suggest_float("C", 1e-4, 100, log=True)}


def _of_mlp(trial: "optuna.Trial") -> dict[str, Any]:
    width = trial.suggest_categorical("width", [16, 32, 64, 128])
    return {
        "hidden_layer_sizes": [width] * trial.suggest_int("layers", 1, 2),
        "alpha": trial.suggest_float("alpha", 1e-5, 1, log=True),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 1e-4, 1e-2, log=True),
    }


SPACES: dict[EstimatorName, Space] = {
    EstimatorName.xgboost: _of_xgboost,
    EstimatorName.lightgbm: _of_lightgbm,
    EstimatorName.hist_gradient_boosting: _of_hist_gradient_boosting,
    EstimatorName.random_forest: _of_random_forest,
    EstimatorName.logistic_regression: _of_logistic_regression,
    EstimatorName.mlp: _of_mlp,
}


@dataclass(frozen=True)
class Trial:
    """One set of parameters and what it gave.

    Attributes
    ----------
    number, of : int
        The trial, and how many there are to be.
    state : {"complete", "pruned", "failed"}
    parameters : dict
    folds : list of float
        Average precision by fold, as far as it got.
    best : float
        The best mean so far.
    """

    number: int
    of: int
    state: str
    parameters: dict[str, Any]
    folds: list[float]
    best: float

    def figures(self) -> dict[str, float]:
        """Return the mean of the folds under its metric name."""
        return {"validation_average_precision": float(np.mean(self.folds))} if self.folds else {}

    def sentence(self) -> str:
        """Say how it went."""
        mean = f"average precision {np.mean(self.folds):.4f}" if self.folds else "no fold"
        return f"trial {self.number + 1} of {self.of}: {self.state}, {mean}; best {self.best:.4f}"


def time_folds(rows: pd.DataFrame, folds: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield train and validation rows of folds in time order, each later than the one before.

    Parameters
    ----------
    rows : DataFrame
        As from `training.window.load_rows`.
    folds : int

    Yields
    ------
    train, validation : DataFrame
        The train rows are those whose label was known when the validation rows begin. Rows
        without times are taken in the order of their content, which is as good as drawn.
    """
    timed = rows["known_us_"].notna().all()
    ordered = rows.sort_values("known_us_" if timed else "content_key_", kind="stable")
    cuts = np.linspace(0, len(rows), folds + 2).astype(int)[1:]
    for start, end in pairwise(cuts):
        validation, earlier = ordered.iloc[start:end], ordered.iloc[:start]
        if timed:
            earlier = earlier[earlier["label_known_us_"] <= validation["known_us_"].iloc[0]]
        yield earlier, validation


def tune(
    rows: pd.DataFrame,
    columns: Sequence[str],
    settings: TuningSettings,
    storage: Path,
    about: str,
    note: Callable[[Trial], None],
) -> dict[str, Any]:
    """Look for the parameters with the highest mean average precision over the folds.

    Parameters
    ----------
    rows : DataFrame
        Train rows, as from `training.window.load_rows`.
    columns : sequence of str
        The features.
    settings : TuningSettings
    storage : Path
        SQLite file in which the study is kept, so that it can go on later.
    about : str
        What the study is about; another text is another study.
    note : callable
        Told of each trial when it ends.

    Returns
    -------
    dict
        `parameters`, `average_precision`, `average_precision_of_defaults`, `trials`, `pruned`.

    Raises
    ------
    ValueError
        When the estimator has no search space, or the folds hold too few frauds.
    """
    if settings.estimator not in SPACES:
        raise ValueError(
            f"{settings.estimator} has no search space; tune one of {', '.join(SPACES)}"
        )
    features = [name for name in columns if rows[name].notna().any()]
    parts = _judged(list(time_folds(rows, settings.folds)))
    study = _study(settings, storage, about)
    if not study.trials:
        study.enqueue_trial({}, user_attrs={"defaults": True})

    def objective(trial: "optuna.Trial") -> float:
        defaults = trial.user_attrs.get("defaults", False)
        parameters = {} if defaults else SPACES[settings.estimator](trial)
        trial.set_user_attr("parameters", parameters)
        return _score(trial, parts, features, settings, parameters)

    def tell(study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
        note(_as_trial(study, trial, settings.trials))

    done = sum(trial.state.is_finished() for trial in study.trials)
    study.optimize(
        objective,
        n_trials=max(0, settings.trials - done),
        timeout=settings.minutes * 60,
        callbacks=[tell],
    )
    return _outcome(study)


def _judged(
    parts: list[tuple[pd.DataFrame, pd.DataFrame]],
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the folds that can train and judge."""
    enough = [
        (train, validation)
        for train, validation in parts
        if min(train["fraud_"].sum(), validation["fraud_"].sum()) >= MIN_FOLD_FRAUDS
    ]
    if not enough:
        raise ValueError(
            f"no fold has {MIN_FOLD_FRAUDS} frauds to train on and as many to judge by, with "
            "labels that were known in time; widen window_batches, or ask for fewer folds"
        )
    return enough


def _study(settings: TuningSettings, storage: Path, about: str) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    what = settings.model_dump(mode="json", exclude={"trials", "minutes"})
    name = hashlib.sha256((about + json.dumps(what, sort_keys=True)).encode()).hexdigest()[:16]
    study = optuna.create_study(
        study_name=f"{settings.estimator}-{name}",
        storage=f"sqlite:///{storage}",
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    # A study that goes on would otherwise draw its first points again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))
    return study


def _score(
    trial: "optuna.Trial",
    parts: list[tuple[pd.DataFrame, pd.DataFrame]],
    features: Sequence[str],
    settings: TuningSettings,
    parameters: dict[str, Any],
) -> float:
    import optuna

    training = TrainingSettings(
        estimator=settings.estimator,
        parameters=parameters,
        imbalance=settings.imbalance,
        seed=settings.seed,
    )
    found = []
    for fold, (rows, validation) in enumerate(parts):
        pipeline, *_ = fit_model(rows, features, training)
        labels = validation["fraud_"].to_numpy()
        scores = fraud_scores(pipeline, validation, features)
        found.append(ranking_figures(labels, scores, np.ones(len(labels)))[0])
        trial.report(float(np.mean(found)), fold)
        trial.set_user_attr("folds", found)
        if fold + 1 < len(parts) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(found))


def _as_trial(study: "optuna.Study", trial: "optuna.trial.FrozenTrial", of: int) -> Trial:
    import optuna

    done = [t.value for t in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])]
    return Trial(
        trial.number,
        of,
        {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed"),
        trial.user_attrs.get("parameters", {}),
        trial.user_attrs.get("folds", []),
        max((value for value in done if value is not None), default=float("nan")),
    )


def _outcome(study: "optuna.Study") -> dict[str, Any]:
    states = [trial.state.name for trial in study.trials]
    return {
        "parameters": study.best_trial.user_attrs["parameters"],
        "average_precision": study.best_value,
        "average_precision_of_defaults": study.trials[0].value,
        "trials": states.count("COMPLETE") + states.count("PRUNED"),
        "pruned": states.count("PRUNED"),
    }
