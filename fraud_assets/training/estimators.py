"""The estimators that can be trained, as a table. Adding one is adding an entry."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fraud_assets.config.settings import ENSEMBLES, EstimatorName, Imbalance, TrainingSettings

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline


def _xgboost(seed: int) -> "BaseEstimator":
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=seed, tree_method="hist")


def _lightgbm(seed: int) -> "BaseEstimator":
    try:
        from lightgbm import LGBMClassifier
    except OSError as error:
        raise OSError(
            f"LightGBM cannot be loaded ({error}): install libgomp1, or choose xgboost"
        ) from error
    return LGBMClassifier(random_state=seed, verbose=-1, deterministic=True, force_col_wise=True)


def _hist_gradient_boosting(seed: int) -> "BaseEstimator":
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _random_forest(seed: int) -> "BaseEstimator":
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=seed, n_jobs=-1)


def _logistic_regression(seed: int) -> "BaseEstimator":
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(random_state=seed)


def _mlp(seed: int) -> "BaseEstimator":
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(random_state=seed)


def _isolation_forest(seed: int) -> "BaseEstimator":
    from fraud_assets.training.anomaly import AnomalyClassifier

    return AnomalyClassifier(random_state=seed)


def _balanced(_: float) -> dict[str, Any]:
    return {"class_weight": "balanced"}


@dataclass(frozen=True)
class Entry:
    """An estimator of the table.

    Attributes
    ----------
    make : callable
        Takes the seed, returns the estimator with its library's own defaults.
    defaults : dict
        Parameters that are better here than the library's.
    scaled : bool
        Whether it stands behind an imputer and a scaler; the others read missing values.
    weigh : callable or None
        Takes the genuine rows for each fraud, returns the parameters by which all frauds weigh
        as much as all genuine rows; None when the estimator has no weights.
    """

    make: Callable[[int], "BaseEstimator"]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    scaled: bool = False
    weigh: Callable[[float], dict[str, Any]] | None = None


ESTIMATORS: dict[EstimatorName, Entry] = {
    EstimatorName.xgboost: Entry(
        _xgboost,
        {
            "learning_rate": 0.05,
            "n_estimators": 250,
            "max_depth": 5,
            "min_child_weight": 5,
            "subsample": 0.8,
            "colsample_bytree": 0.4,
        },
        weigh=lambda ratio: {"scale_pos_weight": ratio},
    ),
    EstimatorName.lightgbm: Entry(
        _lightgbm,
        {
            "learning_rate": 0.05,
            "n_estimators": 250,
            "num_leaves": 15,
            "min_child_samples": 30,
            "subsample": 0.8,
            "subsample_freq": 1,
            "colsample_bytree": 0.4,
        },
        weigh=_balanced,
    ),
    EstimatorName.hist_gradient_boosting: Entry(
        _hist_gradient_boosting,
        {
            "learning_rate": 0.05,
            "max_iter": 150,
            "max_leaf_nodes": 8,
            "max_features": 0.3,
            # On few frauds unregularized leaves run away: one bad step can undo all others.
            "l2_regularization": 10.0,
            "early_stopping": False,
        },
        weigh=_balanced,
    ),
    EstimatorName.random_forest: Entry(
        _random_forest,
        {"min_samples_leaf": 3},
        weigh=_balanced,
    ),
    EstimatorName.logistic_regression: Entry(
        _logistic_regression, {"max_iter": 1000}, scaled=True, weigh=_balanced
    ),
    # The baseline: scikit-learn's own defaults.
    EstimatorName.mlp: Entry(_mlp, scaled=True),
    EstimatorName.isolation_forest: Entry(_isolation_forest),
}
BOOSTERS = (EstimatorName.xgboost, EstimatorName.lightgbm)
STACKING_FOLDS = 3


def build(settings: TrainingSettings, ratio: float = 1.0) -> "Pipeline":
    """Build an unfitted pipeline that ends in an estimator.

    Parameters
    ----------
    settings : TrainingSettings
    ratio : float
        Genuine rows for each fraud among the train rows; used by `class_weight`.

    Returns
    -------
    Pipeline
        Steps `anomaly`, `impute`, `scale` where needed, and `estimator`.

    Raises
    ------
    ValueError
        When the estimator has no such parameter, no weights, or no focal loss.
    """
    from sklearn.pipeline import Pipeline

    if settings.estimator in ENSEMBLES:
        steps = [("estimator", _ensemble(settings, ratio))]
    else:
        steps = _steps(settings.estimator, settings.parameters, settings, ratio)
    if settings.anomaly_score:
        from fraud_assets.training.anomaly import AnomalyScore

        steps = [("anomaly", AnomalyScore(random_state=settings.seed)), *steps]
    return Pipeline(steps)


def _steps(
    name: EstimatorName, parameters: Mapping[str, Any], settings: TrainingSettings, ratio: float
) -> list[tuple[str, Any]]:
    steps: list[tuple[str, Any]] = []
    # SMOTE's rows lie between others, so that nothing may be missing in any.
    if ESTIMATORS[name].scaled or settings.imbalance is Imbalance.smote:
        from sklearn.impute import SimpleImputer

        steps.append(("impute", SimpleImputer(strategy="median", keep_empty_features=True)))
    if ESTIMATORS[name].scaled:
        from sklearn.preprocessing import StandardScaler

        steps.append(("scale", StandardScaler()))
    return [*steps, ("estimator", _estimator(name, parameters, settings, ratio))]


def _estimator(
    name: EstimatorName, parameters: Mapping[str, Any], settings: TrainingSettings, ratio: float
) -> "BaseEstimator":
    entry = ESTIMATORS[name]
    estimator = entry.make(settings.seed)
    chosen = {
        **entry.defaults,
        **_weights(name, settings, ratio),
        **{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()},
    }
    unknown = sorted(set(chosen) - set(estimator.get_params()))
    if unknown:
        raise ValueError(
            f"{name} has no parameter {', '.join(unknown)}; it has "
            f"{', '.join(sorted(estimator.get_params()))}"
        )
    if settings.imbalance is Imbalance.focal_loss:
        return _focal(name, chosen, settings)
    return estimator.set_params(**chosen)


def _weights(name: EstimatorName, settings: TrainingSettings, ratio: float) -> dict[str, Any]:
    if settings.imbalance is not Imbalance.class_weight:
        return {}
    weigh = ESTIMATORS[name].weigh
    if weigh is None:
        able = ", ".join(other for other, entry in ESTIMATORS.items() if entry.weigh)
        raise ValueError(
            f"{name} has no class weights; choose undersample or smote as imbalance, or one of "
            f"{able}"
        )
    return weigh(ratio)


def _focal(
    name: EstimatorName, chosen: dict[str, Any], settings: TrainingSettings
) -> "BaseEstimator":
    if name not in BOOSTERS:
        raise ValueError(
            f"{name} takes no loss of one's own; focal_loss works with {', '.join(BOOSTERS)}"
        )
    from fraud_assets.training.focal import FocalBoosting

    return FocalBoosting(
        library=str(name), parameters=chosen, gamma=settings.focal_gamma, random_state=settings.seed
    )


def _ensemble(settings: TrainingSettings, ratio: float) -> "BaseEstimator":
    from sklearn.ensemble import StackingClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    strangers = sorted(set(settings.parameters) - set(settings.members))
    if strangers:
        raise ValueError(
            f"{settings.estimator} takes parameters by member; {', '.join(strangers)} is none of "
            f"{', '.join(settings.members)}"
        )
    of_member = settings.parameters
    members = [
        (name, Pipeline(_steps(EstimatorName(name), of_member.get(name, {}), settings, ratio)))
        for name in settings.members
    ]
    for _, member in members:
        _add_trees_in_order(member.named_steps["estimator"])
    if settings.estimator is EstimatorName.soft_voting:
        return VotingClassifier(members, voting="soft")
    # Unshuffled folds of rows in time order: no member is asked about its neighbours in time.
    return StackingClassifier(
        members, LogisticRegression(), cv=STACKING_FOLDS, stack_method="predict_proba"
    )


def fit(pipeline: "Pipeline", features: "pd.DataFrame", labels: "pd.Series") -> tuple[int, bool]:
    """Fit a pipeline in place.

    Parameters
    ----------
    pipeline : Pipeline
    features : DataFrame of shape (n_rows, n_features)
    labels : Series of shape (n_rows,)
        0 or 1.

    Returns
    -------
    iterations : int
        Of an ensemble, those of its longest member.
    converged : bool
        Whether what iterates until it is done was done before `max_iter`. A fixed number of
        trees has nothing to converge to and counts as converged.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The verdict is the asset check `model_converged`; a warning would say it twice.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(features, labels)
    fitted = _fitted(pipeline.named_steps["estimator"])
    for estimator in fitted:
        _add_trees_in_order(estimator)
    found = [_progress(estimator) for estimator in fitted]
    return max(iterations for iterations, _ in found), all(converged for _, converged in found)


def _add_trees_in_order(estimator: "BaseEstimator") -> None:
    """Predict in one thread: several add trees up in any order, and the last digit is chance."""
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)


def _fitted(estimator: "BaseEstimator") -> "list[BaseEstimator]":
    members = getattr(estimator, "named_estimators_", None)
    if members is None:
        return [estimator]
    return [member.named_steps["estimator"] for member in members.values()]


def _progress(estimator: "BaseEstimator") -> tuple[int, bool]:
    parameters = estimator.get_params()
    if hasattr(estimator, "n_rounds"):
        return int(estimator.n_rounds), True
    if "max_iter" not in parameters:
        return int(parameters["n_estimators"]), True
    iterations = int(np.max(estimator.n_iter_))
    fixed = parameters.get("early_stopping") is False and not hasattr(estimator, "loss_curve_")
    return iterations, fixed or iterations < parameters["max_iter"]
