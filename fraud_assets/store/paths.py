"""Paths of the files below `FRAUD_HOME`."""

import re
from pathlib import Path

from fraud_assets.config import environment
from fraud_assets.store.files import PRIVATE_FOLDER, SHARED_FOLDER, private_folder
from fraud_assets.text import named

CONTENT_HASH = re.compile(r"[0-9A-Za-z]{1,64}")
"""The name of a version's folder; this release writes SHA-256 only."""


def report_folder(batch: str) -> Path:
    """Return the folder of a batch's reports; it is created if it is missing.

    Parameters
    ----------
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        When the batch's name cannot be the name of a folder.

    See Also
    --------
    report_path : the file of one report.
    """
    return made_folder(reports_folder() / plain_name(batch))


def reports_folder() -> Path:
    """Return the folder of all reports.

    Returns
    -------
    Path
        It may not exist yet.
    """
    return environment.home_folder() / "reports"


def report_path(asset: str, batch: str) -> Path:
    """Return the JSON file that holds an asset's report about a batch.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `drift_report`.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Path
        In the batch's report folder, which is created if it is missing.

    Raises
    ------
    ValueError
        When the batch's name cannot be the name of a folder.
    """
    return report_folder(batch) / f"{asset}.json"


def assignments_path() -> Path:
    """Return the file of all assigned splits.

    Returns
    -------
    Path
        Its folder is created if it is missing.
    """
    return made_folder(environment.home_folder() / "training") / "assignments.json"


def rejected_path(batch: str) -> Path:
    """Return the CSV that holds a batch's rejected rows.

    Parameters
    ----------
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Path
        Its folder is created if it is missing.

    Raises
    ------
    ValueError
        When the batch's name cannot be the name of a folder.
    """
    return made_folder(environment.home_folder() / "rejected") / f"{plain_name(batch)}.csv"


def metrics_folder() -> Path:
    """Return the folder of the OpenMetrics textfiles, which other accounts can read.

    Returns
    -------
    Path
        Created if it is missing.
    """
    return made_folder(environment.home_folder() / "metrics", SHARED_FOLDER)


def decisions_path() -> Path:
    """Return the append-only log of promotion decisions.

    Returns
    -------
    Path
        Its folder is created if it is missing.
    """
    return made_folder(environment.home_folder() / "registry") / "decisions.jsonl"


def alerts_path() -> Path:
    """Return the file that records which messages were sent.

    Returns
    -------
    Path
        Its folder is created if it is missing.
    """
    return made_folder(environment.home_folder() / "alerts") / "sent.txt"


def ledger_path() -> Path:
    """Return the SQLite file with the state of every landed file.

    Returns
    -------
    Path
        Its folder is created if it is missing.
    """
    return made_folder(environment.home_folder() / "intake") / "files.sqlite"


def tuning_folder() -> Path:
    """Return the folder of the tuning studies and the best parameters by estimator.

    Returns
    -------
    Path
        Created if it is missing.
    """
    return made_folder(environment.home_folder() / "tuning")


def comparison_folder() -> Path:
    """Return the folder of the comparison of challengers.

    Returns
    -------
    Path
        Created if it is missing.
    """
    return made_folder(reports_folder() / "comparison")


def plain_name(batch: str) -> str:
    """Return a batch as the name of a folder or file.

    Parameters
    ----------
    batch : str
        Name of a batch, as Dagster's partition.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    ValueError
        When the path would leave its folder; anyone can add a partition in the UI.

    See Also
    --------
    version_name : checks a content hash in the same way.

    Examples
    --------
    >>> plain_name("transactions 2026-06")
    'transactions 2026-06'
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

    Parameters
    ----------
    content_hash : str
        SHA-256 of the CSV that the rows came from, in hexadecimal.

    Returns
    -------
    str
        The same hash.

    Raises
    ------
    ValueError
        When it is not one: content hashes are also read from events and files that a person can
        write.

    See Also
    --------
    plain_name : checks the name of a batch in the same way.
    """
    if not CONTENT_HASH.fullmatch(content_hash):
        raise ValueError(
            f"{named(content_hash[:80])} is not a content hash; materialize the batch again from "
            "its file"
        )
    return content_hash


def made_folder(folder: Path, mode: int = PRIVATE_FOLDER) -> Path:
    """Return a folder below `FRAUD_HOME`; it is created with these permissions if missing.

    Parameters
    ----------
    folder : Path
        Must be below `FRAUD_HOME`.
    mode : int, optional
        Permissions of the folder; default: only its owner can enter it.

    Returns
    -------
    Path
        The same folder.

    Raises
    ------
    ValueError
        When the folder is not below `FRAUD_HOME`.

    See Also
    --------
    fraud_assets.store.files.private_folder : for other places.
    """
    return private_folder(folder, environment.home_folder(), mode)


def tables_folder(asset: str, batch: str) -> Path:
    """Return the folder that holds all versions of an asset's table for a batch.

    Parameters
    ----------
    asset : str
        Name of the asset, such as `features`.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    Path
        It may not exist yet.

    Raises
    ------
    ValueError
        When the batch's name cannot be the name of a folder.

    See Also
    --------
    folders_of : the folders of all assets.
    """
    return environment.home_folder() / "tables" / asset / plain_name(batch)


def table_assets() -> list[str]:
    """Return the names of the assets with tables.

    Returns
    -------
    list of str
        Sorted; assets that have a table of any batch.
    """
    return sorted(folder.name for folder in (environment.home_folder() / "tables").glob("*"))


def folders_of(batch: str) -> list[Path]:
    """Return the folders of a batch's tables and reports, also of versions that are not current.

    Parameters
    ----------
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    list of Path
        The report folder is the last.

    See Also
    --------
    tables_folder : the folder of one asset.
    """
    return [*(tables_folder(asset, batch) for asset in table_assets()), report_folder(batch)]
