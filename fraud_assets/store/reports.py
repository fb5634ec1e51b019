"""JSON reports and the files beside them, by batch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fraud_assets.store import object_store
from fraud_assets.store.files import write_atomically
from fraud_assets.store.paths import report_folder, report_path


def save_report(asset: str, batch: str, report: Mapping[str, Any]) -> Path:
    """Keep an asset's report about a batch; return its local path.

    Parameters
    ----------
    asset, batch : str
    report : mapping

    Returns
    -------
    Path
    """
    return write_report_file(batch, f"{asset}.json", to_json(report))


def find_report(asset: str, batch: str) -> dict[str, Any] | None:
    """Return an asset's latest report about a batch; None when there is none.

    Parameters
    ----------
    asset, batch : str

    Returns
    -------
    dict or None
    """
    report: dict[str, Any] | None = read_json(latest(report_path(asset, batch)))
    return report


def write_report_file(batch: str, name: str, content: str | bytes) -> Path:
    """Write a file into a batch's report folder, and into the store; return its local path.

    Parameters
    ----------
    batch, name : str
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    Path
    """
    path = report_folder(batch) / name
    write_atomically(path, content)
    object_store.push(path)
    return path


def find_report_file(batch: str, name: str) -> Path | None:
    """Return a file beside a batch's reports; None when there is none.

    Parameters
    ----------
    batch, name : str

    Returns
    -------
    Path or None
    """
    path = latest(report_folder(batch) / name)
    return path if path.exists() else None


def latest(path: Path) -> Path:
    """Return a file's local path, after the store's version was copied there, if it has one.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
    """
    object_store.pull(path)
    return path


def read_json(path: Path) -> Any:
    """Read a JSON file; None when there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def to_json(value: Any) -> str:
    """Return readable JSON with sorted keys, the same text for the same value."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
