"""The window: the batches that a model is trained from, and their rows by split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from fraud_assets.features.availability import KNOWN, LABEL_KNOWN, label_known_by
from fraud_assets.platform.masking import MASK_TEXT
from fraud_assets.records.batches import Roles, SplitCounts
from fraud_assets.store.sql import identifier, literal, parquet, parquets
from fraud_assets.training.splits import TEST, TRAIN, VALIDATION, Assigned


@dataclass(frozen=True)
class Member:
    """A batch of the window.

    Attributes
    ----------
    batch : str
        Name of the batch (partition key).
    features, splits : Path
        Parquet files of its features and of its splits.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    kinds : dict of str to str
        Kind of each source column.
    keyed : bool
        Whether the content keys of its splits are keyed hashes; those of old releases are not.

    See Also
    --------
    fraud_assets.training.members.window_of : the members of a window.
    """

    batch: str
    features: Path
    splits: Path
    roles: Roles
    kinds: dict[str, str]
    keyed: bool = True

    @property
    def assigned(self) -> Assigned:
        """Its splits."""
        return Assigned(self.splits, self.keyed)


def load_rows(
    engine: duckdb.DuckDBPyConnection,
    members: Sequence[Member],
    split: str,
    columns: Sequence[str],
    known_by: str | None = None,
    texts: Sequence[str] = (),
) -> pd.DataFrame:
    """Load the rows of one split.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        With the masking and the keyed hashes of `store.resources.Engine`.
    members : sequence of Member
        Oldest first.
    split : {"train", "validation", "test"}
        The split to load.
    columns : sequence of str
        Features to load, as 64-bit floats.
    known_by : str, optional
        Time in ISO 8601: load only rows whose label was known by then.
    texts : sequence of str
        Source columns to load as text, as `text_<name>_`.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns + n_texts + 9)
        The columns, then `batch_`, `source_line_`, `content_key_`, `fraud_`, `amount_` (null
        where there is no amount), `transaction_id_`, `days_known_`, `known_us_` and
        `label_known_us_` (null where there is no timestamp), in the order of window and file.

    See Also
    --------
    count_rows : counts without loading.
    """
    rows: pd.DataFrame = (
        engine.sql(
            f"SELECT * EXCLUDE (place_, split_) FROM ({_union(members, columns, known_by, texts)}) "
            f"WHERE split_ = {literal(split)} ORDER BY place_, source_line_"
        )
        .to_arrow_table()
        .to_pandas()
    )
    return rows


def count_rows(
    engine: duckdb.DuckDBPyConnection, members: Sequence[Member], known_by: str | None
) -> dict[str, SplitCounts]:
    """Count rows and frauds by split.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Connection that may read the files.
    members : sequence of Member
        Oldest first.
    known_by : str or None
        As for `load_rows`; applies to train and validation rows.

    Returns
    -------
    dict of str to SplitCounts
        Train and validation rows of the whole window, test rows of its last batch.

    See Also
    --------
    load_rows : loads the rows.
    """
    counts = {}
    for split, of, known in (
        (TRAIN, members, known_by),
        (VALIDATION, members, known_by),
        (TEST, members[-1:], None),
    ):
        rows, frauds = engine.execute(
            f"SELECT count(*), coalesce(sum(fraud_), 0) FROM ({_union(of, [], known)}) "
            f"WHERE split_ = {literal(split)}"
        ).fetchall()[0]
        counts[split] = SplitCounts(rows=int(rows), frauds=int(frauds))
    return counts


def straddling_contents(engine: duckdb.DuckDBPyConnection, members: Sequence[Member]) -> int:
    """Count the row contents that occur in more than one split of the window.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        With the keyed hashes of `store.resources.Engine`.
    members : sequence of Member
        The batches of the window.

    Returns
    -------
    int
        Should be 0: otherwise a test row may have been trained on.

    See Also
    --------
    unassigned_rows : counts rows without a split.
    """
    parts = " UNION ALL ".join(
        f"SELECT {member.assigned.content_key} AS content_key, split FROM {parquet(member.splits)}"
        for member in members
    )
    straddling = engine.execute(
        f"SELECT count(*) FROM (SELECT content_key FROM ({parts}) GROUP BY content_key "
        "HAVING count(DISTINCT split) > 1)"
    ).fetchall()[0][0]
    return int(straddling)


def unassigned_rows(engine: duckdb.DuckDBPyConnection, member: Member) -> int:
    """Count the rows of a batch that do not have exactly one split.

    Parameters
    ----------
    engine : duckdb.DuckDBPyConnection
        Connection that may read the files.
    member : Member
        The batch.

    Returns
    -------
    int

    See Also
    --------
    straddling_contents : counts contents with several splits.
    """
    unassigned = engine.execute(
        "SELECT count(*) FROM (SELECT features.source_line, count(splits.split) AS n "
        f"FROM {parquet(member.features)} AS features LEFT JOIN {parquet(member.splits)} AS splits "
        "USING (source_line) GROUP BY features.source_line) WHERE n <> 1",
    ).fetchall()[0][0]
    return int(unassigned)


def _union(
    members: Sequence[Member],
    columns: Sequence[str],
    known_by: str | None,
    texts: Sequence[str] = (),
) -> str:
    """Return SQL for the rows of all members.

    Members with the same roles and kinds are read together: with a join for each, planning the
    query takes seconds for a window of a hundred batches.
    """
    alike: dict[str, list[tuple[int, Member]]] = {}
    for place, member in enumerate(members):
        same = f"{member.roles.model_dump_json()} {sorted(member.kinds.items())} {member.keyed}"
        alike.setdefault(same, []).append((place, member))
    return " UNION ALL ".join(_rows_of(group, columns, known_by, texts) for group in alike.values())


def _rows_of(
    members: Sequence[tuple[int, Member]],
    columns: Sequence[str],
    known_by: str | None,
    texts: Sequence[str],
) -> str:
    roles = members[0][1].roles
    selected = "".join(
        f"CAST(features.{identifier(name)} AS DOUBLE) AS {identifier(name)}, " for name in columns
    )
    selected += "".join(
        f"{MASK_TEXT}(CAST(features.{identifier(name)} AS VARCHAR)) AS "
        f"{identifier(f'text_{name}_')}, "
        for name in texts
    )
    amount = (
        f"CAST({identifier(roles.amount)} AS DOUBLE)" if roles.amount else "CAST(NULL AS DOUBLE)"
    )
    # Features of old releases contain card numbers.
    name = "NULL"
    if roles.transaction_id:
        name = f"{MASK_TEXT}(CAST({identifier(roles.transaction_id)} AS VARCHAR))"
    # Without timestamps, every label counts as known.
    known = f"coalesce({label_known_by(known_by)}, true)" if known_by else "true"
    files = ", ".join(
        f"({literal(member.features)}, {literal(member.splits)}, {literal(member.batch)}, {place})"
        for place, member in members
    )
    features = parquets([member.features for _, member in members], "features_file_")
    splits = parquets([member.splits for _, member in members], "splits_file_")
    return (
        f"SELECT {selected}batch_, source_line_, content_key_, fraud_, "
        f"{amount} AS amount_, CAST({name} AS VARCHAR) AS transaction_id_, "
        f"CAST(days_known AS DOUBLE) AS days_known_, {KNOWN} AS known_us_, "
        f"{LABEL_KNOWN} AS label_known_us_, split_, place_ "
        f"FROM (VALUES {files}) AS files_(features_file_, splits_file_, batch_, place_) "
        f"JOIN {features} AS features USING (features_file_) "
        f"JOIN (SELECT source_line AS source_line_, {members[0][1].assigned.content_key} AS "
        "content_key_, "
        f"split AS split_, fraud AS fraud_, splits_file_ FROM {splits}) AS splits "
        f"ON splits.splits_file_ = files_.splits_file_ AND features.source_line = source_line_ "
        f"WHERE {known}"
    )
