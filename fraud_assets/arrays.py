"""What functions on arrays accept: one check and one conversion for all of them.

Rows are matched by position, as in NumPy and scikit-learn: the index of a Series or DataFrame is
ignored. Anything that could be read in two ways is refused, with the name of the argument and what
to pass instead.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = Literal["label", "flag", "number", "probability", "weight", "value", "text"]
"""What an argument holds, one for each row.

`label`: 0 or 1; `flag`: True or False; `number`: finite; `probability`: between 0 and 1; `weight`:
finite, and not negative; `value`: a number that may be missing or infinite; `text`: any object.
"""
WORDS: dict[Kind, str] = {
    "label": "0 (genuine) or 1 (fraud) in every row",
    "flag": "True or False in every row",
    "number": "a finite number in every row",
    "probability": "a number between 0 and 1 in every row",
    "weight": "a finite number of at least 0 in every row",
    "value": "numbers",
    "text": "one value for each row",
}


def as_array(
    name: str, values: ArrayLike, kind: Kind, rows: int | None = None, dimensions: int = 1
) -> NDArray[Any]:
    """Return an argument of a function as an array, or refuse it.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    values : array-like
        Array, Series (whatever its index), list or tuple; a DataFrame for two dimensions. Of any
        type that holds such values exactly: booleans, integers, floats, nullable types of pandas,
        numbers in an array of objects.
    kind : {"label", "flag", "number", "probability", "weight", "value", "text"}
        What it has to hold, as of `Kind`.
    rows : int, optional
        How many rows the other arguments have.
    dimensions : {1, 2}, optional
        2 for a table of rows and columns.

    Returns
    -------
    ndarray
        Of int64 for labels, bool for flags, object for texts, else float64. It may share memory
        with `values`, so it is for reading only.

    Raises
    ------
    ValueError
        When shape, number of rows, type or values do not fit. The message names the argument, its
        shape and its type, not the values.

    Examples
    --------
    >>> import pandas as pd
    >>> as_array("labels", pd.Series([True, False], index=["b", "a"]), "label")
    array([1, 0])
    >>> as_array("labels", [1, 0], "label", rows=3)
    Traceback (most recent call last):
        ...
    ValueError: labels has 2 rows (list) and the other arguments have 3; pass the same rows
    """
    given = _described(values)
    array = _raw(values)
    if array is None or array.ndim != dimensions:
        wanted = "one value for each row" if dimensions == 1 else "rows and columns"
        shape = "of unequal lengths" if array is None else f"of shape {array.shape}"
        raise ValueError(
            f"{name} is {shape} ({given}) and must have {wanted}; pass a plain array, such as "
            + ("frame['column']" if dimensions == 1 else "frame[columns]")
        )
    if rows is not None and len(array) != rows:
        raise ValueError(
            f"{name} has {len(array)} rows ({given}) and the other arguments have {rows}; pass the "
            "same rows"
        )
    if kind == "text":
        return array.astype(object, copy=False)
    numbers = _numbers(array)
    if numbers is None or not _fits(numbers, kind):
        raise ValueError(
            f"{name} ({len(array)} rows, {given}) must hold {WORDS[kind]}; convert the values, and "
            "drop or fill rows where they are missing"
        )
    if kind == "label":
        return numbers.astype(np.int64)
    return numbers.astype(bool) if kind == "flag" else numbers


def _described(values: Any) -> str:
    """Return type and dtype of an argument, for a message."""
    dtype = getattr(values, "dtype", None)
    return type(values).__name__ if dtype is None else f"{type(values).__name__} of {dtype}"


def _raw(values: Any) -> NDArray[Any] | None:
    """Return the values as NumPy reads them; None when they are of unequal lengths."""
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(values.astype(float), np.nan))
    try:
        return np.asarray(values)
    except ValueError:
        return None


def _numbers(array: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return numbers as float64, missing ones as NaN; None when there is anything else."""
    if array.dtype.kind in "biuf":
        return array.astype(np.float64, copy=False)
    if array.dtype.kind != "O":
        return None
    import pandas as pd

    missing = pd.isna(array)
    # A text of digits would be read as a number, a date as nanoseconds.
    if any(not _is_number(value) for value in array[~missing]):
        return None
    return np.where(missing, np.nan, array).astype(np.float64)


def _is_number(value: Any) -> bool:
    from decimal import Decimal

    return isinstance(value, bool | np.bool_ | int | float | np.integer | np.floating | Decimal)


def _fits(numbers: NDArray[np.float64], kind: Kind) -> bool:
    if kind == "value":
        return True
    if kind in ("label", "flag"):
        return bool(((numbers == 0) | (numbers == 1)).all())
    if not np.isfinite(numbers).all():
        return False
    if kind == "number" or not numbers.size:
        return True
    return bool(numbers.min() >= 0 and (kind == "weight" or numbers.max() <= 1))
