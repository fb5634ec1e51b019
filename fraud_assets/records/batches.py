"""What is known of a batch's tables: raw rows, features, splits and the champion's scores."""

from typing import ClassVar, Literal

from pydantic import AliasChoices, Field

from fraud_assets.config.settings import Settings, SplitMode, SplitSettings
from fraud_assets.records.base import Record


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


class TableFacts(Record):
    """What every table of a batch has.

    Attributes
    ----------
    batch : str
        The partition.
    content_hash : str
        SHA-256 of the CSV that the rows came from, in hexadecimal.
    rows_forgotten : int
        Rows that were deleted on request since.
    """

    batch: str
    content_hash: str
    rows_forgotten: int = 0


class RawTransactions(TableFacts):
    """The accepted rows of a CSV.

    Attributes
    ----------
    source_file : str
        Name of the CSV.
    source_bytes : int
    encoding, delimiter, decimal : str
        How the CSV was read.
    columns : list of str
        In the order of the file.
    kinds : dict of str to str
        Kind of each column: "number", "timestamp", "text", …
    roles : Roles
    labels : dict of str to int
        What each spelling of the target means, in lower case.
    zoned : list of str
        Columns whose timestamps had a time zone and were converted to UTC.
    timestamp_format : str or None
        As of `strptime`; None: ISO 8601.
    problems : list of str
        What breaks the contract although the file can be read.
    long_numbers : list of str or None
        Columns of numbers with as many digits as a card number; None: unknown, of a release that
        did not look for card numbers.
    rows, frauds : int
        Accepted rows, and the frauds among them.
    rejected : int
        Rows in quarantine.
    faults : list of str
        Place and reason of the first rejected rows, without values.
    repairs : str or None
        Content hash of the file whose rejected rows were repaired.
    schema_fingerprint : str
        Hash of names and kinds of the columns.
    constant_columns : list of str
    rows_hash : str
        SHA-256 of the Parquet file.
    """

    RETIRED: ClassVar[frozenset[str]] = frozenset({"examples"})

    source_file: str
    source_bytes: int
    encoding: str
    delimiter: str
    decimal: str
    columns: list[str]
    kinds: dict[str, str]
    roles: Roles
    labels: dict[str, int]
    zoned: list[str]
    timestamp_format: str | None
    problems: list[str]
    long_numbers: list[str] | None = None
    rows: int
    frauds: int
    rejected: int
    faults: list[str] = Field(default_factory=list)
    repairs: str | None = None
    schema_fingerprint: str
    constant_columns: list[str]
    rows_hash: str


class Provenance(Record):
    """Facts about a batch's file, stored with everything that is made from it.

    Attributes
    ----------
    source_file, source_bytes, content_hash, schema_fingerprint, rows, rejected, rows_hash
        As in `RawTransactions`.
    """

    source_file: str
    source_bytes: int
    content_hash: str
    schema_fingerprint: str
    rows: int
    rejected: int
    rows_hash: str

    @classmethod
    def of(cls, raw: RawTransactions) -> "Provenance":
        """Return the provenance of a batch's rows.

        Parameters
        ----------
        raw : RawTransactions
            The facts about the table of raw rows.

        Returns
        -------
        Provenance
        """
        return cls(**raw.model_dump(include=set(cls.model_fields)))


class Features(TableFacts):
    """Model-ready rows.

    Attributes
    ----------
    source : Provenance
    kinds : dict of str to str
        Kind of each source column.
    roles : Roles
    features : list of str
        Columns that a model may read, in order.
    label_delay_days : float
    span : tuple of (int or None)
        First row, last row and last label to become known, in microseconds since 1970; None
        without timestamps.
    warm_up_days : dict of str to float
        Days of history that a window feature needs before it is complete, by feature.
    """

    RETIRED: ClassVar[frozenset[str]] = frozenset({"champion"})

    source: Provenance
    kinds: dict[str, str]
    roles: Roles
    features: list[str]
    label_delay_days: float
    span: tuple[int | None, int | None, int | None]
    warm_up_days: dict[str, float]


class SplitCounts(Settings):
    """Rows and frauds of a split."""

    rows: int
    frauds: int


class Splits(TableFacts):
    """Which row is for training, for validation and for the test.

    Attributes
    ----------
    hash_key_id : str or None
        Which key the content keys are hashed with; None: with none, as in old releases.
    settings : SplitSettings
    mode : SplitMode
        What was used: in time, or by content.
    validation_start, test_start : str or None
        ISO 8601 times at which validation and test begin; None unless split in time.
    window : list of (str, str)
        Batch and content hash of each batch that the model is trained from, oldest first.
    counts : dict of str to SplitCounts
        By split, over the window; the test split is that of the batch itself.
    straddling_contents : int
        Row contents that occur in more than one split.
    unassigned_rows : int
        Rows that have not exactly one split.
    """

    hash_key_id: str | None = None
    settings: SplitSettings
    mode: SplitMode
    validation_start: str | None
    test_start: str | None
    window: list[tuple[str, str]]
    counts: dict[str, SplitCounts]
    straddling_contents: int
    unassigned_rows: int


class ChampionScores(TableFacts):
    """The champion's scores of a batch.

    Attributes
    ----------
    champion : str or None
        The version that scored; None while there is no champion.
    decision_threshold : float or None
        Score from which a row is an alert, between 0 and 1.
    missing_columns : list of str
        Features of the champion that the batch does not have; with any, no row is scored.
    champion_batch : str or None
        The batch that the champion was trained for.
    source_file : str
        Name of the CSV.
    column_changes : list of str
        Source columns that are missing or of another kind than when the champion was trained,
        one phrase each.
    """

    record_version: Literal[1] = Field(
        1, validation_alias=AliasChoices("record_version", "version")
    )
    champion: str | None
    decision_threshold: float | None
    missing_columns: list[str]
    champion_batch: str | None
    source_file: str
    column_changes: list[str]

    @property
    def is_scored(self) -> bool:
        """Whether the rows have scores."""
        return self.champion is not None and not self.missing_columns
