"""Finds a card or customer that is to be deleted, in all of its spellings.

A card number, a customer number as long as one, a person's name and a mail address identify one
person: they are found in any column and within longer texts. A short number or code may also be a
terminal or an amount: it is found only in card columns, or as a whole value of a rejected line.
"""

import csv
import re
from functools import cached_property

from fraud_assets.intake.header import DELIMITERS
from fraud_assets.platform.masking import FEWEST_IN_ROLE, MASK_CARD, MASK_TEXT, Masking
from fraud_assets.store.sql import literal

_of_number, _of_name = "…[0-9]{4} #[0-9a-f]{8}", "#[0-9a-f]{8}"
_grouped = re.compile(r"[0-9](?:[0-9 \-]*[0-9])?")
_power = re.compile(r"[0-9][eE]\+?[0-9]")
BLANKS = r"[ \-]{0,3}"
SIGNS = "[^0-9A-Za-z]{0,5}"
"""What may separate two digits: of any number, and of one as long as a card number."""
LONGEST_NAME = 200
"""Longest value, in characters, that is compared as a whole: longer ones would take too long."""
WITHIN_TEXT = "within a longer text, where a short name may mean something else"


class CardSearch:
    """A search for one card or customer.

    Parameters
    ----------
    typed : str
        A number, a name, or a token as shown in lists.
    masking : Masking
        Makes the tokens, with the key of this platform.

    Attributes
    ----------
    token : str
        How it is shown in lists.
    is_distinct : bool
        Whether it identifies one person in any column.

    Examples
    --------
    >>> from fraud_assets.platform.masking import Masking
    >>> search = CardSearch("4111 1111 1111 1111", Masking(b"0" * 32))
    >>> search.is_named_by("4111-1111-1111-1111"), search.is_named_by("5500 0000 0000 0004")
    (True, False)
    """

    def __init__(self, typed: str, masking: Masking) -> None:
        self._typed = typed.strip()
        self._masking = masking
        shown = masking.entry(self._typed)
        number = re.search(_of_number, shown)
        self.token = number[0] if number else shown
        self.is_distinct = bool(number or re.fullmatch(_of_name, shown))

    @property
    def mark(self) -> str:
        """A keyed hash for the decision log, without any digit of what was typed."""
        if self.is_distinct:
            return self.token[-9:]
        return self._masking.mark(self._digits or self._typed)

    @property
    def is_token(self) -> bool:
        """Whether a token was typed; it is not found within other digits or words."""
        return self.is_distinct and self.token[-8:] in self._typed

    def not_searched(self) -> str:
        """Return one phrase on where it may occur without being found.

        Returns
        -------
        str
            For the summary of a deletion.
        """
        if not self.is_distinct:
            return (
                "columns of numbers or of other names, where the same short name may be another's: "
                "not searched"
            )
        within = ", and within other words and digits, since a token was given" * self.is_token
        return f"columns of numbers, and other spellings{within}: not searched"

    # --- in SQL -------------------------------------------------------------------------

    def condition(self, text: str, is_card: bool) -> str | None:
        """Return an SQL condition for the values that match; None where none can match.

        Parameters
        ----------
        text : str
            SQL expression of a text.
        is_card : bool
            Whether the text is that of a card column.

        Returns
        -------
        str or None

        See Also
        --------
        is_named_by : the same in Python.
        mention : for texts that may mean something else.
        """
        if self.is_distinct:
            name = f"CASE WHEN length({text}) <= {LONGEST_NAME} THEN {text} END"
            conditions = [
                f"contains({shown}, {literal(self.token)})"
                for shown in (f"{MASK_CARD}({name})", f"{MASK_TEXT}({text})")
            ]
            if self._within:
                conditions.append(f"regexp_matches({text}, {literal(self._within)}, 'i')")
            return f"coalesce({' OR '.join(conditions)}, false)"
        return f"regexp_full_match({text}, {literal(self._whole)})" if is_card else None

    def mention(self, text: str) -> str | None:
        """Return an SQL condition for texts that may mention it; None when it is distinct.

        Parameters
        ----------
        text : str
            SQL expression of a text.

        Returns
        -------
        str or None

        See Also
        --------
        is_mentioned_in : the same in Python.
        """
        if self.is_distinct:
            return None
        return f"regexp_matches({text}, {literal(self._mentioned)})"

    # --- in Python ----------------------------------------------------------------------

    def is_named_by(self, value: str) -> bool:
        """Tell whether a value matches.

        Parameters
        ----------
        value : str
            A whole value of a column.

        Returns
        -------
        bool

        See Also
        --------
        condition : the same in SQL, for a card column.
        is_in_line : for a whole line.
        """
        if not self.is_distinct:
            return bool(re.fullmatch(self._whole, value))
        if len(value) <= LONGEST_NAME and self.token in self._masking.card(value.strip()):
            return True
        return self.token in self._masking.text(value) or self._is_within(value)

    def is_in_line(self, line: str) -> bool:
        """Tell whether a value of a line of a CSV matches, with any delimiter.

        Parameters
        ----------
        line : str
            A row as it was in the file, also one that could not be parsed.

        Returns
        -------
        bool

        See Also
        --------
        is_named_by : for a single value.
        """
        if not self._may_be_in(line):
            return False
        if self.is_distinct and self.is_named_by(line):
            return True
        flat = line.replace("\n", " ").replace("\r", " ")
        used = [delimiter for delimiter in DELIMITERS if delimiter in flat]
        return any(
            self.is_named_by(value)
            for delimiter in used or [","]
            for value in next(csv.reader([flat], delimiter=delimiter), [])
        )

    def is_mentioned_in(self, text: str) -> bool:
        """Tell whether a text may mention a short name, which could also mean something else.

        Parameters
        ----------
        text : str
            Of any length.

        Returns
        -------
        bool
            False when the card or customer is distinct, since `is_named_by` finds it in texts.

        See Also
        --------
        mention : the same in SQL.
        """
        return not self.is_distinct and re.search(self._mentioned, text) is not None

    def _is_within(self, text: str) -> bool:
        return bool(self._within and re.search(self._within, text, re.IGNORECASE))

    def _may_be_in(self, line: str) -> bool:
        """Tell whether a line may match: a cheap test before the thorough one."""
        digits = self._digits or (self.token[1:5] if self.token.startswith("…") else "")
        if not digits or not line.isascii() or _power.search(line):
            return True
        return digits in re.sub("[^0-9]", "", line)

    # --- patterns, the same for RE2 and for Python ----------------------------------------

    @cached_property
    def _digits(self) -> str:
        """The digits that were typed; empty when it was not a number."""
        if self.is_token or not self._typed or re.search(r"[^\W\d_]", self._typed):
            return ""
        digits = "".join(str(int(sign)) for sign in self._typed if sign.isdecimal())
        is_number = len(digits) >= FEWEST_IN_ROLE or _grouped.fullmatch(self._typed)
        return digits if is_number else ""

    @cached_property
    def _within(self) -> str:
        if self.is_token:
            return ""
        if self._digits:
            return f"(?:^|[^0-9]){SIGNS.join(self._digits)}(?:[^0-9]|$)"
        return _bounded(r"\s+".join(map(re.escape, self._typed.split())))

    @cached_property
    def _whole(self) -> str:
        spelled = BLANKS.join(self._digits) if self._digits else re.escape(self._typed)
        return rf"\s*{spelled}\s*"

    @cached_property
    def _mentioned(self) -> str:
        return _bounded(BLANKS.join(self._digits) if self._digits else re.escape(self._typed))


def _bounded(pattern: str) -> str:
    """Return a pattern that matches only apart from letters, digits and parts of numbers."""
    before = r"(?:^|[^0-9A-Za-z.,_\-]|(?:^|[^0-9])[.,])"
    after = r"(?:[.,]?$|[.,]?[^0-9A-Za-z.,_\-])"
    return before + pattern + after
