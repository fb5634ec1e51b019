"""JSON reports and the files next to them, by batch."""

import json
from pathlib import Path
from typing import Any, TypeVar

from fraud_assets.records.base import Report
from fraud_assets.records.decisions import RegisteredModel
from fraud_assets.records.drift import DriftReport
from fraud_assets.records.evaluation import EvaluationReport
from fraud_assets.records.models import ReferenceProfile, TrainedModel, TunedParameters
from fraud_assets.records.published import PublishedDrift, PublishedMetrics
from fraud_assets.records.scoring import ScoredTransactions
from fraud_assets.store import object_store
from fraud_assets.store.files import write_atomically
from fraud_assets.store.paths import report_folder, report_path

R = TypeVar("R", bound=Report)

REPORTS: dict[str, type[Report]] = {
    report.ASSET: report
    for report in (
        *(TunedParameters, TrainedModel, ReferenceProfile, EvaluationReport, RegisteredModel),
        *(PublishedDrift, PublishedMetrics),
        *(DriftReport, ScoredTransactions),
    )
}
"""The reports by asset; a new one is an entry here."""


def save_report(batch: str, report: Report) -> Path:
    """Store an asset's report about a batch.

    Parameters
    ----------
    batch : str
        Name of the batch, which is its partition.
    report : Report
        Its class determines the name of the file.

    Returns
    -------
    Path
        Local path of the file.

    See Also
    --------
    find_report : reads it back.
    """
    return write_report_file(batch, f"{report.ASSET}.json", report.to_json())


def find_report(kind: type[R], batch: str) -> R | None:
    """Return an asset's latest report about a batch; None when there is none.

    Parameters
    ----------
    kind : type of Report
        The report of which asset, such as `TrainedModel`.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Report or None

    Raises
    ------
    ValueError
        When the file is not in this release's format.

    See Also
    --------
    save_report : stores one.
    """
    path = latest(report_path(kind.ASSET, batch))
    return kind.from_json(path.read_bytes(), str(path)) if path.exists() else None


def write_report_file(batch: str, name: str, content: str | bytes) -> Path:
    """Write a file into a batch's report folder, and into the object store if there is one.

    Parameters
    ----------
    batch, name : str
        Name of the batch, and of the file in its report folder.
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    Path
        Local path of the file.

    See Also
    --------
    find_report_file : finds it again.
    """
    path = report_folder(batch) / name
    write_atomically(path, content)
    object_store.push(path)
    return path


def find_report_file(batch: str, name: str) -> Path | None:
    """Return a file next to a batch's reports; None when there is none.

    Parameters
    ----------
    batch, name : str
        Name of the batch, and of the file in its report folder.

    Returns
    -------
    Path or None
        Local path of the latest version.

    See Also
    --------
    write_report_file : writes one.
    """
    path = latest(report_folder(batch) / name)
    return path if path.exists() else None


def latest(path: Path) -> Path:
    """Return a file's local path, after copying the object store's version there, if any.

    Parameters
    ----------
    path : Path
        Local path, below `FRAUD_HOME`.

    Returns
    -------
    Path
        The same path; the file may be missing.
    """
    object_store.pull(path)
    return path


def read_json(path: Path) -> Any:
    """Read a JSON file; None when there is none.

    Parameters
    ----------
    path : Path
        A UTF-8 file; it may be missing.

    Returns
    -------
    object
        The parsed value; None when there is no file.

    Raises
    ------
    json.JSONDecodeError
        When the file does not hold JSON.

    See Also
    --------
    find_report : reads a typed report.
    """
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
