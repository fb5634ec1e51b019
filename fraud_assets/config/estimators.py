"""The estimators that can be trained, as one table: to add one, add a member to `EstimatorName`.

The rest is derived from its entry: the choices in the launchpad, how the model is built, fitted and
calibrated (`training/estimators.py`, `training/train.py`), the search space of its tuning
(`training/tuning.py`), and which types a stored model may hold (`store/model_file.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self


@dataclass(frozen=True)
class FloatRange:
    """A range of real numbers to search.

    Attributes
    ----------
    low, high : float
        Both included.
    log : bool
        Whether values are drawn evenly on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class IntegerRange:
    """A range of whole numbers to search.

    Attributes
    ----------
    low, high : int
        Both included.
    log : bool
        Whether values are drawn evenly on a logarithmic scale.
    """

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class EqualLayers:
    """Hidden layers of one width to search.

    Attributes
    ----------
    widths : tuple of int
        Units of a layer.
    most : int
        Largest number of layers.
    """

    widths: tuple[int, ...]
    most: int


SearchSpace = Mapping[str, FloatRange | IntegerRange | EqualLayers]
"""What a tuning searches, by parameter, in the order in which it is drawn."""


@dataclass(frozen=True)
class EstimatorKind:
    """How an estimator is built, tuned, calibrated and stored.

    Attributes
    ----------
    model : str
        Dotted path of its class, which has the interface of a scikit-learn classifier; imported
        when a model is built.
    arguments : dict
        What the class is always called with; `random_state` is added where there is one.
    defaults : dict
        Parameters that suit frauds better than the library's own defaults.
    scaled : bool
        Whether it needs an imputer and a scaler in front of it. The others read missing values.
    class_weight : {"balanced", "scale_pos_weight"} or None
        The parameter by which all frauds weigh as much as all genuine rows; None: it has none.
    focal_loss : {"xgboost", "lightgbm"} or None
        The library that fits it with focal loss; None: it takes no other loss.
    combines_members : bool
        Whether it is an ensemble of other estimators, its class called with the members.
    scores_are_probabilities : bool
        Whether its scores are probabilities of fraud; if not, they are calibrated by a sigmoid.
    search_space : SearchSpace
        Empty: it cannot be tuned.
    trusted_types : tuple of str
        Types of its fitted model that skops does not trust by default. None of them may run code
        when it is loaded.
    package : str
        The distribution that a stored model needs to be loaded.
    """

    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    scaled: bool = False
    class_weight: Literal["balanced", "scale_pos_weight"] | None = None
    focal_loss: Literal["xgboost", "lightgbm"] | None = None
    combines_members: bool = False
    scores_are_probabilities: bool = True
    search_space: SearchSpace = field(default_factory=dict)
    trusted_types: tuple[str, ...] = ()
    package: str = "scikit-learn"


_BOOSTING: SearchSpace = {
    "learning_rate": FloatRange(0.01, 0.2, log=True),
    "n_estimators": IntegerRange(50, 600, log=True),
    "subsample": FloatRange(0.5, 1.0),
    "colsample_bytree": FloatRange(0.2, 1.0),
    "reg_lambda": FloatRange(0.1, 30, log=True),
}
_TREE = "sklearn.tree._tree.Tree"
_ENSEMBLE = ("sklearn.utils._bunch.Bunch",)


class EstimatorName(StrEnum):
    """The estimators by name, each with its kind.

    Attributes
    ----------
    kind : EstimatorKind

    Examples
    --------
    >>> EstimatorName.mlp.kind.scaled
    True
    """

    kind: EstimatorKind

    def __new__(cls, name: str, kind: EstimatorKind) -> Self:
        """Make a member: its value is the name alone."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.kind = kind
        return member

    xgboost = (
        "xgboost",
        EstimatorKind(
            "xgboost.XGBClassifier",
            arguments={"tree_method": "hist"},
            defaults={
                "learning_rate": 0.05,
                "n_estimators": 250,
                "max_depth": 5,
                "min_child_weight": 5,
                "subsample": 0.8,
                "colsample_bytree": 0.4,
            },
            class_weight="scale_pos_weight",
            focal_loss="xgboost",
            search_space={
                **_BOOSTING,
                "max_depth": IntegerRange(2, 8),
                "min_child_weight": FloatRange(1, 30, log=True),
            },
            trusted_types=("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"),
            package="xgboost-cpu",
        ),
    )
    lightgbm = (
        "lightgbm",
        EstimatorKind(
            "lightgbm.LGBMClassifier",
            arguments={"verbose": -1, "deterministic": True, "force_col_wise": True},
            defaults={
                "learning_rate": 0.05,
                "n_estimators": 250,
                "num_leaves": 15,
                "min_child_samples": 30,
                "subsample": 0.8,
                "subsample_freq": 1,
                "colsample_bytree": 0.4,
            },
            class_weight="balanced",
            focal_loss="lightgbm",
            search_space={
                **_BOOSTING,
                "num_leaves": IntegerRange(4, 63, log=True),
                "min_child_samples": IntegerRange(5, 200, log=True),
            },
            trusted_types=(
                "collections.OrderedDict",
                "lightgbm.basic.Booster",
                "lightgbm.sklearn.LGBMClassifier",
            ),
            package="lightgbm",
        ),
    )
    hist_gradient_boosting = (
        "hist_gradient_boosting",
        EstimatorKind(
            "sklearn.ensemble.HistGradientBoostingClassifier",
            defaults={
                "learning_rate": 0.05,
                "max_iter": 150,
                "max_leaf_nodes": 8,
                "max_features": 0.3,
                # With few frauds, unregularized leaves diverge: one bad step undoes all others.
                "l2_regularization": 10.0,
                "early_stopping": False,
            },
            class_weight="balanced",
            search_space={
                "learning_rate": FloatRange(0.01, 0.2, log=True),
                "max_iter": IntegerRange(50, 500, log=True),
                "max_leaf_nodes": IntegerRange(4, 31, log=True),
                "max_features": FloatRange(0.2, 1.0),
                "l2_regularization": FloatRange(1, 100, log=True),
            },
            trusted_types=("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        ),
    )
    random_forest = (
        "random_forest",
        EstimatorKind(
            "sklearn.ensemble.RandomForestClassifier",
            arguments={"n_jobs": -1},
            defaults={"min_samples_leaf": 3},
            class_weight="balanced",
            search_space={
                "n_estimators": IntegerRange(50, 300, log=True),
                "min_samples_leaf": IntegerRange(1, 30, log=True),
                "max_features": FloatRange(0.1, 0.7),
            },
            trusted_types=(_TREE,),
        ),
    )
    logistic_regression = (
        "logistic_regression",
        EstimatorKind(
            "sklearn.linear_model.LogisticRegression",
            defaults={"max_iter": 1000},
            scaled=True,
            class_weight="balanced",
            search_space={"C": FloatRange(1e-4, 100, log=True)},
        ),
    )
    # The baseline: scikit-learn's own defaults.
    mlp = (
        "mlp",
        EstimatorKind(
            "sklearn.neural_network.MLPClassifier",
            scaled=True,
            search_space={
                "hidden_layer_sizes": EqualLayers((16, 32, 64, 128), most=2),
                "alpha": FloatRange(1e-5, 1, log=True),
                "learning_rate_init": FloatRange(1e-4, 1e-2, log=True),
            },
            trusted_types=(
                "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
                "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
            ),
        ),
    )
    isolation_forest = (
        "isolation_forest",
        EstimatorKind(
            "fraud_assets.training.anomaly.AnomalyClassifier",
            scores_are_probabilities=False,
            trusted_types=("fraud_assets.training.anomaly.AnomalyClassifier", _TREE),
        ),
    )
    soft_voting = (
        "soft_voting",
        EstimatorKind(
            "sklearn.ensemble.VotingClassifier",
            arguments={"voting": "soft"},
            combines_members=True,
            trusted_types=_ENSEMBLE,
        ),
    )
    stacking = (
        "stacking",
        EstimatorKind(
            "sklearn.ensemble.StackingClassifier",
            # Unshuffled folds keep the time order, so that no member predicts rows next to those
            # that it was fitted on.
            arguments={"cv": 3, "stack_method": "predict_proba"},
            combines_members=True,
            trusted_types=_ENSEMBLE,
        ),
    )


SINGLE_ESTIMATORS = tuple(name for name in EstimatorName if not name.kind.combines_members)
"""The estimators that an ensemble may have as members."""
