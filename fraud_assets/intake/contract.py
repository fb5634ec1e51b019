"""What a CSV must look like: its header, the roles of its columns, and their types."""

import csv
import difflib
import hashlib
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from fraud_assets.config.settings import (
    KNOWN_NAMES,
    LABEL_LEAKS,
    MISSING,
    RESERVED_NAMES,
    IntakeSettings,
)
from fraud_assets.intake.csv.chunks import MAX_RECORD_BYTES, Chunk, read_chunks
from fraud_assets.intake.csv.decoding import HEAD_BYTES, CsvStream, IntakeError
from fraud_assets.platform.masking import (
    FEWEST_DIGITS,
    holds_card_number,
    is_card_number,
    is_issued,
)
from fraud_assets.records.batches import RawTransactions, Roles
from fraud_assets.text import inert, named

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 2_000
NUMBER, MOMENT, NAME, LABEL, CARD = "DOUBLE", "TIMESTAMP", "VARCHAR", "LABEL", "CARD"
"""The kinds of column: a number, a date and time, a name (or text), the target, and payment card
numbers without a role: those are kept with the accepted rows, and are read by nothing."""
LONG = 10.0 ** (FEWEST_DIGITS - 1)
"""The least number that may be a card number."""
NUMBER_PATTERN = (
    r"^[ \t]*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])[ \t]*$"
)
"""A number as Arrow reads it, with a point."""
MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
ZONE_PATTERN = r"[ T].*(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)$"
_number, _moment, _zone = map(re.compile, (NUMBER_PATTERN, MOMENT_PATTERN, ZONE_PATTERN))
_fraction = re.compile(r"^[+-]?[0-9]*[.,][0-9]+$")
_mail = re.compile(r"^\S+@\S+\.\S+$")
_LABEL_WORDS = ("true", "false", "yes", "no")
_comma_number = re.compile(r"^[+-]?[0-9]*,[0-9]+$")
_three_digits = re.compile(r"^[+-]?[0-9]{1,3},[0-9]{3}$")

csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True)
class Contract:
    """How a file is to be read.

    Attributes
    ----------
    delimiter, decimal : str
    header : bytes
        The header as it stands in the text, and what stands before it.
    kinds : dict of str to str
        Kind of each column, in the file's order.
    roles : Roles
    labels : dict of str to int
        What each spelling of the target means, in lower case.
    zoned : frozenset of str
        Columns whose moments say their time zone; they are turned to UTC.
    timestamp_format : str or None
        How moments are written; None: as in ISO 8601.
    problems : tuple of str
        What breaks the contract although the file can be read; empty when nothing does.
    long_numbers : frozenset of str
        Columns of numbers with as many digits as a card number, such as times in milliseconds.
        In all others, a card number is a value that has come into the wrong column.
    """

    delimiter: str
    decimal: str
    header: bytes
    kinds: dict[str, str]
    roles: Roles
    labels: dict[str, int]
    zoned: frozenset[str] = frozenset()
    timestamp_format: str | None = None
    problems: tuple[str, ...] = ()
    long_numbers: frozenset[str] = frozenset()

    def to_facts(self) -> dict[str, Any]:
        """Return what `RawTransactions` keeps of the contract, by field.

        Returns
        -------
        dict
            What a repair of rejected rows has to know.
        """
        return {
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "columns": list(self.kinds),
            "kinds": self.kinds,
            "roles": self.roles,
            "labels": self.labels,
            "zoned": sorted(self.zoned),
            "timestamp_format": self.timestamp_format,
            "problems": list(self.problems),
            "long_numbers": sorted(self.long_numbers),
        }

    @classmethod
    def of(cls, raw: RawTransactions, header: bytes) -> Self:
        """Return the contract that a batch was read by.

        Parameters
        ----------
        raw : RawTransactions
        header : bytes
            The header of the file that is to be read by it now.

        Returns
        -------
        Contract
        """
        # Of a file that was read before card numbers were looked for, nothing is known.
        long_numbers = raw.columns if raw.long_numbers is None else raw.long_numbers
        return cls(
            raw.delimiter,
            raw.decimal,
            header,
            {name: raw.kinds[name] for name in raw.columns},
            raw.roles,
            raw.labels,
            frozenset(raw.zoned),
            raw.timestamp_format,
            tuple(raw.problems),
            frozenset(long_numbers),
        )

    @property
    def first_line(self) -> int:
        """The line number after the header."""
        return self.header.count(b"\n") + 1


def draw_contract(source: CsvStream, settings: IntakeSettings) -> Contract:
    """Find out how a file is to be read, from its header and its first rows.

    Parameters
    ----------
    source : CsvStream
        Of which nothing has been read yet.
    settings : IntakeSettings
        What a person has said of the file.

    Returns
    -------
    Contract

    Raises
    ------
    IntakeError
        When the header cannot be used, or no column can be the target.
    """
    delimiter, header, names = read_header(source, settings)
    rows = _sample(source.head, header, delimiter, len(names))
    if not rows and len(source.head) < HEAD_BYTES and not source.head[len(header) :].strip():
        raise IntakeError(
            f"{source.name}: line 2: there is a header but no row; export the file with its rows"
        )
    sample = {name: _Sample.of_column(rows, index) for index, name in enumerate(names)}
    labels = dict.fromkeys(map(str.lower, settings.fraud_labels), 1)
    labels |= dict.fromkeys(map(str.lower, settings.genuine_labels), 0)
    roles = _find_roles(source.name, names, sample, settings, labels)
    decimal = _decimal(source.name, delimiter, sample, settings)
    points = {name: of.replaced(decimal, ".") for name, of in sample.items()}
    kinds = {name: _kind(name, roles, points[name].values) for name in names}
    moments = [name for name, kind in kinds.items() if kind == MOMENT]
    for name in moments:
        _check_moments(source.name, name, sample[name], settings)
    may_be_text = (roles.card, roles.terminal, roles.transaction_id, *LABEL_LEAKS)
    problems = [
        _text_problem(source.name, name, points[name])
        for name, kind in kinds.items()
        if kind == NAME and name not in may_be_text
    ]
    real_time = roles.timestamp is not None and kinds[roles.timestamp] == MOMENT
    zoned = [
        name
        for name in moments
        if 2 * len([*filter(_zone.search, sample[name].values)]) > len(rows)
    ]
    long_numbers = [
        name for name, kind in kinds.items() if kind == NUMBER and _are_long(points[name].values)
    ]
    return Contract(
        delimiter,
        decimal,
        header,
        kinds,
        roles.model_copy(update={"real_time": real_time}),
        labels,
        frozenset(zoned),
        settings.timestamp_format,
        tuple(problems),
        frozenset(long_numbers),
    )


@dataclass(frozen=True)
class _Sample:
    """Values of a column that are not missing, and the lines that they stand on."""

    values: list[str]
    lines: list[int]

    @classmethod
    def of_column(cls, rows: list[tuple[int, list[str]]], index: int) -> "_Sample":
        found = [(line, row[index].strip()) for line, row in rows]
        found = [(line, value) for line, value in found if value not in MISSING]
        return cls([value for _, value in found], [line for line, _ in found])

    def replaced(self, old: str, new: str) -> "_Sample":
        return _Sample([value.replace(old, new) for value in self.values], self.lines)

    def line_of_first(self, wanted: Callable[[str], Any]) -> int:
        pairs = zip(self.lines, self.values, strict=True)
        return next(line for line, value in pairs if wanted(value))


def read_header(source: CsvStream, settings: IntakeSettings) -> tuple[str, bytes, list[str]]:
    """Return the delimiter, the header as it stands in the text, and the column names.

    Raises
    ------
    IntakeError
        When the file is empty, has no header, or blank or repeated names.
    """
    text, name = source.head, source.name
    blank = len(text) - len(text.lstrip(b"\r\n"))
    if not text.strip():
        raise IntakeError(
            f"{name}: line 1: the file is empty; export it again with a header and rows"
        )
    if b"\n" not in text and b"\r" in text:
        raise IntakeError(
            f"{name}: line 1: the lines end in carriage returns alone; save the file with "
            "line feeds"
        )
    first = text[blank:].split(b"\n", 1)[0].decode("utf-8", "replace")
    delimiter = settings.delimiter or _delimiter(first)
    chunk = next(read_chunks(io.BytesIO(text[blank:]), delimiter), None)
    end = _end_of_first(chunk) if chunk else 0
    if end == 0 or (chunk and chunk.damaged.get(0)):
        raise IntakeError(
            f"{name}: line 1: the header cannot be read as column names: its quotes do not close, "
            "or it is longer than a megabyte; correct the first line"
        )
    header = text[: blank + end]
    try:
        (fields,) = parse_rows([header[blank:]], delimiter)
    except csv.Error:
        raise IntakeError(
            f"{name}: line 1: there is a carriage return within the header; correct the first line"
        ) from None
    names = [field.strip() for field in fields]
    _check_names(name, names)
    return delimiter, header, names


def _delimiter(line: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=outside_quotes.count)


def _end_of_first(chunk: Chunk) -> int:
    starts = chunk.record_starts()
    return int(starts[1]) if len(starts) > 1 else len(chunk.data)


def parse_rows(records: list[bytes], delimiter: str) -> list[list[str]]:
    """Return the fields of records, as they stand in the text.

    Parameters
    ----------
    records : list of bytes
        UTF-8; what is not is spelled out with a backslash.
    delimiter : str
    """
    texts = (record.decode("utf-8", "backslashreplace").rstrip("\r\n") for record in records)
    return [next(csv.reader(io.StringIO(text), delimiter=delimiter), [""]) for text in texts]


def _sample(
    head: bytes, header: bytes, delimiter: str, n_columns: int
) -> list[tuple[int, list[str]]]:
    """Return the first rows of the right length, as text, with their lines; blank ones are none."""
    whole = len(head) < HEAD_BYTES
    found = _records(head[len(header) :], delimiter, whole, header.count(b"\n") + 1)
    records = [pair for pair in islice(found, SAMPLE_ROWS) if pair[1].strip(b"\r\n")]
    rows = parse_rows([record for _, record in records], delimiter)
    return [(ln, row) for (ln, _), row in zip(records, rows, strict=True) if len(row) == n_columns]


def _records(text: bytes, delimiter: str, whole: bool, line: int) -> Iterator[tuple[int, bytes]]:
    for chunk in read_chunks(io.BytesIO(text), delimiter):
        for place, (record, damage) in zip(chunk.lines().tolist(), chunk.records(), strict=True):
            if damage is None and (whole or record.endswith(b"\n")):
                yield line + place, record
        line += chunk.breaks


def _check_names(file: str, names: list[str]) -> None:
    """Refuse a header that is none, or whose names cannot be used.

    What stands there may be a row, so no message repeats it.
    """
    values = [place for place, name in enumerate(names, start=1) if _is_value(name)]
    numbers = [place for place, name in enumerate(names, start=1) if _number.match(name)]
    if values or (numbers and 2 * len(numbers) >= len(names)):
        raise IntakeError(_no_header(file, min(values + numbers)))
    # The engine does not tell capitals apart, and would read the first of two for both.
    folded = [name.casefold() for name in names]
    for index, name in enumerate(names, start=1):
        problem = None
        if not name:
            problem = "the column name is blank; name every column, and export without an index"
        elif name.casefold() in RESERVED_NAMES:
            problem = (
                f"{named(name)} is a name that the platform uses for itself; rename the column"
            )
        elif name.casefold() in folded[: index - 1]:
            problem = (
                f"column {folded.index(name.casefold()) + 1} has the same name (capitals do not "
                "count); rename or remove one of them"
            )
        elif holds_card_number(name):
            problem = "a payment card number stands in the column name; rename the column"
        elif "\0" in name or "\ufffd" in name or "\\x" in name:
            problem = "the column name is damaged; export the file again"
        if problem:
            raise IntakeError(f"{file}: line 1, column {index}: {problem}")
    if len(names) == 1:
        raise IntakeError(
            f"{file}: line 1: there is one column, parted by none of "
            f"{' '.join(map(repr, DELIMITERS))}; add columns beside the label, or set `delimiter`"
        )


def _is_value(name: str) -> bool:
    """Tell whether what should be a column name is plainly something of a row."""
    patterns = (_moment, _fraction, _mail)
    return is_card_number(name) or any(pattern.match(name) for pattern in patterns)


def _no_header(file: str, place: int) -> str:
    return (
        f"{file}: line 1, column {place}: a value, not a name; put a header line with the column "
        "names first"
    )


def _find_roles(
    file: str,
    names: list[str],
    sample: dict[str, _Sample],
    settings: IntakeSettings,
    labels: dict[str, int],
) -> Roles:
    found: dict[str, str | None] = {}
    for role, known in KNOWN_NAMES.items():
        set_name = getattr(settings, role)
        if set_name is not None and set_name not in names:
            like = [
                f"did you mean {named(n)}? " for n in difflib.get_close_matches(set_name, names, 1)
            ]
            raise IntakeError(
                f"{file}: line 1: there is no column {named(set_name)} for the role {role}; "
                f"{''.join(like)}correct the setting or the file"
            )
        found[role] = set_name or next((name for name in known if name in names), None)
    by_name = found.pop("target")
    target = by_name or names[-1]
    # A column may be named like the word for a fraud, but not 0, or no.
    is_label = bool(_number.match(target)) and target.lower() in labels
    if by_name is None and (is_label or target.lower() in _LABEL_WORDS):
        raise IntakeError(_no_header(file, len(names)))
    _check_target(file, names, by_name, sample[target], labels)
    if found["card"] is None:
        taken = {target, *found.values()}
        cards = (n for n in names if n not in taken and _are_cards(sample[n].values))
        found["card"] = next(cards, None)
    return Roles(target=target, **found)


def _check_target(
    file: str, names: list[str], by_name: str | None, sample: _Sample, labels: dict[str, int]
) -> None:
    wrong = [value for value in sample.values if value.lower() not in labels]
    if sample.values and len(wrong) > len(sample.values) / 2:
        line = sample.line_of_first(lambda value: value.lower() not in labels)
        # A name that nobody knows may be a value of a file without a header.
        column = f"column {named(by_name)}" if by_name else f"column {len(names)}, the last"
        raise IntakeError(
            f"{file}: line {line}, {column}: no target: neither 0 nor 1, nor are most values of "
            "this column; put the 0/1 label in the last column, "
            f"name it {' or '.join(KNOWN_NAMES['target'])}, or set `target`, or `fraud_labels` "
            "and `genuine_labels`"
        )


def _are_cards(values: list[str]) -> bool:
    """Tell whether a column mostly holds payment card numbers; by chance, a tenth look so."""
    return 2 * sum(map(is_card_number, values)) > len(values)


def _are_long(values: list[str]) -> bool:
    """Tell whether a column mostly holds numbers as long as those of cards that are none."""
    return 2 * sum(map(_is_long, values)) > len(values)


def _is_long(value: str) -> bool:
    if not _number.match(value) or not LONG <= abs(float(value)) < math.inf:
        return False
    return not (is_issued(value.lstrip("+-")) or is_issued(str(int(abs(float(value))))))


def _decimal(
    file: str, delimiter: str, sample: dict[str, _Sample], settings: IntakeSettings
) -> str:
    """Return what parts whole numbers from fractions: a comma when no number has a point."""
    if settings.decimal or delimiter == ",":
        return settings.decimal or "."
    commas = {name: of for name, of in sample.items() if any(map(_comma_number.match, of.values))}
    values = [value for of in sample.values() for value in of.values]
    if not commas or any("." in value and _number.match(value) for value in values):
        return "."
    if all(_three_digits.match(value) for value in values if _comma_number.match(value)):
        name, of = next(iter(commas.items()))
        line = of.line_of_first(_comma_number.match)
        raise IntakeError(
            f"{file}: line {line}, column {named(name)}: the comma "
            "may part thousands or a fraction, and no other value tells which; set `decimal` to , "
            "or . "
        )
    return ","


def _kind(name: str, roles: Roles, values: list[str]) -> str:
    if name == roles.target:
        return LABEL
    if name in (roles.card, roles.terminal, roles.transaction_id):
        return NAME
    mostly_numbers = 2 * len([*filter(_number.match, values)]) >= len(values)
    if name in (roles.timestamp, roles.known_at, roles.label_known_at):
        return NUMBER if values and mostly_numbers else MOMENT
    if _are_cards(values):
        return CARD
    return NUMBER if mostly_numbers else NAME


def _check_moments(file: str, name: str, sample: _Sample, settings: IntakeSettings) -> None:
    matching = [*filter(_moment.match, sample.values)]
    if settings.timestamp_format or 2 * len(matching) >= len(sample.values):
        return
    line = sample.line_of_first(lambda value: not _moment.match(value))
    raise IntakeError(
        f"{file}: line {line}, column {named(name)}: not a date and time as in "
        "2026-01-31 23:59:59; set `timestamp_format`, for example to %d/%m/%Y %H:%M"
    )


def _text_problem(file: str, name: str, sample: _Sample) -> str:
    line = sample.line_of_first(lambda value: not _number.match(value))
    return (
        f"{inert(file)}: line {line}, column {named(name)}: text; models read numbers: encode the "
        "column, remove it, or give it a role such as `card`"
    )


def schema_fingerprint(kinds: dict[str, str]) -> str:
    """Return a short text that is the same for the same columns, kinds and order."""
    return hashlib.sha256(repr(list(kinds.items())).encode()).hexdigest()[:16]


def schema_changes(kinds: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Return what a model that was made for other columns would stumble over.

    Columns that are new, or in another order, are no trouble: columns go by their names.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each column of a batch.
    before : mapping of str to str
        The same of the batch that the model was made for.

    Returns
    -------
    list of str
        Empty when every column is there and of its old kind.
    """
    gone = [f"column {named(name)} is missing" for name in before if name not in kinds]
    return gone + [
        f"column {named(name)} was {before[name]} and is {kind}"
        for name, kind in kinds.items()
        if name in before and before[name] != kind
    ]
