"""The contract of a CSV: its delimiter, and the roles and kinds of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fraud_assets.config.settings import LABEL_LEAKS, IntakeSettings
from fraud_assets.intake.csv.decoding import HEAD_BYTES, CsvStream, IntakeError
from fraud_assets.intake.decimal_mark import find_decimal_mark
from fraud_assets.intake.header import Header, read_header
from fraud_assets.intake.kinds import (
    MOMENT,
    NAME,
    NUMBER,
    are_long_numbers,
    describe_text,
    find_kind,
    require_moments,
)
from fraud_assets.intake.patterns import has_zone
from fraud_assets.intake.roles import find_roles, read_labels
from fraud_assets.intake.sample import ColumnSample, sample_rows
from fraud_assets.records.batches import RawTransactions, Roles


@dataclass(frozen=True)
class Contract:
    """How a file is to be read.

    Attributes
    ----------
    delimiter, decimal : str
        Field delimiter and decimal mark, one character each.
    header : bytes
        The header as the file has it, with what precedes it.
    kinds : dict of str to str
        Kind of each column, in the file's order.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    labels : dict of str to int
        What each spelling of the target means, in lower case.
    zoned : frozenset of str
        Columns whose timestamps state a time zone; they are converted to UTC.
    timestamp_format : str or None
        As of `strptime`; None: ISO 8601.
    problems : tuple of str
        What breaks the contract although the file can be read.
    long_numbers : frozenset of str
        Columns of numbers with as many digits as a card number, such as times in milliseconds.
        In any other column, a card number is a value of the wrong column.

    See Also
    --------
    infer_contract : infers it from a file.
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
            Enough to read repaired rows by the same contract.

        See Also
        --------
        of : restores the contract from them.
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
        """Return the contract by which a batch was read.

        Parameters
        ----------
        raw : RawTransactions
            Facts about the ingested batch, with what `to_facts` returned.
        header : bytes
            Of the file that is to be read by the same contract.

        Returns
        -------
        Contract

        See Also
        --------
        to_facts : what is kept of a contract.
        """
        # None: an older release, which did not look for card numbers. Any column may be long.
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
        """The number of the line after the header."""
        return self.header.count(b"\n") + 1


def infer_contract(source: CsvStream, settings: IntakeSettings) -> Contract:
    """Infer how a file is to be read from its header and its first rows.

    Parameters
    ----------
    source : CsvStream
        Nothing has been read from it yet.
    settings : IntakeSettings
        What is set is not inferred.

    Returns
    -------
    Contract

    Raises
    ------
    IntakeError
        When the header cannot be used, there are no rows, or no column can be the target.

    See Also
    --------
    Contract.of : the contract of a batch that has been ingested.
    """
    header = read_header(source, settings)
    rows = sample_rows(source.head, header)
    if not rows:
        _require_rows(source, header)
    sample = {name: ColumnSample.of(rows, index) for index, name in enumerate(header.names)}
    labels = read_labels(settings)
    roles = find_roles(source.name, header.names, sample, settings, labels)
    decimal = find_decimal_mark(source.name, header.delimiter, sample, settings)
    with_points = {name: column.replaced(decimal, ".") for name, column in sample.items()}
    kinds = {name: find_kind(name, roles, with_points[name].values) for name in header.names}
    moments = [name for name, kind in kinds.items() if kind == MOMENT]
    for name in moments:
        require_moments(source.name, name, sample[name], settings)
    return Contract(
        header.delimiter,
        decimal,
        header.text,
        kinds,
        roles.model_copy(update={"real_time": roles.timestamp in moments}),
        labels,
        frozenset(name for name in moments if _have_zones(sample[name], len(rows))),
        settings.timestamp_format,
        _text_problems(source.name, kinds, roles, with_points),
        frozenset(
            name
            for name, kind in kinds.items()
            if kind == NUMBER and are_long_numbers(with_points[name].values)
        ),
    )


def _require_rows(source: CsvStream, header: Header) -> None:
    if len(source.head) < HEAD_BYTES and not source.head[len(header.text) :].strip():
        raise IntakeError(
            f"{source.name}: line 2: there is a header but no row; export the file with its rows"
        )


def _have_zones(column: ColumnSample, n_rows: int) -> bool:
    return 2 * sum(map(has_zone, column.values)) > n_rows


def _text_problems(
    file: str, kinds: Mapping[str, str], roles: Roles, sample: Mapping[str, ColumnSample]
) -> tuple[str, ...]:
    """Return a problem for each column of text that has no role in which text is allowed."""
    may_be_text = (roles.card, roles.terminal, roles.transaction_id, *LABEL_LEAKS)
    return tuple(
        describe_text(file, name, sample[name])
        for name, kind in kinds.items()
        if kind == NAME and name not in may_be_text
    )
