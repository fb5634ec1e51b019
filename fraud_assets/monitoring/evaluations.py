"""Evaluations of asset checks, read from the Dagster instance without reading any twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import dagster as dg

FIRST_PAGE, PAGE = 5, 1000
"""Executions of a check that are read at once: usually only the newest one has not been read."""


@dataclass(frozen=True)
class RecordedEvaluation:
    """An evaluation of an asset check, as the instance stores it.

    Attributes
    ----------
    record_id : int
        Unique, and larger than those of earlier runs of the check.
    run_id : str
        Run of the evaluation.
    time : float
        In seconds since 1970.
    evaluation : AssetCheckEvaluation
        Result, severity and description.

    See Also
    --------
    new_evaluations : reads them.
    """

    record_id: int
    run_id: str
    time: float
    evaluation: dg.AssetCheckEvaluation

    @property
    def result(self) -> Literal["passed", "warned", "failed"]:
        """Whether the check passed, and else its severity."""
        if self.evaluation.passed:
            return "passed"
        return "failed" if self.evaluation.severity is dg.AssetCheckSeverity.ERROR else "warned"


def new_evaluations(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], after: dict[str, int]
) -> list[RecordedEvaluation]:
    """Return the evaluations of asset checks that have not been read yet, oldest first.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster instance to read from.
    checks : iterable of AssetCheckKey
        The asset checks to read.
    after : dict of str to int
        The last record that was read, by check; updated in place.

    Returns
    -------
    list of RecordedEvaluation

    See Also
    --------
    fraud_assets.monitoring.sensors.check_events : the same for messages.

    Notes
    -----
    They are read by check, from the table of executions: SQLite keeps a database of events per
    run, and has no cursor over the events of all runs.
    """
    keys = list(checks)
    evaluations = []
    # One query for all checks: usually there is nothing new.
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        name = key.to_user_string()
        last = after.get(name, 0)
        if key not in latest or latest[key].id <= last:
            continue
        new = list(_evaluations_of(instance, key, last))
        evaluations += new
        if new:
            after[name] = max(evaluation.record_id for evaluation in new)
    return sorted(evaluations, key=lambda evaluation: evaluation.time)


def _evaluations_of(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, after: int
) -> Iterator[RecordedEvaluation]:
    """Yield the evaluations of a check after a record, newest first."""
    cursor, limit = None, FIRST_PAGE
    while True:
        records = instance.event_log_storage.get_asset_check_execution_history(
            key, limit=limit, cursor=cursor
        )
        for record in records:
            if record.id <= after:
                return
            # A check that is planned or crashed has an execution, but no evaluation.
            event = record.event.dagster_event if record.event else None
            if (
                record.event
                and event
                and isinstance(event.event_specific_data, dg.AssetCheckEvaluation)
            ):
                yield RecordedEvaluation(
                    record.id, record.run_id, record.event.timestamp, event.event_specific_data
                )
        if len(records) < limit:
            return
        cursor, limit = records[-1].id, PAGE
