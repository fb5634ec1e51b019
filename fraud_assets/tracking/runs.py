"""MLflow runs of trainings and tunings, each with the right status at its end."""

import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg

from fraud_assets.config import environment
from fraud_assets.platform.outages import resumed_runs
from fraud_assets.tracking.server import NAME_PATTERN, Server, equals, mlflow_library

if TYPE_CHECKING:
    from mlflow.entities import Run

BATCH_TAG = "fraud.batch"
RUN_NAME_LENGTH = 250
"""Characters that MLflow's table of runs holds. SQLite stores more; PostgreSQL refuses to write."""


@contextmanager
def open_training_run(
    server: Server, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
) -> Iterator[str]:
    """Open the MLflow run of a training, and end it with the right status.

    A retry of the step continues the run; a new Dagster run opens a new one.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    context : AssetExecutionContext
        Context of the step that opens the run.
    batch : str
        Name of the batch, which is its partition.
    tags : mapping of str to str
        Tags of the MLflow run, by name.

    Yields
    ------
    str
        Id of the MLflow run.

    See Also
    --------
    open_group_run : for runs that hold others.
    """
    mlflow = mlflow_library()
    while mlflow.active_run() is not None:
        mlflow.end_run("KILLED")
    with warnings.catch_warnings():
        # A beta since 2021; its version is pinned, and tests cover what is used of it.
        warnings.simplefilter("ignore", dg.BetaWarning)
        from dagster_mlflow.resources import MlFlow

        run = MlFlow(_init_context(server, context, batch, tags))  # type: ignore[no-untyped-call]
    try:
        yield str(run.mlflow_run_id or mlflow.active_run().info.run_id)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        mlflow.end_run("KILLED")
        raise
    except BaseException:
        mlflow.end_run("FAILED")
        raise
    else:
        mlflow.end_run("FINISHED")


def abandoned_runs(server: Server, context: dg.AssetExecutionContext, batch: str) -> "list[Run]":
    """Return the MLflow runs of a batch that killed Dagster runs did not end.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    context : AssetExecutionContext
        Context of the current run, whose own MLflow run is left out.
    batch : str
        Name of the batch, which is its partition.

    Returns
    -------
    list of mlflow.entities.Run
        Runs that are still marked as running, and those of the failed Dagster runs that the current
        one resumes.
    """
    resumed = resumed_runs(context.instance, context.run)
    running = server.search_runs(equals("attributes.status", "RUNNING"))
    return [
        run
        for run in [*running, *server.runs_of(resumed)]
        if run.data.tags.get(BATCH_TAG) == batch
        and run.data.tags.get("dagster_run_id") != context.run_id
    ]


@contextmanager
def open_group_run(
    server: Server, context: dg.AssetExecutionContext, name: str, tags: Mapping[str, str]
) -> Iterator[str]:
    """Open an MLflow run that holds others, such as the trials of a tuning.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    context : AssetExecutionContext
        Context of the step that opens the run.
    name : str
        Name that MLflow shows for the run.
    tags : mapping of str to str
        Tags of the MLflow run, by name.

    Yields
    ------
    str
        Id of the MLflow run.

    See Also
    --------
    log_child_run : logs a run inside it.
    """
    all_tags = {"dagster_url": _dagster_link(context), **tags}
    run = server.client.create_run(server.experiment_id(), tags=all_tags, run_name=name)
    status = "FAILED"
    try:
        yield str(run.info.run_id)
        status = "FINISHED"
    finally:
        server.client.set_terminated(run.info.run_id, status)


def log_child_run(
    server: Server,
    parent: str,
    name: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> None:
    """Log a finished run inside another.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    parent : str
        Id of the run that holds it.
    name : str
        Name that MLflow shows for the run.
    parameters : mapping of str to object
        Values by name; they are stored as text.
    metrics : mapping of str to float
        Values by metric name.
    tags : mapping of str to str
        Tags of the MLflow run, by name.

    See Also
    --------
    open_group_run : opens the parent.
    """
    all_tags = {"mlflow.parentRunId": parent, **tags}
    run = server.client.create_run(server.experiment_id(), tags=all_tags, run_name=name)
    log_parameters(server, run.info.run_id, parameters)
    log_metrics(server, run.info.run_id, metrics)
    server.client.set_terminated(run.info.run_id, "FINISHED")


def log_parameters(server: Server, run_id: str, parameters: Mapping[str, Any]) -> None:
    """Log parameters to a run.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    parameters : mapping of str to object
        Values by name; they are stored as text.

    See Also
    --------
    log_metrics : logs metrics.
    """
    from mlflow.entities import Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    server.client.log_batch(run_id, params=params)


def log_metrics(server: Server, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
    """Log metrics to a run that may have ended.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    run_id : str
        Id of the MLflow run.
    metrics : mapping of str to float
        Values by metric name.
    step : int, optional
        Position on the horizontal axis of MLflow's charts.

    See Also
    --------
    log_parameters : logs parameters.
    """
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    logged = [Metric(name, float(value), now, step) for name, value in metrics.items()]
    server.client.log_batch(run_id, metrics=logged)


def delete_runs(server: Server, batch: str, kept: Sequence[str]) -> int:
    """Delete the MLflow runs of a batch, with their artifacts and the models that they logged.

    Parameters
    ----------
    server : Server
        The connection to MLflow.
    batch : str
        Name of the batch, which is its partition.
    kept : sequence of str
        Ids of MLflow runs that are kept.

    Returns
    -------
    int
        Number of deleted runs. MLflow only marks their parameters and metrics as deleted, until
        `mlflow gc`.
    """
    deleted = [run for run in _runs_of_batch(server, batch) if run.info.run_id not in kept]
    for run in deleted:
        _delete_logged_models(server, run.info.run_id)
        artifacts = server.artifacts_at(run.info.artifact_uri)
        if artifacts.list_artifacts():
            artifacts.delete_artifacts()  # type: ignore[no-untyped-call]
        server.client.delete_run(run.info.run_id)
    return len(deleted)


def _delete_logged_models(server: Server, run_id: str) -> None:
    of_run = equals("source_run_id", run_id)
    for model in server.client.search_logged_models([server.experiment_id()], filter_string=of_run):
        artifacts = server.artifacts_at(model.artifact_location)
        artifacts.delete_artifacts()  # type: ignore[no-untyped-call]
        server.client.delete_logged_model(model.model_id)


def _runs_of_batch(server: Server, batch: str) -> "list[Run]":
    """Return all MLflow runs of a batch; not every batch name is safe in a search condition."""
    is_safe = re.fullmatch(NAME_PATTERN, batch)
    condition = equals(f"tags.`{BATCH_TAG}`", batch) if is_safe else ""
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = server.client.search_runs([server.experiment_id()], condition, page_token=token)
        runs += [run for run in page if run.data.tags.get(BATCH_TAG) == batch]
        token = page.token
        if not token:
            return runs


def _init_context(
    server: Server, context: dg.AssetExecutionContext, batch: str, tags: Mapping[str, str]
) -> SimpleNamespace:
    """Return what dagster-mlflow reads of a resource's context, for this run.

    Its resource is not configured as a Dagster resource: the configuration cannot change from run
    to run, and its hook works in jobs only, so that runs of single assets would end without a
    status.
    """
    all_tags = {
        BATCH_TAG: batch,
        "mlflow.runName": batch[:RUN_NAME_LENGTH],
        "dagster_url": _dagster_link(context),
        **tags,
    }
    return SimpleNamespace(
        log=context.log,
        dagster_run=context.run,
        run_id=context.run_id,
        resource_config={
            "experiment_name": server.experiment,
            "mlflow_tracking_uri": server.uri,
            "extra_tags": all_tags,
        },
    )


def _dagster_link(context: dg.AssetExecutionContext) -> str:
    return f"{environment.dagster_url()}/runs/{context.run_id}"
