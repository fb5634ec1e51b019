"""Searches for better parameters with Optuna, on folds in time order."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fraud_assets.config.estimators import (
    EqualLayers,
    EstimatorName,
    FloatRange,
    IntegerRange,
    SearchSpace,
)
from fraud_assets.config.settings import TrainingSettings, TuningSettings
from fraud_assets.metrics import ranking_figures
from fraud_assets.training.train import fit_model, fraud_scores

if TYPE_CHECKING:
    import optuna

MIN_FOLD_FRAUDS = 3
"""Frauds that a fold needs at least among its train rows, and among its validation rows."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its average precision.

    Attributes
    ----------
    number : int
        Counted from 0.
    planned : int
        Number of trials in total.
    state : {"complete", "pruned", "failed"}
        Pruned: stopped early because its first folds were worse than most.
    parameters : dict
        Empty: the defaults.
    folds : list of float
        Average precision by fold, 0 to 1; fewer folds when the trial was pruned.
    best : float
        The best mean so far; NaN before the first complete trial.

    See Also
    --------
    tune : reports each trial.
    """

    number: int
    planned: int
    state: str
    parameters: dict[str, Any]
    folds: list[float]
    best: float

    def figures(self) -> dict[str, float]:
        """Return the mean average precision of the folds by metric name.

        Returns
        -------
        dict of str to float
            Between 0 and 1; empty when no fold has ended.
        """
        return {"validation_average_precision": float(np.mean(self.folds))} if self.folds else {}

    def sentence(self) -> str:
        """Describe the trial in a line for the log.

        Returns
        -------
        str

        Examples
        --------
        >>> trial = Trial(0, 20, "complete", parameters={}, folds=[0.75, 0.85], best=0.8)
        >>> trial.sentence()
        'trial 1 of 20: complete, average precision 0.8000; best 0.8000'
        """
        mean = f"average precision {np.mean(self.folds):.4f}" if self.folds else "no fold"
        return (
            f"trial {self.number + 1} of {self.planned}: {self.state}, {mean}; best {self.best:.4f}"
        )


@dataclass(frozen=True)
class TuningResult:
    """The best trial of a study.

    Attributes
    ----------
    parameters : dict
        Empty: the defaults are the best.
    average_precision : float
        Mean over the folds, 0 to 1.
    average_precision_of_defaults : float or None
        None when the trial of the defaults did not end.
    trials, pruned : int
        Trials that ended, and those among them that were pruned.

    See Also
    --------
    tune : returns it.
    """

    parameters: dict[str, Any]
    average_precision: float
    average_precision_of_defaults: float | None
    trials: int
    pruned: int


def time_folds(rows: pd.DataFrame, folds: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield train and validation rows of folds in time order, each later than the one before.

    Parameters
    ----------
    rows : DataFrame
        As from `training.window.load_rows`.
    folds : int
        Number of folds.

    Yields
    ------
    train, validation : DataFrame
        The train rows are those whose label was known when the validation rows begin. Rows
        without times are ordered by the hash of their content, which is as good as random.

    See Also
    --------
    tune : uses these folds.
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
    report: Callable[[Trial], None],
) -> TuningResult:
    """Search for the parameters with the highest mean average precision over the folds.

    Parameters
    ----------
    rows : DataFrame
        Train rows, as from `training.window.load_rows`.
    columns : sequence of str
        The features.
    settings : TuningSettings
        Estimator, number of trials, time limit, folds and seed.
    storage : Path
        SQLite file in which the study is kept, so that it can be continued later.
    about : str
        Identifies the data: another text starts another study.
    report : callable
        Called with each trial when it ends.

    Returns
    -------
    TuningResult

    Raises
    ------
    ValueError
        When the estimator has no search space, or the folds hold too few frauds.

    See Also
    --------
    time_folds : the folds.
    draw : draws the parameters of a trial.

    Notes
    -----
    Points are drawn by the tree-structured Parzen estimator: J. Bergstra et al., Algorithms for
    hyper-parameter optimization, 2011. The first trial is that of the default parameters.
    """
    space = settings.estimator.kind.search_space
    if not space:
        tunable = ", ".join(name for name in EstimatorName if name.kind.search_space)
        raise ValueError(f"{settings.estimator} has no search space; tune one of {tunable}")
    features = [name for name in columns if rows[name].notna().any()]
    folds = _with_enough_frauds(list(time_folds(rows, settings.folds)))
    study = _study(settings, storage, about)
    if not study.trials:
        study.enqueue_trial({}, user_attrs={"defaults": True})

    def objective(trial: "optuna.Trial") -> float:
        defaults = trial.user_attrs.get("defaults", False)
        parameters = {} if defaults else draw(trial, space)
        trial.set_user_attr("parameters", parameters)
        return _mean_average_precision(trial, folds, features, settings, parameters)

    def on_end(study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
        report(_as_trial(study, trial, settings.trials))

    ended = sum(trial.state.is_finished() for trial in study.trials)
    study.optimize(
        objective,
        n_trials=max(0, settings.trials - ended),
        timeout=settings.minutes * 60,
        callbacks=[on_end],
    )
    return _result(study)


def draw(trial: "optuna.Trial", space: SearchSpace) -> dict[str, Any]:
    """Return a value for each parameter of a search space.

    Parameters
    ----------
    trial : Trial
        A trial of Optuna.
    space : SearchSpace
        Range or choices of each parameter.

    Returns
    -------
    dict
        As the estimator's own parameters.

    See Also
    --------
    tune : searches with these values.

    Examples
    --------
    >>> from optuna.trial import FixedTrial
    >>> space = {"C": FloatRange(0.1, 10), "hidden_layer_sizes": EqualLayers((16, 32), most=2)}
    >>> draw(FixedTrial({"C": 1.5, "width": 32, "layers": 2}), space)
    {'C': 1.5, 'hidden_layer_sizes': [32, 32]}
    """
    drawn: dict[str, Any] = {}
    for name, dimension in space.items():
        match dimension:
            case FloatRange(low, high, log):
                drawn[name] = trial.suggest_float(name, low, high, log=log)
            case IntegerRange(low, high, log):
                drawn[name] = trial.suggest_int(name, low, high, log=log)
            case EqualLayers(widths, most):
                width = trial.suggest_categorical("width", widths)
                drawn[name] = [width] * trial.suggest_int("layers", 1, most)
    return drawn


def _with_enough_frauds(
    folds: list[tuple[pd.DataFrame, pd.DataFrame]],
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    enough = [
        (train, validation)
        for train, validation in folds
        if min(train["fraud_"].sum(), validation["fraud_"].sum()) >= MIN_FOLD_FRAUDS
    ]
    if not enough:
        raise ValueError(
            f"no fold has {MIN_FOLD_FRAUDS} frauds to train on and as many to validate on, with "
            "labels that were known in time; widen window_batches, or set fewer folds"
        )
    return enough


def _study(settings: TuningSettings, storage: Path, about: str) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searched = settings.model_dump(mode="json", exclude={"trials", "minutes"})
    identity = about + json.dumps(searched, sort_keys=True)
    study = optuna.create_study(
        study_name=f"{settings.estimator}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
        storage=f"sqlite:///{storage}",
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    # With the same seed, a continued study would draw its first points again.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))
    return study


def _mean_average_precision(
    trial: "optuna.Trial",
    folds: list[tuple[pd.DataFrame, pd.DataFrame]],
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
    by_fold = []
    for fold, (rows, validation) in enumerate(folds):
        pipeline = fit_model(rows, features, training).pipeline
        labels = validation["fraud_"].to_numpy()
        scores = fraud_scores(pipeline, validation, features)
        by_fold.append(ranking_figures(labels, scores, np.ones(len(labels)))[0])
        trial.report(float(np.mean(by_fold)), fold)
        trial.set_user_attr("folds", by_fold)
        if fold + 1 < len(folds) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(by_fold))


def _as_trial(study: "optuna.Study", trial: "optuna.trial.FrozenTrial", planned: int) -> Trial:
    import optuna

    complete = [t.value for t in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])]
    return Trial(
        trial.number,
        planned,
        {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed"),
        trial.user_attrs.get("parameters", {}),
        trial.user_attrs.get("folds", []),
        max((value for value in complete if value is not None), default=float("nan")),
    )


def _result(study: "optuna.Study") -> TuningResult:
    states = [trial.state.name for trial in study.trials]
    return TuningResult(
        parameters=study.best_trial.user_attrs["parameters"],
        average_precision=study.best_value,
        average_precision_of_defaults=study.trials[0].value,
        trials=states.count("COMPLETE") + states.count("PRUNED"),
        pruned=states.count("PRUNED"),
    )
