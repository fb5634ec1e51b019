"""The challenger's scores of its validation rows, kept for the reference profile."""

import pandas as pd
from numpy.typing import ArrayLike

from fraud_assets.arrays import as_array
from fraud_assets.metrics import Floats
from fraud_assets.store import reports
from fraud_assets.text import named

VALIDATION_SCORES = "validation_scores.parquet"


def keep_validation_scores(batch: str, scores: ArrayLike) -> None:
    """Keep the challenger's scores of its validation rows.

    Parameters
    ----------
    batch : str
        Name of the batch (partition key).
    scores : array-like of shape (n_rows,)
        Fraud probabilities, 0 to 1.

    See Also
    --------
    validation_scores : reads the scores.
    """
    checked = as_array("scores", scores, "probability")
    content = pd.DataFrame({"score": checked}).to_parquet(index=False)
    reports.write_report_file(batch, VALIDATION_SCORES, content)


def validation_scores(batch: str) -> Floats:
    """Return the challenger's scores of its validation rows.

    Parameters
    ----------
    batch : str
        Name of the batch (partition key).

    Returns
    -------
    ndarray of shape (n_rows,)
        Fraud probabilities, 0 to 1.

    Raises
    ------
    FileNotFoundError
        When none are kept: the model was trained by an older release.

    See Also
    --------
    keep_validation_scores : writes the scores.
    """
    path = reports.find_report_file(batch, VALIDATION_SCORES)
    if path is None:
        raise FileNotFoundError(
            f"there are no validation scores of batch {named(batch)}; materialize "
            "trained_model of this batch again"
        )
    scores: Floats = pd.read_parquet(path)["score"].to_numpy()
    return scores
