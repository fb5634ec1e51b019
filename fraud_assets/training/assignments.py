"""The index of assigned splits, so that none has to be opened to know its settings."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from fraud_assets.config.settings import SplitSettings
from fraud_assets.store.files import whole_file

NOT_OF_THE_ASSIGNMENT = "window_batches"
"""The setting that says which batches a model is trained from, not which row is for what."""


class Assignment(BaseModel):
    """Splits that were assigned to a version of a batch.

    Attributes
    ----------
    batch, content_hash : str
    settings : str
        As of `settings_hash`.
    hash_key_id : str or None
        Which key its content keys are hashed with; None: with none, as in old releases.
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

    Returns
    -------
    str

    Examples
    --------
    >>> one, three = SplitSettings(window_batches=1), SplitSettings(window_batches=3)
    >>> settings_hash(one) == settings_hash(three)
    True
    """
    used = settings.model_dump(mode="json", exclude={NOT_OF_THE_ASSIGNMENT})
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


def read_index(path: Path) -> dict[tuple[str, str], Assignment]:
    """Return all assignments by batch and content hash; none when there is no index yet.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of (str, str) to Assignment
    """
    if not path.exists():
        return {}
    found = _entries.validate_json(path.read_bytes())
    return {(entry.batch, entry.content_hash): entry for entry in found}


def note(path: Path, assignment: Assignment) -> None:
    """Put an assignment into the index, in place of an earlier one of the same version.

    Parameters
    ----------
    path : Path
    assignment : Assignment
    """
    index = read_index(path) | {(assignment.batch, assignment.content_hash): assignment}
    with whole_file(path) as file:
        file.write(_entries.dump_json(list(index.values()), indent=1))
