"""Builds and fits the estimators of the table in `config/estimators.py`."""

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from fraud_assets.arrays import as_array
from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.settings import Imbalance, TrainingSettings

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline


def build(settings: TrainingSettings, ratio: float = 1.0) -> "Pipeline":
    """Build an unfitted pipeline that ends in an estimator.

    Parameters
    ----------
    settings : TrainingSettings
        Estimator, parameters, treatment of imbalance, threshold rule and seed.
    ratio : float
        Genuine rows for each fraud among the train rows; used by `class_weight`.

    Returns
    -------
    Pipeline
        Steps `anomaly`, `impute`, `scale` where needed, and `estimator`.

    Raises
    ------
    ValueError
        When the estimator has no such parameter, no class weights, or no focal loss.
    OSError
        When a system library that the estimator needs is not installed.

    See Also
    --------
    fit : fits the pipeline in place.

    Examples
    --------
    >>> build(TrainingSettings(estimator="mlp")).named_steps.keys()
    dict_keys(['impute', 'scale', 'estimator'])
    """
    from sklearn.pipeline import Pipeline

    if settings.estimator.kind.combines_members:
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
    # SMOTE interpolates between rows, so no value may be missing.
    if name.kind.scaled or settings.imbalance is Imbalance.smote:
        from sklearn.impute import SimpleImputer

        steps.append(("impute", SimpleImputer(strategy="median", keep_empty_features=True)))
    if name.kind.scaled:
        from sklearn.preprocessing import StandardScaler

        steps.append(("scale", StandardScaler()))
    return [*steps, ("estimator", _estimator(name, parameters, settings, ratio))]


def _estimator(
    name: EstimatorName, parameters: Mapping[str, Any], settings: TrainingSettings, ratio: float
) -> "BaseEstimator":
    kind = name.kind
    estimator = _model_class(name)(**kind.arguments)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=settings.seed)
    chosen = {
        **kind.defaults,
        **_class_weights(name, settings, ratio),
        **{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()},
    }
    unknown = sorted(set(chosen) - set(estimator.get_params()))
    if unknown:
        raise ValueError(
            f"{name} has no parameter {', '.join(unknown)}; it has "
            f"{', '.join(sorted(estimator.get_params()))}"
        )
    if settings.imbalance is Imbalance.focal_loss:
        return _with_focal_loss(name, chosen, settings)
    return estimator.set_params(**chosen)


def _model_class(name: EstimatorName) -> Any:
    module, _, class_name = name.kind.model.rpartition(".")
    try:
        return getattr(import_module(module), class_name)
    except OSError as error:
        raise OSError(
            f"{name} cannot be loaded ({error}): install the system library that it needs (for "
            f"lightgbm, libgomp1), or choose another estimator than {name}"
        ) from error


def _class_weights(name: EstimatorName, settings: TrainingSettings, ratio: float) -> dict[str, Any]:
    if settings.imbalance is not Imbalance.class_weight:
        return {}
    match name.kind.class_weight:
        case "balanced":
            return {"class_weight": "balanced"}
        case "scale_pos_weight":
            return {"scale_pos_weight": ratio}
    weighted = ", ".join(other for other in EstimatorName if other.kind.class_weight)
    raise ValueError(
        f"{name} has no class weights; choose undersample or smote as imbalance, or one of "
        f"{weighted}"
    )


def _with_focal_loss(
    name: EstimatorName, parameters: dict[str, Any], settings: TrainingSettings
) -> "BaseEstimator":
    library = name.kind.focal_loss
    if library is None:
        able = ", ".join(other for other in EstimatorName if other.kind.focal_loss)
        raise ValueError(f"{name} takes no custom loss; focal_loss works with {able}")
    from fraud_assets.training.focal import FocalBoosting

    return FocalBoosting(
        library=library,
        parameters=parameters,
        gamma=settings.focal_gamma,
        random_state=settings.seed,
    )


def _ensemble(settings: TrainingSettings, ratio: float) -> "BaseEstimator":
    from sklearn.pipeline import Pipeline

    unknown = sorted(set(settings.parameters) - set(settings.members))
    if unknown:
        raise ValueError(
            f"{settings.estimator} takes parameters by member; {', '.join(unknown)} is none of "
            f"{', '.join(settings.members)}"
        )
    by_member = settings.parameters
    members = [
        (name, Pipeline(_steps(EstimatorName[name], by_member.get(name, {}), settings, ratio)))
        for name in settings.members
    ]
    for _, member in members:
        _predict_in_one_thread(member.named_steps["estimator"])
    return _model_class(settings.estimator)(members, **settings.estimator.kind.arguments)


def fit(pipeline: "Pipeline", features: "pd.DataFrame", labels: "ArrayLike") -> tuple[int, bool]:
    """Fit a pipeline in place.

    Parameters
    ----------
    pipeline : Pipeline
        Ends in an estimator.
    features : DataFrame of shape (n_rows, n_features)
        Numeric features; NaN where a value is missing.
    labels : array-like of shape (n_rows,)
        0 or 1.

    Returns
    -------
    iterations : int
        Of an ensemble, those of its longest member.
    converged : bool
        Whether an iterative fit converged before `max_iter`. A fixed number of trees counts as
        converged.

    See Also
    --------
    build : builds the pipeline.
    """
    from sklearn.exceptions import ConvergenceWarning

    checked = as_array("labels", labels, "label", len(features))

    with warnings.catch_warnings():
        # The asset check `model_converged` reports it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(features, checked)
    estimators = _fitted_estimators(pipeline.named_steps["estimator"])
    for estimator in estimators:
        _predict_in_one_thread(estimator)
    progress = [_progress(estimator) for estimator in estimators]
    return max(iterations for iterations, _ in progress), all(done for _, done in progress)


def _predict_in_one_thread(estimator: "BaseEstimator") -> None:
    """Make predictions repeatable: threads add trees up in any order, which moves the last digit.

    Parameters
    ----------
    estimator : BaseEstimator
        Changed in place.
    """
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)


def _fitted_estimators(estimator: "BaseEstimator") -> "list[BaseEstimator]":
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
