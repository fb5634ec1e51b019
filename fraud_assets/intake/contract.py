"""What a CSV must look like: its header, the roles of its columns, and their types."""

import csv
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fraud_assets.config import (
    KNOWN_NAMES,
    LABEL_LEAKS,
    RESERVED_NAMES,
    IntakeSettings,
    Settings,
)
from fraud_assets.sql import struct

DELIMITERS = ",;\t|"
TARGET_VALUES = ("0", "1", "0.0", "1.0")
SAMPLE_ROWS = 2_000
NUMBER, MOMENT, NAME, LABEL = "DOUBLE", "TIMESTAMP", "VARCHAR", "LABEL"
"""The four kinds of column: a number, a date and time, a name (or text), the target."""


class IntakeError(ValueError):
    """A file cannot become a batch; the message names file, place, value and remedy."""


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
    delimiter : str
    kinds : dict of str to str
        Kind of each column, in the file's order.
    roles : Roles
    problems : tuple of str
        What breaks the contract although the file can be read; empty when nothing does.
    """

    delimiter: str
    kinds: dict[str, str]
    roles: Roles
    problems: tuple[str, ...]


def read_header(path: Path) -> tuple[str, list[str]]:
    """Return the delimiter and the column names of a CSV.

    Parameters
    ----------
    path : Path

    Returns
    -------
    delimiter : str
    names : list of str

    Raises
    ------
    IntakeError
        When the file is empty, has no rows, no header, or blank or repeated names.
    """
    with path.open("rb") as file:
        first, second = file.readline(1_000_000), file.readline(1_000_000)
    if not first.strip():
        raise IntakeError(
            f"{path.name}: line 1: the file is empty; export it again with a header and rows"
        )
    try:
        line = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise IntakeError(
            f"{path.name}: line 1: not UTF-8 text ({error.reason}); save the file as UTF-8"
        ) from error
    delimiter = max(DELIMITERS, key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    _check_names(path, names)
    if not second.strip():
        raise IntakeError(
            f"{path.name}: line 2: there is a header but no row; export the file with its rows"
        )
    return delimiter, names


def _check_names(path: Path, names: list[str]) -> None:
    if all(_is_number(name) for name in names):
        raise IntakeError(
            f"{path.name}: line 1: {names[0]!r} and the other fields are numbers; "
            "put a header line with the column names first"
        )
    for index, name in enumerate(names, start=1):
        if not name:
            raise IntakeError(
                f"{path.name}: line 1, column {index}: the column name is blank; name every column"
            )
        if name in RESERVED_NAMES:
            raise IntakeError(
                f"{path.name}: line 1, column {index}: {name!r} is a name that the platform uses "
                "for itself; rename the column"
            )
        if name in names[: index - 1]:
            raise IntakeError(
                f"{path.name}: line 1, column {index}: {name!r} is there twice; "
                "rename or remove one of them"
            )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def draw_contract(
    engine: duckdb.DuckDBPyConnection, path: Path, settings: IntakeSettings
) -> Contract:
    """Find out how a file is to be read, from its header and its first rows.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
    path : Path
        A CSV with a header line.
    settings : IntakeSettings
        Roles that a person has named.

    Returns
    -------
    Contract

    Raises
    ------
    IntakeError
        When the header cannot be used, or no column can be the target.
    """
    delimiter, names = read_header(path)
    sample = _sample(engine, path, delimiter, names)
    roles = _find_roles(path, names, sample, settings)
    kinds, problems = {}, []
    for name in names:
        kinds[name] = _kind(name, roles, sample[name])
        expected = (roles.card, roles.terminal, roles.transaction_id, *LABEL_LEAKS)
        if kinds[name] == NAME and name not in expected:
            problems.append(_text_problem(path, name, sample[name]))
    real_time = roles.timestamp is not None and kinds[roles.timestamp] == MOMENT
    roles = roles.model_copy(update={"real_time": real_time})
    return Contract(delimiter, kinds, roles, tuple(problems))


def _sample(
    engine: duckdb.DuckDBPyConnection, path: Path, delimiter: str, names: list[str]
) -> dict[str, list[str]]:
    """Return the non-empty values of each column in the first rows, as text."""
    columns = struct(dict.fromkeys(names, "VARCHAR"))
    rows = engine.execute(
        f"SELECT * FROM read_csv(?, header=true, auto_detect=false, delim=?, quote='\"', "
        f"escape='\"', columns={columns}, ignore_errors=true) LIMIT {SAMPLE_ROWS}",
        [str(path), delimiter],
    ).fetchall()
    return {
        name: [value for row in rows if (value := row[index]) not in (None, "")]
        for index, name in enumerate(names)
    }


def _find_roles(
    path: Path, names: list[str], sample: dict[str, list[str]], settings: IntakeSettings
) -> Roles:
    found: dict[str, str | None] = {}
    for role, known in KNOWN_NAMES.items():
        named = getattr(settings, role)
        if named is not None and named not in names:
            raise IntakeError(
                f"{path.name}: line 1: there is no column {named!r} for the role {role}; "
                f"the columns are {', '.join(names)}; correct the setting or the file"
            )
        found[role] = named or next((name for name in known if name in names), None)
    target = found.pop("target") or names[-1]
    wrong = [value for value in sample[target] if value.strip() not in TARGET_VALUES]
    if sample[target] and len(wrong) > len(sample[target]) / 2:
        raise IntakeError(
            f"{path.name}: line 2, column {target!r}: no target: {wrong[0]!r} is neither 0 nor 1, "
            f"nor are most values of this column; put the 0/1 label in the last column, "
            f"name it {' or '.join(KNOWN_NAMES['target'])}, or set `target`"
        )
    return Roles(target=target, **found)


def _kind(name: str, roles: Roles, values: list[str]) -> str:
    if name == roles.target:
        return LABEL
    if name in (roles.card, roles.terminal, roles.transaction_id):
        return NAME
    mostly_numbers = sum(map(_is_number, values)) * 2 >= len(values)
    if name in (roles.timestamp, roles.known_at, roles.label_known_at):
        return NUMBER if values and mostly_numbers else MOMENT
    return NUMBER if mostly_numbers else NAME


def _text_problem(path: Path, name: str, values: list[str]) -> str:
    example = next(value for value in values if not _is_number(value))
    return (
        f"{path.name}: column {name!r} holds text, for example {example[:40]!r}; models read "
        "numbers: encode the column, remove it, or give it a role such as `card`"
    )
