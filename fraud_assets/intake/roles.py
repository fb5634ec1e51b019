"""Roles of columns: by setting, by a known name, or by their values."""

import difflib
from collections.abc import Mapping, Sequence

from fraud_assets.config.settings import KNOWN_NAMES, IntakeSettings
from fraud_assets.intake.csv.decoding import IntakeError
from fraud_assets.intake.header import no_header
from fraud_assets.intake.kinds import are_cards
from fraud_assets.intake.patterns import is_number
from fraud_assets.intake.sample import ColumnSample
from fraud_assets.records.batches import Roles
from fraud_assets.text import named

_LABEL_WORDS = ("true", "false", "yes", "no")


def read_labels(settings: IntakeSettings) -> dict[str, int]:
    """Return what each spelling of the target means.

    Parameters
    ----------
    settings : IntakeSettings
        Column roles, spellings of the labels and format of the file.

    Returns
    -------
    dict of str to int
        1 for a fraud and 0 for a genuine transaction, by the spelling in lower case.

    See Also
    --------
    find_roles : uses them to check the target.

    Examples
    --------
    >>> read_labels(IntakeSettings(fraud_labels=["F"], genuine_labels=["G"]))
    {'f': 1, 'g': 0}
    """
    labels = dict.fromkeys(map(str.lower, settings.fraud_labels), 1)
    return labels | dict.fromkeys(map(str.lower, settings.genuine_labels), 0)


def find_roles(
    file: str,
    names: Sequence[str],
    sample: Mapping[str, ColumnSample],
    settings: IntakeSettings,
    labels: Mapping[str, int],
) -> Roles:
    """Assign the roles to columns.

    Parameters
    ----------
    file : str
        Names the file in messages.
    names : sequence of str
        The columns, in order.
    sample : mapping of str to ColumnSample
        By column.
    settings : IntakeSettings
        A role that is set is never detected.
    labels : mapping of str to int
        As of `read_labels`.

    Returns
    -------
    Roles
        The target is by default the last column, and the card a column of payment card numbers.

    Raises
    ------
    IntakeError
        When a column that is set does not exist, or the target does not hold labels.

    See Also
    --------
    read_labels : the spellings of the labels.
    """
    columns = {role: _column_of(role, file, names, settings) for role in KNOWN_NAMES}
    known_target = columns.pop("target")
    target = known_target or names[-1]
    # A column may be called "fraud", which is also a label, but not "0" or "no".
    is_label = is_number(target) and target.lower() in labels
    if known_target is None and (is_label or target.lower() in _LABEL_WORDS):
        raise no_header(file, len(names))
    _check_target(file, names, known_target, sample[target], labels)
    if columns["card"] is None:
        assigned = {target, *columns.values()}
        cards = (n for n in names if n not in assigned and are_cards(sample[n].values))
        columns["card"] = next(cards, None)
    return Roles(target=target, **columns)


def _column_of(role: str, file: str, names: Sequence[str], settings: IntakeSettings) -> str | None:
    """Return the column that is set for a role, or else has a known name; None without one."""
    column: str | None = getattr(settings, role)
    if column is None:
        return next((name for name in KNOWN_NAMES[role] if name in names), None)
    if column not in names:
        similar = difflib.get_close_matches(column, names, 1)
        hint = f"did you mean {named(similar[0])}? " if similar else ""
        raise IntakeError(
            f"{file}: line 1: there is no column {named(column)} for the role {role}; "
            f"{hint}correct the setting or the file"
        )
    return column


def _check_target(
    file: str,
    names: Sequence[str],
    known_name: str | None,
    sample: ColumnSample,
    labels: Mapping[str, int],
) -> None:
    def is_wrong(value: str) -> bool:
        return value.lower() not in labels

    if 2 * sum(map(is_wrong, sample.values)) <= len(sample.values):
        return
    # In a file without a header, an unknown name may be a value: it is not repeated.
    column = f"column {named(known_name)}" if known_name else f"column {len(names)}, the last"
    raise IntakeError(
        f"{file}: line {sample.first_line(is_wrong)}, {column}: not a target: neither this value "
        "nor most others in the column are 0 or 1; put the 0/1 label in the last column, "
        f"name it {' or '.join(KNOWN_NAMES['target'])}, or set `target`, or `fraud_labels` "
        "and `genuine_labels`"
    )
