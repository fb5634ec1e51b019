"""What one asset hands to another, as typed records; unknown keys are refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ChampionScores(BaseModel):
    """What is known of the champion's scores of a batch, beside the scores themselves.

    Attributes
    ----------
    version : {1}
        Of this record's format.
    batch, content_hash : str
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

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    batch: str
    content_hash: str
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


class ReferenceProfile(BaseModel):
    """Where the summary of a model's training data lies, which drift is measured against.

    Attributes
    ----------
    version : {1}
        Of this record's format.
    batch : str
    model_version : str
        The challenger whose training data it summarizes.
    mlflow_run_id : str
        Whose artifacts hold it.
    artifacts : dict of str to str
        SHA-256 of the artifacts, in hexadecimal, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    batch: str
    model_version: str
    mlflow_run_id: str
    artifacts: dict[str, str]
