"""Card numbers and persons' names, replaced by tokens that only the key of this platform makes.

A token reads `…1111 #3f9a0c2e`: the last four digits, and what tells two cards with the same last
four apart. The same card has the same token in every batch, so that rows can be joined, listed and
suppressed by it; without the key, nobody can find the number behind a token.

The hash is keyed BLAKE2b of Python's standard library, called from DuckDB as a function: the key
never appears in a query, and so in no error message and no log. A million keys cost 0.4 s, a
million rows of card numbers at most 1.4 s, and a million of other names 0.07 s.
"""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache, partial
from itertools import accumulate
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fraud_assets.config import environment

if TYPE_CHECKING:
    import duckdb

MASK_CARD, MASK_TEXT, KEYED = "mask_card", "mask_text", "keyed_content"
"""The names of the functions in SQL."""
FEWEST_DIGITS, MOST_DIGITS = 13, 19
"""Digits of a payment card number, after ISO/IEC 7812."""
FEWEST_IN_ROLE = 12
"""In card columns, a number with this many digits or more counts as a card's, without a check."""
KEY_FILE, KEY_ID_FILE = "hash_key", "hash_key.id"
CACHED = 1 << 16

_between = "[ \\-]{0,3}"
_digits = re.compile(rf"[0-9](?:{_between}[0-9])+")
_wide = re.compile("[0-9](?:[^0-9A-Za-z]{0,5}[0-9])+")
"""Digits with other characters between them: a point, a slash, a tab, a comma, invisible ones."""
_group = re.compile("[0-9]+")
_fraction = re.compile(r"([0-9]+)\.0*")  # as written by a program that read it as a number
_power = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?[eE]\+?0*[1-3]?[0-9]")
_issued = re.compile(
    "4[0-9]{12}(?:[0-9]{3}){0,2}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}"
    "|3(?:0[0-5]|[5689][0-9])[0-9]{11,16}|(?:50|5[6-9]|6[0-9])[0-9]{11,17}"
)
_usual_groups = re.compile("4 4 4 4(?: [1-3])?|4 6 [45]")
_person = re.compile(r"[^\d]*[^\W\d_]{2}[^\w\d]*\s[^\d]*[^\W\d_][^\d]*|.*\S@\S.*", re.DOTALL)
_token = re.compile("(…[0-9]{4} #[0-9a-f]{8})")
_shown = re.compile(r"(?:^|.*\D)([0-9]{4})\s*#([0-9a-f]{8})\s*", re.DOTALL)
# Quick tests for values that may match, as regular expressions of Arrow. It compiles them for every
# 2048 values, and classes of Unicode are slow to compile: the first of each pair, in which any
# character outside ASCII may be a digit, rules out nearly all values without them.
_SPACE = r"[\s\x0b\x1c-\x1f\x85\pZ]"  # as Python has it; Arrow's own is that of ASCII alone
_DIGITS = (r"[^\x00-/:-\x7f]", r"\pN")
_NUMBER_LIKE = tuple(f"{n}(?:[^0-9A-Za-z]{{0,5}}{n}){{12}}" for n in _DIGITS)
_CARD_LIKE = tuple(
    rf"{n}(?:[^0-9A-Za-z]*{n}){{11}}|{n}[eE]\+?{n}|@|^[^0-9]*{_SPACE}[^0-9]*$" for n in _DIGITS
)


def is_card_number(text: str) -> bool:
    """Tell whether a value is a payment card number and nothing else.

    Parameters
    ----------
    text : str
        13 to 19 digits with a correct check digit match. Spaces and dashes between them are
        allowed, and other characters where they group the digits as on a card.

    Returns
    -------
    bool
        Whether length and check digit are right; the issuer is not examined.

    See Also
    --------
    is_issued : also examines the first digits.
    holds_card_number : for longer texts.

    Examples
    --------
    >>> is_card_number("4111 1111 1111 1111"), is_card_number("4111111111111112")
    (True, False)
    >>> is_card_number("4111.1111.1111.1111"), is_card_number("4.111111111111111E+15")
    (True, True)
    """
    plain = _plain(text).strip()
    if _power.fullmatch(plain) or _fraction.fullmatch(plain):
        return _is_valid(_only_digits(plain))
    first = next(card_numbers(plain), None)
    return first is not None and not re.search(
        "[0-9A-Za-z]|[^\x00-\x7f]", plain[: first[0]] + plain[first[1] :]
    )


def is_issued(text: str) -> bool:
    """Tell whether a value is a card number with an issuer's first digits and length.

    By chance, one number in ten has a correct check digit; times and dates do not begin like card
    numbers.

    Parameters
    ----------
    text : str
        A value, as for `is_card_number`.

    Returns
    -------
    bool

    See Also
    --------
    is_card_number : for numbers of any issuer.

    Examples
    --------
    >>> is_issued("4111 1111 1111 1111"), is_issued("1767225600014")
    (True, False)
    """
    return is_card_number(text) and bool(_issued.fullmatch(_only_digits(text)))


def holds_card_number(name: str) -> bool:
    """Tell whether a file or column name contains the number of an issued card.

    Parameters
    ----------
    name : str
        May contain other text before and after the number.

    Returns
    -------
    bool

    See Also
    --------
    card_numbers : finds the places.

    Examples
    --------
    >>> holds_card_number("june 4111-1111-1111-1111"), holds_card_number("june 20260601120007")
    (True, False)
    """
    return any(_issued.fullmatch(_only_digits(name[a:b])) for a, b in card_numbers(name))


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield where payment card numbers begin and end in a text, in order and without overlap.

    Parameters
    ----------
    text : str
        Of any length and content.

    Yields
    ------
    tuple of (int, int)
        Positions of the first character and after the last one.

    See Also
    --------
    Masking.text : replaces them.

    Examples
    --------
    >>> list(card_numbers("paid with 4111 1111 1111 1111 today"))
    [(10, 29)]
    """
    plain = _plain(text)
    found = list(_card_numbers(plain, _digits, _is_valid_run))
    # Letters replace them, so that no match spans them.
    rest, end = "", 0
    for start, stop in found:
        rest += plain[end:start] + "x" * (stop - start)
        end = stop
    yield from sorted([*found, *_card_numbers(rest + plain[end:], _wide, _is_written_as_card)])


def _card_numbers(
    text: str, runs: re.Pattern[str], is_card: Callable[[str], bool]
) -> Iterator[tuple[int, int]]:
    for run in runs.finditer(text):
        if is_card(run[0]):
            yield run.span()
            continue
        # There may be another number next to it.
        groups = list(_group.finditer(text, *run.span()))
        first = 0
        while first < len(groups):
            last = _last_group(text, groups[first:], is_card)
            if last is not None:
                yield groups[first].start(), groups[first + last].end()
            first += 1 if last is None else last + 1


def _last_group(
    text: str, groups: list[re.Match[str]], is_card: Callable[[str], bool]
) -> int | None:
    """Return the index of the group that ends a card number begun by the first group."""
    lengths = accumulate(len(group[0]) for group in groups)
    for place, length in enumerate(lengths):
        if length > MOST_DIGITS:
            return None
        if length >= FEWEST_DIGITS and is_card(text[groups[0].start() : groups[place].end()]):
            return place
    return None


def _is_valid_run(run: str) -> bool:
    return _is_valid(_only_digits(run))


def _is_written_as_card(run: str) -> bool:
    """Tell whether digits with any signs between them are a card number, not several amounts."""
    digits = _only_digits(run)
    if not (_issued.fullmatch(digits) and _is_valid(digits)):
        return False
    groups = _group.findall(run)
    sizes = " ".join(str(len(group)) for group in groups)
    return len(set(_group.split(run)[1:-1])) <= 1 or bool(_usual_groups.fullmatch(sizes))


def _plain(text: str) -> str:
    """Return a text of the same length with ASCII digits, spaces and dashes.

    Other characters outside ASCII, except letters and digits, may separate digits.
    """
    return text if text.isascii() else "".join(map(_plain_sign, text))


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return sign
    digit, category = unicodedata.digit(sign, None), unicodedata.category(sign)
    if digit is not None:
        return str(digit)
    if category[0] in "LN":
        return "x"
    return {"Zs": " ", "Cf": " ", "Pd": "-"}.get(category, "~")


def _only_digits(text: str) -> str:
    """Return the digits of a number, written out in full if it ends in a power of ten."""
    plain = _plain(text).strip()
    if _power.fullmatch(plain):
        return str(abs(int(Decimal(plain.replace(",", ".")))))
    if fraction := _fraction.fullmatch(plain):
        return fraction[1]
    return "".join(_group.findall(plain))


def _is_valid(digits: str) -> bool:
    """Tell whether length and check digit are correct, the latter as by H. P. Luhn, 1960."""
    if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
        return False
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)
    return total % 10 == 0


class AnotherKeyError(ValueError):
    """Hashes were made with another key, so that none of them would match."""


class Masking:
    """Makes the tokens.

    Parameters
    ----------
    key : bytes
        32 secret bytes.

    Attributes
    ----------
    key_id : str
        Identifies the key without revealing it.

    Examples
    --------
    >>> masking = Masking(b"0" * 32)
    >>> token = masking.card("4111 1111 1111 1111")
    >>> token[:6], token == masking.card("4111-1111-1111-1111")
    ('…1111 ', True)
    >>> masking.text("paid with 4111 1111 1111 1111") == f"paid with {token}"
    True
    >>> masking.card("C-17")
    'C-17'
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = hashlib.blake2b(key=key, digest_size=8, person=b"fraud key id").hexdigest()
        # The same cards occur many times.
        self.card: Callable[[str], str] = lru_cache(CACHED)(self._card)
        """Return how a card or customer is shown: a card number, a number of that length, a
        person's name and a mail address as a token, any other name unchanged."""
        self.text: Callable[[str], str] = lru_cache(CACHED)(self._text)
        """Return a text with a token in place of every payment card number."""

    def entry(self, name: str) -> str:
        """Return the token of a number that a person entered, or of a token that they copied.

        Parameters
        ----------
        name : str
            A number, a name or a token. The characters before the last four digits of a token are
            ignored, since some programs cannot write `…`.

        Returns
        -------
        str
            A token; a short name that needs none as it is.
        """
        found = _shown.fullmatch(name)
        return f"…{found[1]} #{found[2]}" if found else self.card(name)

    def mark(self, text: str) -> str:
        """Return `#` and the keyed hash of a text, which reveals nothing of it.

        Parameters
        ----------
        text : str
            Of any content.

        Returns
        -------
        str
            `#` and 8 hexadecimal digits.
        """
        return f"#{self._hash(text)}"

    def require(self, key_id: str, what: str) -> None:
        """Refuse hashes that were made with another key: no comparison with them would match.

        Parameters
        ----------
        key_id : str
            Id of the key that they were made with.
        what : str
            What was hashed, for the message.

        Raises
        ------
        AnotherKeyError
            When the key is not the one of this object.
        """
        if key_id != self.key_id:
            raise AnotherKeyError(
                f"the hashes of {what} were made with another key of card tokens ({key_id}) than "
                f"this one ({self.key_id}); set FRAUD_HASH_KEY to the same key on all machines, or "
                "materialize that batch again from splits on"
            )

    def keys(self, contents: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return keyed hashes of 64 bits.

        Parameters
        ----------
        contents : ndarray of uint64, shape (n,)
            Hashes without a key.

        Returns
        -------
        ndarray of uint64, shape (n,)
            In the same order; equal contents have equal hashes.
        """
        start = hashlib.blake2b(key=self._key, digest_size=8, person=b"fraud content")
        data = contents.astype("<u8").tobytes()
        found = []
        for place in range(0, len(data), 8):
            hashed = start.copy()
            hashed.update(data[place : place + 8])
            found.append(hashed.digest())
        return np.frombuffer(b"".join(found), "<u8").astype(np.uint64)

    def install(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Register the functions `mask_card`, `mask_text` and `keyed_content` in DuckDB.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            An open connection, before any query that uses them.
        """
        texts = {
            MASK_CARD: partial(_of_texts, self.card, _CARD_LIKE),
            MASK_TEXT: partial(_of_texts, self.text, _NUMBER_LIKE),
        }
        from duckdb.func import ARROW

        for name, function in texts.items():
            connection.create_function(name, function, ["VARCHAR"], "VARCHAR", type=ARROW)
        connection.create_function(KEYED, self._of_keys, ["UBIGINT"], "UBIGINT", type=ARROW)

    def _card(self, value: str) -> str:
        plain = _plain(value)
        is_number = not re.search("[a-zA-Z]", plain) or _power.fullmatch(plain.strip())
        if is_number and not _token.search(value):
            digits = _only_digits(plain)
            if len(digits) >= FEWEST_IN_ROLE:
                return self._token(digits)
        if _person.fullmatch(value):
            return f"#{self._hash(value.strip())}"
        return self._replaced(value, _long_numbers)

    def _text(self, value: str) -> str:
        return self._replaced(value, card_numbers)

    def _replaced(self, value: str, numbers: Callable[[str], Iterable[tuple[int, int]]]) -> str:
        """Return a text with tokens in place of numbers; tokens in it are kept."""
        shown = ""
        for place, part in enumerate(_token.split(value)):
            end = 0
            for start, stop in numbers(part) if place % 2 == 0 else ():
                shown += part[end:start] + self._token(_only_digits(part[start:stop]))
                end = stop
            shown += part[end:]
        return shown

    def _token(self, digits: str) -> str:
        return f"…{digits[-4:]} #{self._hash(digits)}"

    def _hash(self, text: str) -> str:
        data = text.encode("utf-8", "replace")
        hashed = hashlib.blake2b(data, key=self._key, digest_size=4, person=b"fraud card")
        return hashed.hexdigest()

    def _of_keys(self, contents: pa.ChunkedArray) -> pa.Array:
        return pa.array(self.keys(contents.to_numpy()))


def _long_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield where numbers as long as card numbers begin and end, for card columns."""
    for run in _wide.finditer(_plain(text)):
        if len(_only_digits(run[0])) >= FEWEST_IN_ROLE:
            yield run.span()


def _of_texts(
    function: Callable[[str], str], quick_tests: Sequence[str], chunks: pa.ChunkedArray
) -> Any:
    values = chunks.combine_chunks()
    for like in quick_tests:
        found = pc.fill_null(pc.match_substring_regex(values, like), False)
        if not pc.any(found).as_py():
            return values
    shown = [function(value) for value in values.filter(found).to_pylist()]
    return pc.replace_with_mask(values, found, pa.array(shown, pa.string()))


def masking() -> Masking:
    """Return the object that makes the tokens of this platform, with its key.

    Returns
    -------
    Masking
        The same object for the same key and `FRAUD_HOME`.

    Raises
    ------
    ValueError
        When the key is short or cannot be read, or is not the key that was used before.

    See Also
    --------
    fraud_assets.config.environment.hash_key : reads the key.
    """
    return _masking(environment.home_folder(), environment.hash_key())


@lru_cache(maxsize=4)
def _masking(home: Path, given: str | None) -> Masking:
    home.mkdir(parents=True, exist_ok=True)
    text = given or _written_once(home / KEY_FILE, secrets.token_urlsafe(32))
    made = Masking(hashlib.sha256(text.encode()).digest())
    if _written_once(home / KEY_ID_FILE, made.key_id) != made.key_id:
        raise ValueError(
            f"the key of card tokens is not the one that {home / KEY_ID_FILE} was written with; "
            "put the previous key into FRAUD_HASH_KEY or FRAUD_HASH_KEY_FILE, or, with neither "
            f"set, into {home / KEY_FILE}. To begin with a new one, remove {KEY_ID_FILE}: tokens "
            "in old worklists and suppressions then mean nothing, and rows that come again are not "
            "known to have come"
        )
    return made


def _written_once(path: Path, text: str) -> str:
    """Return what a file holds; a missing one is created, readable by its owner only."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            # Another process may have been faster.
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text(encoding="utf-8").strip()
