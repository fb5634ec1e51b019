"""A card or customer that is to be forgotten, and the spellings in which it is looked for.

A card number, a customer number as long, a person's name and an address of mail name one person
alone: they are found in any column and within longer texts. A short number or code may also be a
terminal's or an amount: it counts only where cards stand, or as a whole value of a rejected line.
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
"""What may stand between two digits: of any number, and of one as long as a card's."""
LONGEST_NAME = 200
"""Characters up to which a value may be a name or a number and nothing else; to tell that of a
field of a megabyte would take for ever."""
WITHIN_TEXT = "as a part of a longer text, where a short name may mean something else"


class Sought:
    """What is looked for.

    Parameters
    ----------
    typed : str
        A number, a name, or a token that lists show.
    masking : Masking

    Attributes
    ----------
    token : str
        What lists show of it.
    is_distinct : bool
        Whether it names one person wherever it stands.
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
        """A keyed hash that stands for it in the decision log, with no digit of what was typed."""
        if self.is_distinct:
            return self.token[-9:]
        return self._masking.mark(self._digits or self._typed)

    @property
    def is_token(self) -> bool:
        """Whether a token was typed, by which nothing is found within other digits or words."""
        return self.is_distinct and self.token[-8:] in self._typed

    def not_searched(self) -> str:
        """Say, for a person, where it may stand without being found."""
        if not self.is_distinct:
            return (
                "what stands in columns of numbers, or of other names, where the same short name "
                "may be another's: not searched"
            )
        given = ", and within other words and digits, since a token was given" * self.is_token
        return f"what stands in columns of numbers, or spelled otherwise{given}: not searched"

    # --- in SQL -------------------------------------------------------------------------

    def condition(self, text: str, is_card: bool) -> str | None:
        """Return an SQL condition for the values that name it; None where none can.

        Parameters
        ----------
        text : str
            SQL of a text.
        is_card : bool
            Whether the text stands where cards do.

        Returns
        -------
        str or None
        """
        if self.is_distinct:
            name = f"CASE WHEN length({text}) <= {LONGEST_NAME} THEN {text} END"
            found = [
                f"contains({shown}, {literal(self.token)})"
                for shown in (f"{MASK_CARD}({name})", f"{MASK_TEXT}({text})")
            ]
            if self._within:
                found.append(f"regexp_matches({text}, {literal(self._within)}, 'i')")
            return f"coalesce({' OR '.join(found)}, false)"
        return f"regexp_full_match({text}, {literal(self._whole)})" if is_card else None

    def mention(self, text: str) -> str | None:
        """Return an SQL condition for the texts that may mention it; None where it is distinct."""
        if self.is_distinct:
            return None
        return f"regexp_matches({text}, {literal(self._mentioned)})"

    # --- in Python ----------------------------------------------------------------------

    def is_named_by(self, value: str) -> bool:
        """Tell whether a value names it."""
        if not self.is_distinct:
            return bool(re.fullmatch(self._whole, value))
        if len(value) <= LONGEST_NAME and self.token in self._masking.card(value.strip()):
            return True
        return self.token in self._masking.text(value) or self._is_within(value)

    def is_in_line(self, line: str) -> bool:
        """Tell whether a line of a CSV names it, whatever parts its values."""
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
        """Tell whether a text may mention it; never of what is distinct, which is found there."""
        return not self.is_distinct and re.search(self._mentioned, text) is not None

    def _is_within(self, text: str) -> bool:
        return bool(self._within and re.search(self._within, text, re.IGNORECASE))

    def _may_be_in(self, line: str) -> bool:
        """Tell whether a line is worth a look, which takes long."""
        digits = self._digits or (self.token[1:5] if self.token.startswith("…") else "")
        if not digits or not line.isascii() or _power.search(line):
            return True
        return digits in re.sub("[^0-9]", "", line)

    # --- patterns, the same for RE2 and for Python ----------------------------------------

    @cached_property
    def _digits(self) -> str:
        """The digits that were typed; empty when it was something else than a number."""
        if self.is_token or not self._typed or re.search(r"[^\W\d_]", self._typed):
            return ""
        found = "".join(str(int(sign)) for sign in self._typed if sign.isdecimal())
        is_number = len(found) >= FEWEST_IN_ROLE or _grouped.fullmatch(self._typed)
        return found if is_number else ""

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
    """Return a pattern of what no letter, digit or part of a number stands next to."""
    before = r"(?:^|[^0-9A-Za-z.,_\-]|(?:^|[^0-9])[.,])"
    after = r"(?:[.,]?$|[.,]?[^0-9A-Za-z.,_\-])"
    return before + pattern + after
