"""Scores every row of a batch with a model, and decides about each row by its score."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fraud_assets.evaluation.explain import explain
from fraud_assets.features.availability import KNOWN, LABEL_KNOWN
from fraud_assets.platform.masking import MASK_CARD, MASK_TEXT
from fraud_assets.records.batches import Roles
from fraud_assets.scoring.suppressions import Suppression, suppressed
from fraud_assets.store.sql import identifier, parquet
from fraud_assets.training.train import fraud_scores

if TYPE_CHECKING:
    import duckdb

    from fraud_assets.training.calibration import CalibratedModel

CHUNK_ROWS = 200_000
"""Rows scored at a time."""
EXPLAINED = 20_000
"""Alerts with reasons, at most, the highest scores first."""
WITHOUT_SHAP = "not known: pip install 'fraud_assets[explain]'"
TOO_SLOW = "not computed: with this estimator, only the highest scores are explained"
COLUMNS = [
    *("rank", "score", "decision", "reasons", "suppressed_because", "source_line"),
    *("transaction_id", "card", "terminal", "amount", "day", "label"),
]
SCORED = {
    "source_line": "int64",
    "score": "float64",
    "label": "int8",
    KNOWN: "float64",
    LABEL_KNOWN: "float64",
}
"""Columns of the scores of a batch."""
ALERT, SUPPRESSED, PASS = "alert", "suppressed", "pass"


@dataclass(frozen=True)
class BatchRows:
    """The files with the rows of a batch and their scores.

    Attributes
    ----------
    features, scores : Path
        Parquet files with the features, and with the scores as from `score_rows`.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.

    See Also
    --------
    rank_rows : ranks them.
    """

    features: Path
    scores: Path
    roles: Roles


def score_rows(
    connection: "duckdb.DuckDBPyConnection",
    features: Path,
    roles: Roles,
    model: "CalibratedModel",
    columns: list[str],
) -> pd.DataFrame:
    """Score all rows of a batch, chunk by chunk.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection that may read the files.
    features : Path
        Parquet file of the batch's features.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    model : CalibratedModel
        A fitted model.
    columns : list of str
        The model's features.

    Returns
    -------
    DataFrame of shape (n_rows, 5)
        `source_line`, `score` (fraud probability, 0 to 1), `label`, `known_us` and
        `label_known_us`, in the order of the file.

    See Also
    --------
    rank_rows : makes decisions from the scores.
    """
    query = (
        f"SELECT {_inputs(columns)}source_line, {identifier(roles.target)} AS label, {KNOWN}, "
        f"{LABEL_KNOWN} FROM {parquet(features)} ORDER BY source_line"
    )
    chunks = [no_scores()]
    for chunk in connection.sql(query).to_arrow_reader(CHUNK_ROWS):
        rows = chunk.to_pandas()
        scores = fraud_scores(model, rows, columns)
        chunks.append(rows.assign(score=scores)[list(SCORED)])
    return pd.concat(chunks[1:] or chunks, ignore_index=True)


def no_scores() -> pd.DataFrame:
    """Return the table of scores of a batch that was not scored.

    Returns
    -------
    DataFrame of shape (0, 5)
        The columns of `score_rows`, without rows.

    See Also
    --------
    score_rows : scores a batch.

    Examples
    --------
    >>> no_scores().columns.tolist()
    ['source_line', 'score', 'label', 'known_us', 'label_known_us']
    """
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SCORED.items()})


def rank_rows(
    connection: "duckdb.DuckDBPyConnection",
    batch: BatchRows,
    model: "CalibratedModel",
    columns: list[str],
    threshold: float,
    entries: list[Suppression],
    today: date,
) -> pd.DataFrame:
    """Rank the rows of a batch by score, decide about each, and explain the alerts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        That masks card numbers, as of `store.resources.Engine`.
    batch : BatchRows
        The files of the batch.
    model : CalibratedModel
        The model that scored the rows; used for the reasons only.
    columns : list of str
        The model's features.
    threshold : float
        Score from which a row is an alert, between 0 and 1.
    entries : list of Suppression
        With tokens in place of card numbers.
    today : date
        Decides whether an entry has expired where the data has no dates.

    Returns
    -------
    DataFrame of shape (n_rows, 12)
        `rank` (1 is the highest score), `score`, `decision` (alert, suppressed or pass),
        `reasons` of alerts, `suppressed_because`, `source_line`, `transaction_id`, `card`,
        `terminal`, `amount`, `day` (missing where the data has no dates) and `label`; ordered by
        rank, equal scores as in the file. Card numbers are tokens.

    See Also
    --------
    score_rows : computes the scores.
    """
    scored: pd.DataFrame = connection.sql(_ranked(batch)).to_arrow_table().to_pandas()
    scored.insert(0, "rank", np.arange(1, len(scored) + 1))
    scored["suppressed_because"] = suppressed(scored, entries, today)
    above = scored["score"] >= threshold
    is_suppressed = scored["suppressed_because"].notna()
    scored["decision"] = np.select([above & is_suppressed, above], [SUPPRESSED, ALERT], PASS)
    scored.loc[~above, "suppressed_because"] = None
    alerts = scored[above].head(EXPLAINED)
    scored["reasons"] = _reasons(connection, batch.features, alerts, model, columns)
    ordered: pd.DataFrame = scored.reindex(columns=COLUMNS)
    return ordered


def _inputs(columns: list[str]) -> str:
    return "".join(f"CAST({identifier(c)} AS DOUBLE) AS {identifier(c)}, " for c in columns)


def _ranked(batch: BatchRows) -> str:
    roles = batch.roles

    def text(name: str | None, mask: str = MASK_TEXT) -> str:
        # Features from earlier releases contain card numbers; a token stays as it is.
        return f"{mask}(CAST({identifier(name)} AS VARCHAR))" if name else "CAST(NULL AS VARCHAR)"

    amount = f"CAST({identifier(roles.amount)} AS DOUBLE)" if roles.amount else "NULL"
    dates = f"date_trunc('day', make_timestamp(features.{KNOWN}))" if roles.real_time else "NULL"
    return (
        f"SELECT source_line, {text(roles.transaction_id)} AS transaction_id, "
        f"{text(roles.card, MASK_CARD)} AS card, {text(roles.terminal)} AS terminal, "
        f"CAST({amount} AS DOUBLE) AS amount, CAST({dates} AS TIMESTAMP) AS day, "
        f"{identifier(roles.target)} AS label, scores.score "
        f"FROM {parquet(batch.features)} AS features "
        f"JOIN (SELECT source_line, score FROM {parquet(batch.scores)}) AS scores "
        "USING (source_line) ORDER BY scores.score DESC, source_line"
    )


def _reasons(
    connection: "duckdb.DuckDBPyConnection",
    features: Path,
    alerts: pd.DataFrame,
    model: "CalibratedModel",
    columns: list[str],
) -> pd.Series:
    if alerts.empty:
        return pd.Series(dtype=object)
    lines = pd.DataFrame({"source_line": alerts["source_line"]})
    connection.register("alerted_lines", lines)
    rows = connection.execute(
        f"SELECT {_inputs(columns)}source_line FROM {parquet(features)} "
        "WHERE source_line IN (SELECT source_line FROM alerted_lines)"
    ).df()
    connection.unregister("alerted_lines")
    rows = rows.set_index("source_line").loc[alerts["source_line"]]
    explanation = explain(model, rows, columns)
    reasons = [] if explanation is None else explanation.reasons()
    unexplained = WITHOUT_SHAP if explanation is None else TOO_SLOW
    reasons += [unexplained] * (len(alerts) - len(reasons))
    return pd.Series(reasons, index=alerts.index, dtype=object)
