"""Finds the earlier batches that a model is trained from, and the splits assigned before."""

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.settings import SplitSettings
from fraud_assets.platform.masking import masking
from fraud_assets.records.batches import Splits
from fraud_assets.store import object_store, paths, reports, tables
from fraud_assets.text import named
from fraud_assets.training import assignments
from fraud_assets.training.splits import Assigned
from fraud_assets.training.window import Member


def member(features: tables.FeatureTable, splits: tables.SplitTable) -> Member:
    """Return a batch as a member of a window.

    Parameters
    ----------
    features : FeatureTable
        The features of the batch.
    splits : SplitTable
        Of the same batch.

    Returns
    -------
    Member

    Raises
    ------
    AnotherKeyError
        When the content keys were hashed with another key than the present one.

    See Also
    --------
    window_of : all members of a window.
    """
    return Member(
        features.facts.batch,
        features.path,
        splits.path,
        features.facts.roles,
        features.facts.kinds,
        _is_keyed(splits.facts.batch, splits.facts.hash_key_id),
    )


def _is_keyed(batch: str, key_id: str | None) -> bool:
    if key_id is not None:
        masking().require(key_id, f"the rows of batch {named(batch)}")
    return key_id is not None


def window_before(
    catalog: BatchCatalog, features: tables.FeatureTable, window_batches: int | None
) -> list[Member]:
    """Return the earlier batches that a batch's model is trained from.

    Parameters
    ----------
    catalog : BatchCatalog
        The batches that were accepted, and their tables.
    features : FeatureTable
        Of the batch itself.
    window_batches : int or None
        Batches of the window, the batch itself included; None: all.

    Returns
    -------
    list of Member
        Oldest first: accepted batches that are not excluded, and have splits and every feature of
        this one.

    See Also
    --------
    window_of : the window that the splits recorded.
    """
    needed = set(features.facts.features)
    most = None if window_batches is None else window_batches - 1
    members: list[Member] = []
    # Newest first, so that no more batches are read than the window holds.
    for earlier in reversed(catalog.usable(features.facts.batch)):
        if most is not None and len(members) >= most:
            break
        if tables.has_table("splits", earlier.batch, earlier.content_hash):
            table = tables.load_table(tables.FeatureTable, earlier.batch, earlier.content_hash)
            if needed <= set(table.facts.features):
                splits = tables.load_table(tables.SplitTable, earlier.batch, earlier.content_hash)
                members.append(member(table, splits))
    return members[::-1]


def window_of(splits: tables.SplitTable) -> list[Member]:
    """Return the window of a batch as its splits recorded it.

    Parameters
    ----------
    splits : SplitTable
        The splits of the batch and their facts.

    Returns
    -------
    list of Member
        Oldest first; the last is the batch itself.

    See Also
    --------
    window_before : chooses the window when the splits are assigned.
    """
    return [
        member(
            tables.load_table(tables.FeatureTable, batch, content_hash),
            tables.load_table(tables.SplitTable, batch, content_hash),
        )
        for batch, content_hash in splits.facts.window
    ]


def earlier_splits(catalog: BatchCatalog, batch: str, settings: SplitSettings) -> list[Assigned]:
    """Return the splits assigned before under the same settings, this batch's own included.

    Parameters
    ----------
    catalog : BatchCatalog
        The batches that were accepted, and their tables.
    batch : str
        Name of the batch (partition key).
    settings : SplitSettings
        How rows are split, and how many batches the window has.

    Returns
    -------
    list of Assigned
        Oldest batch first. A row whose content occurs in them keeps its split.

    See Also
    --------
    note_assignment : writes the index.
    """
    wanted = assignments.settings_hash(settings)
    index = assignments.read_index(reports.latest(paths.assignments_path()))
    assigned = []
    for earlier in [*(b.batch for b in catalog.earlier(batch)), batch]:
        for content_hash in tables.versions("splits", earlier):
            noted = index.get((earlier, content_hash))
            if noted is None:  # written by a release that kept no index
                table = tables.load_table(tables.SplitTable, earlier, content_hash)
                noted = assignment_of(table.facts)
            if noted.settings == wanted:
                path = tables.rows_path("splits", earlier, content_hash)
                assigned.append(Assigned(path, _is_keyed(earlier, noted.hash_key_id)))
    return assigned


def note_assignment(splits: Splits) -> None:
    """Add the splits of a batch to the index of assignments.

    Parameters
    ----------
    splits : Splits
        The splits of the batch and their window.

    See Also
    --------
    earlier_splits : reads the index.
    """
    assignments.note(paths.assignments_path(), assignment_of(splits))
    object_store.push(paths.assignments_path())


def assignment_of(splits: Splits) -> assignments.Assignment:
    """Return the entry of splits in the index of assignments.

    Parameters
    ----------
    splits : Splits
        The splits of the batch and their window.

    Returns
    -------
    Assignment

    See Also
    --------
    note_assignment : writes it to the index.
    """
    return assignments.Assignment(
        batch=splits.batch,
        content_hash=splits.content_hash,
        settings=assignments.settings_hash(splits.settings),
        hash_key_id=splits.hash_key_id,
    )
