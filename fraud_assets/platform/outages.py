"""Runs that an outage of a service broke, and which of them go on."""

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
def take_up_after_outage(context: HookContext) -> None:
    """Have the run taken up again when a server was away; other failures would only repeat.

    A run that takes up another has its tags, so the tag is set either way.
    """
    error = context.op_exception
    again = error is not None and is_outage(error)
    context.instance.add_run_tags(context.run_id, {RETRY_TAG: str(again).lower()})


def is_outage(error: BaseException) -> bool:
    """Tell whether an error, or what it came from, says that a server was away.

    Parameters
    ----------
    error : BaseException
    """
    seen, pending = set(), [error]
    while pending:
        found = pending.pop()
        if _is_away(found):
            return True
        seen.add(id(found))
        causes = (found.__cause__, found.__context__)
        pending += [cause for cause in causes if cause is not None and id(cause) not in seen]
    return False


def _is_away(error: BaseException) -> bool:
    from requests import exceptions as http

    if isinstance(error, ConnectionError | http.ConnectionError | http.Timeout | http.RetryError):
        return True
    # By name: the driver is installed with the full stack only, and MLflow takes long to load.
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    if kinds & {"psycopg2.OperationalError", "psycopg2.InterfaceError"}:
        return True
    return getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE"


def runs_to_take_up(instance: DagsterInstance, run: DagsterRun) -> set[str]:
    """Return the failed runs of the same content of the same batch, whose work a run goes on with.

    Parameters
    ----------
    instance : DagsterInstance
    run : DagsterRun
    """
    tags = {name: run.tags[name] for name in (PARTITION_TAG, CONTENT_TAG) if name in run.tags}
    if len(tags) < 2:
        return set()
    filters = RunsFilter(job_name=run.job_name, tags=tags, statuses=[DagsterRunStatus.FAILURE])
    return set(instance.get_run_ids(filters)) - {run.run_id}
