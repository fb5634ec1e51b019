"""A snapshot of the asset graph, as the Dagster UI shows it.

`python -m fraud_assets_tests.asset_graph` writes it to `asset_graph.json` next to this module.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from fraud_assets.definitions import defs

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m fraud_assets_tests.asset_graph"


def snapshot() -> dict[str, Any]:
    """Return what the definitions say about each asset, check, job and sensor."""
    graph = defs.resolve_asset_graph()
    job = defs.resolve_job_def("fraud_pipeline")
    return {
        "renew": f"this file is written by {COMMAND}; commit it when the change is wanted",
        "assets": {
            key.to_user_string(): _asset(graph.get(key))
            for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}:{key.name}": _check(graph.get(key))
            for key in sorted(graph.asset_check_keys)
        },
        "fraud_pipeline": sorted(
            key.to_user_string() for key in job.asset_layer.executable_asset_keys
        ),
        "sensors": sorted(sensor.name for sensor in defs.sensors or ()),
    }


def to_text() -> str:
    """Return the snapshot as JSON."""
    return json.dumps(snapshot(), indent=1, sort_keys=True) + "\n"


def _asset(node: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "group": node.group_name,
        "parents": sorted(key.to_user_string() for key in node.parent_keys),
        "owners": sorted(node.owners),
        "kinds": sorted(node.kinds),
        "code_version": node.code_version,
        "partitions": _partitions(node),
        "materializable": node.is_materializable,
    }
    if node.is_materializable:
        described["io_manager"] = node.assets_def.get_io_manager_key_for_asset_key(node.key)
    return described


def _check(node: Any) -> dict[str, Any]:
    return {"blocking": node.blocking, "partitions": _partitions(node)}


def _partitions(node: Any) -> str | None:
    partitions: dg.PartitionsDefinition[Any] | None = node.partitions_def
    return None if partitions is None else getattr(partitions, "name", type(partitions).__name__)


if __name__ == "__main__":
    FILE.write_text(to_text())
