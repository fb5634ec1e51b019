"""Paths of the files below `FRAUD_HOME`."""

import re
from pathlib import Path

from fraud_assets.config import environment
from fraud_assets.store.files import PRIVATE_FOLDER, SHARED_FOLDER, private_folder
from fraud_assets.text import named

CONTENT_HASH = re.compile(r"[0-9A-Za-z]{1,64}")
"""The name of a version's folder; this release writes SHA-256 only."""


def report_folder(batch: str) -> Path:
    """Return the folder of a batch's reports; it is created if it is missing."""
    return made_folder(reports_folder() / plain_name(batch))


def reports_folder() -> Path:
    """Return the folder of all reports."""
    return environment.home_folder() / "reports"


def report_path(asset: str, batch: str) -> Path:
    """Return the JSON file that holds an asset's report about a batch."""
    return report_folder(batch) / f"{asset}.json"


def assignments_path() -> Path:
    """Return the file of all assigned splits."""
    return made_folder(environment.home_folder() / "training") / "assignments.json"


def rejected_path(batch: str) -> Path:
    """Return the CSV that holds a batch's rejected rows."""
    return made_folder(environment.home_folder() / "rejected") / f"{plain_name(batch)}.csv"


def metrics_folder() -> Path:
    """Return the folder of the OpenMetrics textfiles, which other accounts can read."""
    return made_folder(environment.home_folder() / "metrics", SHARED_FOLDER)


def decisions_path() -> Path:
    """Return the append-only log of promotion decisions."""
    return made_folder(environment.home_folder() / "registry") / "decisions.jsonl"


def alerts_path() -> Path:
    """Return the file that records which messages were sent."""
    return made_folder(environment.home_folder() / "alerts") / "sent.txt"


def ledger_path() -> Path:
    """Return the SQLite file with the state of every landed file."""
    return made_folder(environment.home_folder() / "intake") / "files.sqlite"


def tuning_folder() -> Path:
    """Return the folder of the tuning studies and the best parameters by estimator."""
    return made_folder(environment.home_folder() / "tuning")


def comparison_folder() -> Path:
    """Return the folder of the comparison of challengers."""
    return made_folder(reports_folder() / "comparison")


def plain_name(batch: str) -> str:
    """Return a batch as the name of a folder or file.

    Raises
    ------
    ValueError
        When the path would leave its folder; a person can add any partition by hand.
    """
    if batch in ("", ".", "..") or set(batch) & set("/\\\0") or not _is_unicode(batch):
        raise ValueError(
            f"{named(batch)} cannot be a batch, because it cannot name a folder; delete this "
            "partition, and drop a file whose name has no slash and no backslash"
        )
    return batch


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def version_name(content_hash: str) -> str:
    """Return a content hash as the name of a folder.

    Raises
    ------
    ValueError
        When it is not one: content hashes are also read from events and files that a person can
        write.
    """
    if not CONTENT_HASH.fullmatch(content_hash):
        raise ValueError(
            f"{named(content_hash[:80])} is not a content hash; materialize the batch again from "
            "its file"
        )
    return content_hash


def made_folder(folder: Path, mode: int = PRIVATE_FOLDER) -> Path:
    """Return a folder below `FRAUD_HOME`; it is created with these permissions if missing."""
    return private_folder(folder, environment.home_folder(), mode)


def tables_folder(asset: str, batch: str) -> Path:
    """Return the folder that holds all versions of an asset's table for a batch."""
    return environment.home_folder() / "tables" / asset / plain_name(batch)


def table_assets() -> list[str]:
    """Return the names of the assets with tables."""
    return sorted(folder.name for folder in (environment.home_folder() / "tables").glob("*"))


def folders_of(batch: str) -> list[Path]:
    """Return the folders of a batch's tables and reports, also of versions that are not current.

    Parameters
    ----------
    batch : str

    Returns
    -------
    list of Path
    """
    return [*(tables_folder(asset, batch) for asset in table_assets()), report_folder(batch)]
