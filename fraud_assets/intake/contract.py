"""What a CSV must look like: its header, the roles of its columns, and their types."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from fraud_assets.config import (
    KNOWN_NAMES,
    LABEL_LEAKS,
    MISSING,
    RESERVED_NAMES,
    IntakeSettings,
    Settings,
)
from fraud_assets.intake.records import MAX_RECORD_BYTES, Chunk, chunks
from fraud_assets.intake.source import HEAD_BYTES, IntakeError, Source

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 2_000
NUMBER, MOMENT, NAME, LABEL = "DOUBLE", "TIMESTAMP", "VARCHAR", "LABEL"
"""The four kinds of column: a number, a date and time, a name (or text), the target."""
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
_comma_number = re.compile(r"^[+-]?[0-9]*,[0-9]+$")
_three_digits = re.compile(r"^[+-]?[0-9]{1,3},[0-9]{3}$")

csv.field_size_limit(MAX_RECORD_BYTES)


class Roles(Settings):
    """Which column plays which role.

    Attributes
    ----------
    target : str
        The label column.
    timestamp, amount, card, terminal, transaction_id, known_at, label_known_at : str or None
        None where the data has no such column.
    real_time : bool
        Whether the timestamp is a date and time, not seconds since some start.
    """

    target: str
    timestamp: str | None = None
    amount: str | None = None
    card: str | None = None
    terminal: str | None = None
    transaction_id: str | None = None
    known_at: str | None = None
    label_known_at: str | None = None
    real_time: bool = False

    @property
    def has_behaviour(self) -> bool:
        """Whether cards or terminals can be followed through time."""
        return self.timestamp is not None and bool(self.card or self.terminal)


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

    def to_facts(self) -> dict[str, Any]:
        """Return what a repair of rejected rows has to know, JSON-like; keys may be reordered."""
        return {
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "columns": list(self.kinds),
            "kinds": self.kinds,
            "roles": self.roles.model_dump(),
            "labels": self.labels,
            "zoned": sorted(self.zoned),
            "timestamp_format": self.timestamp_format,
            "problems": list(self.problems),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], header: bytes) -> Self:
        """Return the contract that a file was read by."""
        return cls(
            facts["delimiter"],
            facts["decimal"],
            header,
            {name: facts["kinds"][name] for name in facts["columns"]},
            Roles(**facts["roles"]),
            facts["labels"],
            frozenset(facts["zoned"]),
            facts["timestamp_format"],
            tuple(facts["problems"]),
        )

    @property
    def first_line(self) -> int:
        """The line number after the header."""
        return self.header.count(b"\n") + 1


def draw_contract(source: Source, settings: IntakeSettings) -> Contract:
    """Find out how a file is to be read, from its header and its first rows.

    Parameters
    ----------
    source : Source
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
    sample = {
        name: [value for row in rows if (value := row[index].strip()) not in MISSING]
        for index, name in enumerate(names)
    }
    labels = dict.fromkeys(map(str.lower, settings.fraud_labels), 1)
    labels |= dict.fromkeys(map(str.lower, settings.genuine_labels), 0)
    roles = _find_roles(source.name, names, sample, settings, labels)
    decimal = _decimal(source.name, delimiter, sample, settings)
    points = {n: [v.replace(decimal, ".") for v in values] for n, values in sample.items()}
    kinds = {name: _kind(name, roles, points[name]) for name in names}
    moments = [name for name, kind in kinds.items() if kind == MOMENT]
    for name in moments:
        _check_moments(source.name, name, sample[name], settings)
    named = (roles.card, roles.terminal, roles.transaction_id, *LABEL_LEAKS)
    problems = [
        _text_problem(source.name, name, points[name])
        for name, kind in kinds.items()
        if kind == NAME and name not in named
    ]
    real_time = roles.timestamp is not None and kinds[roles.timestamp] == MOMENT
    zoned = [name for name in moments if 2 * len([*filter(_zone.search, sample[name])]) > len(rows)]
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
    )


def read_header(source: Source, settings: IntakeSettings) -> tuple[str, bytes, list[str]]:
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
    chunk = next(chunks(io.BytesIO(text[blank:]), delimiter), None)
    end = _end_of_first(chunk) if chunk else 0
    if end == 0 or (chunk and chunk.damaged.get(0)):
        raise IntakeError(
            f"{name}: line 1: the header cannot be read as column names: its quotes do not close, "
            "or it is longer than a megabyte; correct the first line"
        )
    header = text[: blank + end]
    (fields,) = parse_rows([header[blank:]], delimiter)
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


def _sample(head: bytes, header: bytes, delimiter: str, n_columns: int) -> list[list[str]]:
    """Return the first rows of the right length, as text; blank lines are no rows."""
    whole = len(head) < HEAD_BYTES
    records = islice(_records(head[len(header) :], delimiter, whole), SAMPLE_ROWS)
    rows = parse_rows([record for record in records if record.strip(b"\r\n")], delimiter)
    return [row for row in rows if len(row) == n_columns]


def _records(text: bytes, delimiter: str, whole: bool) -> Iterator[bytes]:
    for chunk in chunks(io.BytesIO(text), delimiter):
        for record, damage in chunk.records():
            if damage is None and (whole or record.endswith(b"\n")):
                yield record


def _check_names(file: str, names: list[str]) -> None:
    values = [n for n in names if _number.match(n) or _moment.match(n)]
    if values and 2 * len(values) >= len(names):
        raise IntakeError(
            f"{file}: line 1: {values[0]!r} and other fields are values, not names; "
            "put a header line with the column names first"
        )
    # The engine does not tell capitals apart, and would read the first of two for both.
    folded = [name.casefold() for name in names]
    for index, name in enumerate(names, start=1):
        problem = None
        if not name:
            problem = "the column name is blank; name every column, and export without an index"
        elif name.casefold() in RESERVED_NAMES:
            problem = f"{name!r} is a name that the platform uses for itself; rename the column"
        elif name.casefold() in folded[: index - 1]:
            problem = (
                f"{name!r} is there twice (capitals do not count); rename or remove one of them"
            )
        elif "\0" in name or "\ufffd" in name or "\\x" in name:
            problem = f"{name!r} is damaged; export the file again"
        if problem:
            raise IntakeError(f"{file}: line 1, column {index}: {problem}")
    if len(names) == 1:
        raise IntakeError(
            f"{file}: line 1: there is one column, {names[0]!r}, parted by none of "
            f"{' '.join(map(repr, DELIMITERS))}; add columns beside the label, or set `delimiter`"
        )


def _find_roles(
    file: str,
    names: list[str],
    sample: dict[str, list[str]],
    settings: IntakeSettings,
    labels: dict[str, int],
) -> Roles:
    found: dict[str, str | None] = {}
    for role, known in KNOWN_NAMES.items():
        named = getattr(settings, role)
        if named is not None and named not in names:
            raise IntakeError(
                f"{file}: line 1: there is no column {named!r} for the role {role}; "
                f"the columns are {', '.join(names)}; correct the setting or the file"
            )
        found[role] = named or next((name for name in known if name in names), None)
    target = found.pop("target") or names[-1]
    wrong = [value for value in sample[target] if value.lower() not in labels]
    if sample[target] and len(wrong) > len(sample[target]) / 2:
        raise IntakeError(
            f"{file}: line 2, column {target!r}: no target: {wrong[0][:40]!r} is neither 0 nor 1, "
            f"nor are most values of this column; put the 0/1 label in the last column, "
            f"name it {' or '.join(KNOWN_NAMES['target'])}, or set `target`, or `fraud_labels` "
            "and `genuine_labels`"
        )
    return Roles(target=target, **found)


def _decimal(
    file: str, delimiter: str, sample: dict[str, list[str]], settings: IntakeSettings
) -> str:
    """Return what parts whole numbers from fractions: a comma when no number has a point."""
    if settings.decimal or delimiter == ",":
        return settings.decimal or "."
    values = [(name, value) for name, column in sample.items() for value in column]
    commas = [(name, value) for name, value in values if _comma_number.match(value)]
    if not commas or any("." in value and _number.match(value) for _, value in values):
        return "."
    if all(_three_digits.match(value) for _, value in commas):
        name, value = commas[0]
        raise IntakeError(
            f"{file}: column {name!r}: {value!r} is a thousand or a fraction, and no other value "
            "tells which; set `decimal` to , or . "
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
    return NUMBER if mostly_numbers else NAME


def _check_moments(file: str, name: str, values: list[str], settings: IntakeSettings) -> None:
    if settings.timestamp_format or 2 * len([*filter(_moment.match, values)]) >= len(values):
        return
    wrong = next(value for value in values if not _moment.match(value))
    raise IntakeError(
        f"{file}: line 2, column {name!r}: {wrong[:40]!r} is not a date and time as in "
        "2026-01-31 23:59:59; set `timestamp_format`, for example to %d/%m/%Y %H:%M"
    )


def _text_problem(file: str, name: str, values: list[str]) -> str:
    example = next(value for value in values if not _number.match(value))
    return (
        f"{file}: column {name!r} holds text, for example {example[:40]!r}; models read "
        "numbers: encode the column, remove it, or give it a role such as `card`"
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
    gone = [f"column {name!r} is missing" for name in before if name not in kinds]
    return gone + [
        f"column {name!r} was {before[name]} and is {kind}"
        for name, kind in kinds.items()
        if name in before and before[name] != kind
    ]
