"""Calls the function of an asset without Dagster, and stands in for what it reads."""

from types import SimpleNamespace
from typing import Any

import dagster as dg


def call(asset: dg.AssetsDefinition, **inputs: Any) -> Any:
    """Return what an asset's function returns for these inputs, resources and configuration."""
    return asset.op.compute_fn.decorated_fn(**inputs)


def context(batch: str, instance: dg.DagsterInstance | None = None, **tags: str) -> SimpleNamespace:
    """What an asset's function reads of its context, for a run with these tags."""
    run = SimpleNamespace(run_id="1", job_name="fraud_pipeline", tags=tags)
    log = dg.get_dagster_logger()
    return SimpleNamespace(partition_key=batch, instance=instance, run=run, run_id="1", log=log)


class RecordingTracking:
    """Stands in for MLflow: keeps what is logged, by method."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: dict[str, list[tuple[Any, ...]]] = {}

    def __getattr__(self, method: str) -> Any:
        def called(*arguments: Any) -> Any:
            self.calls.setdefault(method, []).append(arguments)
            answer = self.answers.get(method)
            return answer(*arguments) if callable(answer) else answer

        return called
