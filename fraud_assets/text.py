"""Texts for people that must not grow with the data."""

from collections.abc import Sequence


def some(names: Sequence[str], shown: int) -> str:
    """Name the first, and say how many more there are.

    Parameters
    ----------
    names : sequence of str
    shown : int

    Examples
    --------
    >>> some(["a", "b", "c"], 2), some(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def fitting_lines(text: str, length: int, end: str) -> str:
    r"""Return a text that fits, or as many of its lines as fit before an end that says so.

    Parameters
    ----------
    text : str
    length : int
        Most characters of what is returned.
    end : str

    Examples
    --------
    >>> fitting_lines("one, two", 8, "..."), fitting_lines("one\ntwo\nthree", 12, "...")
    ('one, two', 'one\ntwo\n...')
    """
    if len(text) <= length:
        return text
    kept = text[: length - len(end)]
    return kept[: kept.rfind("\n") + 1] + end
