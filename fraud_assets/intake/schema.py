"""Schemas of batches: their fingerprint, and what changed from one to another."""

import hashlib
from collections.abc import Mapping

from fraud_assets.text import named


def schema_fingerprint(kinds: Mapping[str, str]) -> str:
    """Return a hash of the columns, their kinds and their order.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each column, in order.

    Returns
    -------
    str
        16 hexadecimal digits.

    See Also
    --------
    schema_changes : what changed, in words.

    Examples
    --------
    >>> len(schema_fingerprint({"a": "DOUBLE"}))
    16
    """
    return hashlib.sha256(repr(list(kinds.items())).encode()).hexdigest()[:16]


def schema_changes(kinds: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Return the changes of a schema that a model trained on an earlier schema cannot handle.

    New columns and another order do not matter: models select columns by name.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each column of a batch.
    before : mapping of str to str
        The same for the batch that the model was trained on.

    Returns
    -------
    list of str
        One phrase per change; empty when each earlier column is still there, of the same kind.

    See Also
    --------
    schema_fingerprint : tells quickly whether anything changed.

    Examples
    --------
    >>> schema_changes({"b": "DOUBLE"}, {"a": "DOUBLE", "b": "VARCHAR"})
    ["column 'a' is missing", "column 'b' was VARCHAR and is DOUBLE"]
    """
    missing = [f"column {named(name)} is missing" for name in before if name not in kinds]
    return missing + [
        f"column {named(name)} was {before[name]} and is {kind}"
        for name, kind in kinds.items()
        if name in before and before[name] != kind
    ]
