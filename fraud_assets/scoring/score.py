"""Scores every row of a batch with a model, piece by piece."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fraud_assets.evaluation.explain import explain
from fraud_assets.features.known import KNOWN
from fraud_assets.intake.contract import Roles
from fraud_assets.masking import MASK_CARD, MASK_TEXT
from fraud_assets.scoring.suppressions import Suppression, suppressed
from fraud_assets.sql import identifier, parquet
from fraud_assets.training.train import fraud_scores

if TYPE_CHECKING:
    import duckdb

    from fraud_assets.training.calibration import CalibratedModel

PIECE = 200_000
"""Rows scored at a time."""
EXPLAINED = 20_000
"""Alerts that are given reasons, the highest scores first."""
WITHOUT_SHAP = "not known: pip install 'fraud_assets[explain]'"
TOO_SLOW = "not computed: this estimator explains the highest scores alone"
COLUMNS = [
    *("rank", "score", "decision", "reasons", "suppressed_because", "source_line"),
    *("transaction_id", "card", "terminal", "amount", "day", "label"),
]
ALERT, SUPPRESSED, PASS = "alert", "suppressed", "pass"


def score_batch(
    connection: "duckdb.DuckDBPyConnection",
    features: Path,
    roles: Roles,
    model: "CalibratedModel",
    columns: list[str],
    threshold: float,
    entries: list[Suppression],
    today: date,
) -> pd.DataFrame:
    """Score all rows of a batch and rank them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        That masks card numbers, as of `storage.Engine`.
    features : Path
        Parquet file of the batch's features.
    roles : Roles
    model : CalibratedModel
    columns : list of str
        The model's features.
    threshold : float
    entries : list of Suppression
        Cards by their tokens.
    today : date
        By which entries expire where the data has no dates.

    Returns
    -------
    DataFrame of shape (n_rows, 12)
        `rank` (1 is the highest score), `score`, `decision` (alert, suppressed or pass),
        `reasons` of alerts, `suppressed_because`, `source_line`, `transaction_id`, `card`,
        `terminal`, `amount`, `day` (missing where the data has no dates) and `label`; in the
        order of the rank, equal scores in that of the file. Card numbers are tokens.
    """
    query = _query(features, roles, columns)
    pieces = []
    for piece in connection.sql(query).to_arrow_reader(PIECE):
        rows = piece.to_pandas()
        about = rows[[name for name in rows.columns if name not in columns]]
        pieces.append(about.assign(score=fraud_scores(model, rows, columns)))
    scored = pd.concat(pieces).sort_values(["score", "source_line"], ascending=[False, True])
    scored = scored.reset_index(drop=True)
    scored.insert(0, "rank", np.arange(1, len(scored) + 1))
    scored["suppressed_because"] = suppressed(scored, entries, today)
    above = scored["score"] >= threshold
    off = scored["suppressed_because"].notna()
    scored["decision"] = np.select([above & off, above], [SUPPRESSED, ALERT], PASS)
    scored.loc[~above, "suppressed_because"] = None
    scored["reasons"] = _reasons(connection, query, scored[above].head(EXPLAINED), model, columns)
    ordered: pd.DataFrame = scored.reindex(columns=COLUMNS)
    return ordered


def _query(features: Path, roles: Roles, columns: list[str]) -> str:
    def text(name: str | None, mask: str = MASK_TEXT) -> str:
        # Features of before have card numbers in them; a token stays as it is.
        return f"{mask}(CAST({identifier(name)} AS VARCHAR))" if name else "CAST(NULL AS VARCHAR)"

    inputs = "".join(f"CAST({identifier(c)} AS DOUBLE) AS {identifier(c)}, " for c in columns)
    amount = f"CAST({identifier(roles.amount)} AS DOUBLE)" if roles.amount else "NULL"
    dates = f"date_trunc('day', make_timestamp({KNOWN}))" if roles.real_time else "NULL"
    return (
        f"SELECT {inputs}source_line, {text(roles.transaction_id)} AS transaction_id, "
        f"{text(roles.card, MASK_CARD)} AS card, {text(roles.terminal)} AS terminal, "
        f"CAST({amount} AS DOUBLE) AS amount, CAST({dates} AS TIMESTAMP) AS day, "
        f"{identifier(roles.target)} AS label FROM {parquet(features)}"
    )


def _reasons(
    connection: "duckdb.DuckDBPyConnection",
    query: str,
    alerts: pd.DataFrame,
    model: "CalibratedModel",
    columns: list[str],
) -> pd.Series:
    if alerts.empty:
        return pd.Series(dtype=object)
    lines = pd.DataFrame({"source_line": alerts["source_line"]})
    connection.register("alerted_lines", lines)
    rows = connection.execute(
        f"SELECT * FROM ({query}) WHERE source_line IN (SELECT source_line FROM alerted_lines)"
    ).df()
    connection.unregister("alerted_lines")
    rows = rows.set_index("source_line").loc[alerts["source_line"]]
    found = explain(model, rows, columns)
    reasons = [] if found is None else found.reasons()
    told = WITHOUT_SHAP if found is None else TOO_SLOW
    reasons += [told] * (len(alerts) - len(reasons))
    return pd.Series(reasons, index=alerts.index, dtype=object)
