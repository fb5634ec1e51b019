"""The one Definitions object; nothing else assembles anything."""

from collections.abc import Iterator
from types import ModuleType

import dagster as dg

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config import names
from fraud_assets.drift import assets as drift
from fraud_assets.drift import checks as drift_checks
from fraud_assets.drift.sensors import drift_retraining
from fraud_assets.evaluation import assets as evaluation
from fraud_assets.evaluation import checks as evaluation_checks
from fraud_assets.evaluation.comparison import assets as comparison
from fraud_assets.features import assets as features
from fraud_assets.features import checks as features_checks
from fraud_assets.intake import assets as intake
from fraud_assets.intake import checks as intake_checks
from fraud_assets.intake import partitions
from fraud_assets.intake.sensors import csv_landing
from fraud_assets.monitoring import assets as monitoring
from fraud_assets.monitoring import checks as monitoring_checks
from fraud_assets.monitoring.resources import Pushgateway
from fraud_assets.monitoring.sensors import fraud_alerts
from fraud_assets.platform.outages import retry_after_outage
from fraud_assets.platform.resources import (
    PromotionPolicy,
    RunLock,
    from_environment,
    number_from_environment,
)
from fraud_assets.registry import assets as registry
from fraud_assets.registry import checks as registry_checks
from fraud_assets.scoring import assets as scoring
from fraud_assets.scoring import checks as scoring_checks
from fraud_assets.store.io_managers import NoOutputIOManager, ReportIOManager, TableIOManager
from fraud_assets.store.resources import Engine, Storage
from fraud_assets.tracking import Tracking
from fraud_assets.training import assets as training
from fraud_assets.training import checks as training_checks

OWNERS = ["team:fraud-platform"]

ASSETS = (
    partitions,
    intake,
    features,
    training,
    evaluation,
    comparison,
    drift,
    registry,
    scoring,
    monitoring,
)
CHECKS = (
    intake_checks,
    features_checks,
    training_checks,
    evaluation_checks,
    drift_checks,
    registry_checks,
    scoring_checks,
    monitoring_checks,
)

BY_HAND = ("simulated_transactions", "tuned_parameters", "comparison_report", "manual_decision")
"""Assets that a person materializes when wanted; no batch needs them."""

# A process per step costs 3 s a step, for steps of which most take less.
in_one_process = dg.in_process_executor

fraud_pipeline = dg.define_asset_job(
    names.JOB_NAME,
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.assets(*BY_HAND)
    - dg.AssetSelection.checks_for_assets("accepted_batches"),
    description="A batch from its CSV to the verdict, the decision and the published figures.",
    executor_def=in_one_process,
    hooks={retry_after_outage},
)

run_lock = RunLock()
storage = Storage(
    object_store=from_environment("FRAUD_OBJECT_STORE"),
)


def described(module: ModuleType) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    """Yield the assets of a module with what all assets have: owners, and the folder as group.

    Parameters
    ----------
    module : module
        `assets.py` or `partitions.py` of a folder, or of a folder in it. It names assets of other
        folders by key only.
    """
    group = module.__name__.split(".")[1]
    for asset in dg.load_assets_from_modules([module], include_specs=True):
        assert isinstance(asset, dg.AssetsDefinition | dg.AssetSpec)
        yield from dg.map_asset_specs(
            lambda spec: spec.replace_attributes(group_name=group, owners=OWNERS), [asset]
        )


defs = dg.Definitions(
    assets=[asset for module in ASSETS for asset in described(module)],
    asset_checks=dg.load_asset_checks_from_modules(CHECKS),
    jobs=[fraud_pipeline],
    sensors=[csv_landing, drift_retraining, fraud_alerts],
    executor=in_one_process,
    resources={
        "engine": Engine(
            memory_limit=from_environment("FRAUD_MEMORY_LIMIT", "1GB"),
            feature_engine=from_environment("FRAUD_ENGINE"),
        ),
        "catalog": BatchCatalog(kept_versions=number_from_environment("FRAUD_KEEP_VERSIONS")),
        "tracking": Tracking(
            tracking_uri=from_environment("MLFLOW_TRACKING_URI"),
            ui_url=from_environment("MLFLOW_UI_URL"),
        ),
        "pushgateway": Pushgateway(url=from_environment("PROMETHEUS_PUSHGATEWAY_URL")),
        "policy": PromotionPolicy(
            promotion=from_environment("FRAUD_PROMOTION"),
            implausible_batches=from_environment("FRAUD_IMPLAUSIBLE_BATCHES"),
        ),
        "run_lock": run_lock,
        "storage": storage,
        "tables": TableIOManager(run_lock=run_lock, storage=storage),
        "reports": ReportIOManager(run_lock=run_lock, storage=storage),
        "io_manager": NoOutputIOManager(run_lock=run_lock, storage=storage),
    },
)
