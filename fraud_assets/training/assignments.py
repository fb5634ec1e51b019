"""The index of assigned splits, so that the settings of each are known without opening it."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from fraud_assets.config.settings import SplitSettings
from fraud_assets.store.files import whole_file

WINDOW_SETTING = "window_batches"
"""The setting that chooses the batches that a model is trained from, and assigns no row."""


class Assignment(BaseModel):
    """Splits that were assigned to a version of a batch.

    Attributes
    ----------
    batch, content_hash : str
    settings : str
        As of `settings_hash`.
    hash_key_id : str or None
        The key that its content keys are hashed with; None: hashed without a key, as in old
        releases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: str
    content_hash: str
    settings: str
    hash_key_id: str | None


_entries = TypeAdapter(list[Assignment])


def settings_hash(settings: SplitSettings) -> str:
    """Return the SHA-256 of what an assignment depends on, in hexadecimal.

    Parameters
    ----------
    settings : SplitSettings
        How rows are split, and how many batches the window has.

    Returns
    -------
    str
        64 hexadecimal digits.

    See Also
    --------
    Assignment : keeps the hash.

    Examples
    --------
    >>> one, three = SplitSettings(window_batches=1), SplitSettings(window_batches=3)
    >>> settings_hash(one) == settings_hash(three)
    True
    """
    used = settings.model_dump(mode="json", exclude={WINDOW_SETTING})
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


def read_index(path: Path) -> dict[tuple[str, str], Assignment]:
    """Return all assignments by batch and content hash.

    Parameters
    ----------
    path : Path
        The index file; it need not exist.

    Returns
    -------
    dict of (str, str) to Assignment
        Empty when there is no index yet.

    See Also
    --------
    note : adds an assignment.
    """
    if not path.exists():
        return {}
    entries = _entries.validate_json(path.read_bytes())
    return {(entry.batch, entry.content_hash): entry for entry in entries}


def note(path: Path, assignment: Assignment) -> None:
    """Add an assignment to the index, replacing an earlier one of the same version.

    Parameters
    ----------
    path : Path
        The index file; created if it does not exist.
    assignment : Assignment
        The assignment to add.

    See Also
    --------
    read_index : reads the index.
    """
    index = read_index(path) | {(assignment.batch, assignment.content_hash): assignment}
    with whole_file(path) as file:
        file.write(_entries.dump_json(list(index.values()), indent=1))
