"""The model's prediction for each test row, with and without what identifies the row."""

import pandas as pd

from fraud_assets.evaluation.figures import ScoredRows


def predictions_of(rows: pd.DataFrame, scored: ScoredRows) -> pd.DataFrame:
    """Return the prediction for each test row.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        As from `training.window.load_rows`.
    scored : ScoredRows
        The same rows with their labels and scores.

    Returns
    -------
    DataFrame of shape (n_rows, 5)
        `transaction_id`, `source_line`, `score`, `decision` and `label`: for people who may see
        single transactions.

    See Also
    --------
    anonymous : for everybody else.
    """
    return pd.DataFrame(
        {
            "transaction_id": rows["transaction_id_"],
            "source_line": rows["source_line_"],
            "score": scored.scores,
            "decision": scored.alerts,
            "label": rows["fraud_"],
        }
    )


def anonymous(predictions: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Replace transaction ids and line numbers by a keyed hash of each row.

    Parameters
    ----------
    predictions : DataFrame of shape (n_rows, 5)
        As from `predictions_of`.
    rows : DataFrame of shape (n_rows, n_columns)
        The same rows, with `content_key_`.

    Returns
    -------
    DataFrame of shape (n_rows, 4)
        `row`, `score`, `decision` and `label`.

    See Also
    --------
    predictions_of : the predictions with ids.

    Examples
    --------
    >>> predictions = pd.DataFrame({"transaction_id": ["7"], "source_line": [2], "score": [0.5]})
    >>> anonymous(predictions, pd.DataFrame({"content_key_": [255]})).to_dict("records")
    [{'row': '00000000000000ff', 'score': 0.5}]
    """
    hashed = predictions.drop(columns=["transaction_id", "source_line"])
    hashed.insert(0, "row", [f"{key:016x}" for key in rows["content_key_"]])
    return hashed
