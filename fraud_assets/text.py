"""Texts for people: they do not grow with the data, and nothing in them acts where they are read.

Column names, file names and categories come from outside. Wherever one is put into a message,
`inert` or `named` is what puts it there; into Markdown, `escape_markdown`.
"""

import re
import unicodedata
from collections.abc import Sequence

JOINER = "\u2060"
"""Word joiner: no reader sees it, and no markup, link or mention goes across it."""
NAME_LENGTH = 80
"""Characters of a name that a message repeats."""

_unseen = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_active = re.compile(
    r"<(?=[^\s\d=<>])"  # a tag, or Slack's <!channel>, <@U1>, <#C1>, <http://…|…>
    r"|@(?=\S)"  # a mention: @here, @everyone
    r"|!(?=\[)|\](?=[(\[:])"  # a picture or a link in Markdown
    r"|:(?=//)|www(?=\.)|\b(?:mailto|xmpp)(?=:)",  # what becomes a link by itself
    re.IGNORECASE,
)
_markup = re.compile(r"[\\`*\[\]{}|~$^#]|(?<![^\W_])_|_(?![^\W_])")
_entities = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def inert(text: object) -> str:
    r"""Return a text from outside on one line, without what any reader would act on.

    Parameters
    ----------
    text : object
        Its text may hold anything: tags, links, mentions, line breaks, signs that turn the
        direction of writing.

    Returns
    -------
    str
        Reads the same; plain text alone is left as it is.

    See Also
    --------
    escape_markdown : For Markdown, in which also emphasis and tables have to be kept apart.

    Examples
    --------
    >>> inert("sent to <!channel>").replace(JOINER, "^"), inert("two\nlines")
    ('sent to <^!channel>', 'two lines')
    """
    line = " ".join(str(text).split())
    seen = "".join(sign for sign in line if unicodedata.category(sign) not in _unseen)
    return _active.sub(lambda found: found[0] + JOINER, seen)


def named(name: object, length: int = NAME_LENGTH) -> str:
    """Return a name from outside between quotes, shortened, for a message.

    Parameters
    ----------
    name : object
    length : int, optional
        Most characters of the name.

    Examples
    --------
    >>> named("Amount"), named("a long name", length=7)
    ("'Amount'", "'a long…'")
    """
    text = inert(name)
    return f"'{text[:length].rstrip()}…'" if len(text) > length else f"'{text}'"


def escape_markdown(text: object) -> str:
    r"""Return a text from outside as Markdown that shows it and does nothing.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
        On one line; it fits into a sentence, a list or a cell of a table.

    Examples
    --------
    >>> escape_markdown("*a* | <b>"), escape_markdown("card_mean_7d")
    ('\\*a\\* \\| &lt;\u2060b&gt;', 'card_mean_7d')
    """
    escaped = _markup.sub(lambda found: "\\" + found[0], inert(text))
    return escaped.translate(_entities)


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
