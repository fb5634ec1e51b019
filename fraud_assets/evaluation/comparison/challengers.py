"""Which challengers are compared on which batches, and how each is trained."""

from collections.abc import Mapping, Sequence

import duckdb

from fraud_assets.config.settings import ChallengerSettings, TrainingSettings
from fraud_assets.records.batches import Splits
from fraud_assets.training.splits import TRAIN, VALIDATION
from fraud_assets.training.train import FittedModel, train, validation_days
from fraud_assets.training.tuned import with_tuned
from fraud_assets.training.window import Member, load_rows

LAST_BATCHES = 3
"""How many batches are compared on by default."""


def choose_reference(challengers: Mapping[str, ChallengerSettings], requested: str | None) -> str:
    """Return the challenger that the others are compared with.

    Parameters
    ----------
    challengers : mapping of str to ChallengerSettings
        By name.
    requested : str or None
        None: the first one.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    ValueError
        When it is none of the challengers.

    See Also
    --------
    choose_batches : chooses the batches.

    Examples
    --------
    >>> choose_reference({"trees": ChallengerSettings(), "linear": ChallengerSettings()}, None)
    'trees'
    """
    reference = requested or next(iter(challengers), "")
    if reference not in challengers:
        raise ValueError(f"reference {reference!r} is none of the challengers {list(challengers)}")
    return reference


def choose_batches(known: Mapping[str, str], requested: Sequence[str]) -> list[tuple[str, str]]:
    """Return the batches to compare on.

    Parameters
    ----------
    known : mapping of str to str
        Content hash of each batch that has splits, in the order of arrival.
    requested : sequence of str
        Empty: the last `LAST_BATCHES`.

    Returns
    -------
    list of (str, str)
        Batch and content hash, in the order of arrival.

    Raises
    ------
    ValueError
        When one of them has no splits, or no batch has.

    See Also
    --------
    choose_reference : chooses the reference.

    Examples
    --------
    >>> choose_batches({"may": "a", "june": "b"}, ["june"])
    [('june', 'b')]
    """
    missing = [batch for batch in requested if batch not in known]
    if missing or not known:
        raise ValueError(
            f"batches: {', '.join(missing) or 'none'} has splits; there are "
            f"{', '.join(known) or 'no batches yet: drop a CSV first'}"
        )
    chosen = [batch for batch in known if batch in requested] or list(known)[-LAST_BATCHES:]
    return [(batch, known[batch]) for batch in chosen]


def train_challenger(
    challenger: ChallengerSettings,
    splits: Splits,
    members: Sequence[Member],
    columns: Sequence[str],
    connection: duckdb.DuckDBPyConnection,
) -> FittedModel:
    """Train a challenger for a past batch, on what was known then.

    Parameters
    ----------
    challenger : ChallengerSettings
        Training settings, and the length of the window.
    splits : Splits
        The splits of the batch.
    members : sequence of Member
        The window of the batch, oldest first.
    columns : sequence of str
        Features of the batch.
    connection : duckdb.DuckDBPyConnection
        Connection that may read features and splits.

    Returns
    -------
    FittedModel

    See Also
    --------
    fraud_assets.training.train.train : trains on loaded rows.
    """
    window = members[-(challenger.window_batches or len(members)) :]
    fitting, validation = (
        load_rows(connection, window, split, columns, splits.test_start)
        for split in (TRAIN, VALIDATION)
    )
    own = challenger.model_dump(exclude={"version", "window_batches"})
    settings, _ = with_tuned(TrainingSettings(**own))
    days = validation_days(splits.settings, splits.mode, fitting, validation)
    return train(fitting, validation, columns, settings, days)
