"""Texts for people, with names from outside: of bounded length, and without active content.

Column names, file names and categories come from outside. A message includes them through `inert`
or `named`, and Markdown through `escape_markdown`.
"""

import re
import unicodedata
from collections.abc import Sequence

JOINER = "\u2060"
"""Word joiner: it is invisible, and no markup, link or mention spans it."""
NAME_LENGTH = 80
"""Longest name in a message, in characters."""

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
    r"""Return a text from outside on one line, without anything that a viewer would act on.

    Parameters
    ----------
    text : object
        May contain anything: tags, links, mentions, line breaks, characters that change the
        direction of writing.

    Returns
    -------
    str
        Reads the same; plain text is unchanged.

    See Also
    --------
    escape_markdown : for Markdown, where emphasis and tables must be escaped, too.

    Examples
    --------
    >>> inert("sent to <!channel>").replace(JOINER, "^"), inert("two\nlines")
    ('sent to <^!channel>', 'two lines')
    """
    line = " ".join(str(text).split())
    seen = "".join(sign for sign in line if unicodedata.category(sign) not in _unseen)
    return _active.sub(lambda match: match[0] + JOINER, seen)


def named(name: object, length: int = NAME_LENGTH) -> str:
    """Return a name from outside for a message: quoted and shortened.

    Parameters
    ----------
    name : object
        Converted by `str`; may contain anything.
    length : int, optional
        Longest name, in characters.

    Returns
    -------
    str
        On one line, in single quotes.

    See Also
    --------
    inert : without quotes and of any length.

    Examples
    --------
    >>> named("Amount"), named("a long name", length=7)
    ("'Amount'", "'a long…'")
    """
    text = inert(name)
    return f"'{text[:length].rstrip()}…'" if len(text) > length else f"'{text}'"


def escape_markdown(text: object) -> str:
    r"""Return a text from outside as Markdown that shows it literally.

    Parameters
    ----------
    text : object
        Converted by `str`; may contain anything.

    Returns
    -------
    str
        On one line, for a sentence, a list or a table cell.

    See Also
    --------
    inert : for plain text.

    Examples
    --------
    >>> escape_markdown("*a* | <b>"), escape_markdown("card_mean_7d")
    ('\\*a\\* \\| &lt;\u2060b&gt;', 'card_mean_7d')
    """
    escaped = _markup.sub(lambda match: "\\" + match[0], inert(text))
    return escaped.translate(_entities)


def some(names: Sequence[str], shown: int) -> str:
    """List the first names, and how many more there are.

    Parameters
    ----------
    names : sequence of str
        Listed in this order.
    shown : int
        How many names are listed.

    Returns
    -------
    str

    See Also
    --------
    fitting_lines : shortens a text by lines.

    Examples
    --------
    >>> some(["a", "b", "c"], 2), some(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def fitting_lines(text: str, length: int, end: str) -> str:
    r"""Return a text, cut after a line when it is too long.

    Parameters
    ----------
    text : str
        Of one line or more.
    length : int
        Longest result, in characters.
    end : str
        Appended when the text is cut.

    Returns
    -------
    str
        At most `length` characters.

    Examples
    --------
    >>> fitting_lines("one, two", 8, "..."), fitting_lines("one\ntwo\nthree", 12, "...")
    ('one, two', 'one\ntwo\n...')
    """
    if len(text) <= length:
        return text
    kept = text[: length - len(end)]
    return kept[: kept.rfind("\n") + 1] + end
