"""Runs that failed because a service was down, and how they are resumed."""

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    HookContext,
    RunsFilter,
    failure_hook,
)

from fraud_assets.config.names import CONTENT_TAG, PARTITION_TAG, RETRY_TAG


@failure_hook
def retry_after_outage(context: HookContext) -> None:
    """Have a run retried when a server was down; other failures would only repeat.

    A retry inherits the tags of the failed run, so the tag is set either way.
    """
    error = context.op_exception
    again = error is not None and is_outage(error)
    context.instance.add_run_tags(context.run_id, {RETRY_TAG: str(again).lower()})


def is_outage(error: BaseException) -> bool:
    """Tell whether an error, or one of its causes, means that a server was down.

    Parameters
    ----------
    error : BaseException
        With its causes and contexts.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_outage(ConnectionRefusedError()), is_outage(ValueError())
    (True, False)
    """
    seen, pending = set(), [error]
    while pending:
        current = pending.pop()
        if _is_connection_error(current):
            return True
        seen.add(id(current))
        causes = (current.__cause__, current.__context__)
        pending += [cause for cause in causes if cause is not None and id(cause) not in seen]
    return False


def _is_connection_error(error: BaseException) -> bool:
    from requests import exceptions as http

    if isinstance(error, ConnectionError | http.ConnectionError | http.Timeout | http.RetryError):
        return True
    # By name: the driver is installed with the full stack only, and MLflow takes long to load.
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if kinds & {"psycopg2.OperationalError", "psycopg2.InterfaceError"}:
        return True
    return getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE"


def resumed_runs(instance: DagsterInstance, run: DagsterRun) -> set[str]:
    """Return the failed runs of the same content of the same batch, which a run resumes.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores the runs.
    run : DagsterRun
        The current run, tagged with its batch and content.

    Returns
    -------
    set of str
        Ids of runs; empty for a run that was not started for a file.
    """
    tags = {name: run.tags[name] for name in (PARTITION_TAG, CONTENT_TAG) if name in run.tags}
    if len(tags) < 2:
        return set()
    filters = RunsFilter(job_name=run.job_name, tags=tags, statuses=[DagsterRunStatus.FAILURE])
    return set(instance.get_run_ids(filters)) - {run.run_id}
