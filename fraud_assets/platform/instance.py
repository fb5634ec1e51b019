"""Storage of Dagster's runs and events, attribution of runs to logins, and stuck sensors."""

import time
from typing import Any

from dagster import DagsterInstance, DagsterRun, QueuedRunCoordinator, SubmitRunContext

from fraud_assets.config import environment, names
from fraud_assets.platform.dagster_private import (
    ConfigurableClassData,
    DagsterStorage,
    InstigatorType,
    SensorInstigatorData,
)
from fraud_assets.platform.event_log import SqliteStorage

LOGIN_LENGTH = 200


class StorageByEnvironment(DagsterStorage):
    """PostgreSQL when `DAGSTER_POSTGRES_URL` is set, otherwise SQLite below `DAGSTER_HOME`.

    It is never instantiated: `from_config_value` returns a storage of Dagster's own.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the configuration schema, which is empty.

        Returns
        -------
        dict
            No keys.
        """
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Any,  # noqa: ARG003 - Dagster passes the configuration, which is empty
    ) -> DagsterStorage:
        """Return Dagster's own storage for the environment.

        Parameters
        ----------
        inst_data : ConfigurableClassData or None
            How `dagster.yaml` names the class; passed on to the storage.
        config_value : object
            Not used; it is empty.

        Returns
        -------
        DagsterStorage
            For PostgreSQL or SQLite.

        Raises
        ------
        ValueError
            When `DAGSTER_POSTGRES_URL` is not a PostgreSQL address.

        See Also
        --------
        fraud_assets.config.environment.dagster_database : reads the address.
        """
        url = environment.dagster_database()
        if url is None:
            return SqliteStorage(str(environment.dagster_home()), inst_data)
        from dagster_postgres import DagsterPostgresStorage

        return DagsterPostgresStorage(url, inst_data=inst_data)


class AttributedRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which tags each run with the login that requested it.

    The proxy passes the login in the request header that `FRAUD_USER_HEADER` names. Without the
    variable no header is trusted: anybody could send it. A tag that a person entered in the
    launchpad is never trusted, nor that of a run that a person executes again.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run with the login, then queue it.

        Parameters
        ----------
        context : SubmitRunContext
            The run, and the headers of the request that submitted it.

        Returns
        -------
        DagsterRun
            The queued run.
        """
        run = context.dagster_run
        login = self._login(context)
        if login is not None:
            self._instance.add_run_tags(run.run_id, {names.USER_TAG: login})
        elif names.USER_TAG in run.tags and not self._is_own_retry(run):
            self._instance.add_run_tags(run.run_id, {names.USER_TAG: ""})
        return super().submit_run(context)

    def _login(self, context: SubmitRunContext) -> str | None:
        header = environment.user_header()
        login = context.get_request_header(header) if header else None
        return login[:LOGIN_LENGTH] if login else None

    def _is_own_retry(self, run: DagsterRun) -> bool:
        """Tell whether a run is Dagster's own retry, under the login of the failed run.

        Its daemon tags the failed run with the id of the retry; no request can do that.
        """
        parent = self._instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
        return (
            parent is not None
            and parent.tags.get(names.RETRIED_BY_TAG) == run.run_id
            and parent.tags.get(names.USER_TAG) == run.tags[names.USER_TAG]
        )


def wake_sensors(instance: DagsterInstance) -> list[str]:
    """Restart sensors whose last tick is in the future because the clock was ahead.

    Dagster waits until the clock has passed the last tick; neither stopping and starting a sensor
    nor resetting it in the UI changes that.

    Parameters
    ----------
    instance : DagsterInstance
        Dagster's instance, which stores the last ticks.

    Returns
    -------
    list of str
        Sorted names of the sensors that were stuck.
    """
    now, woken = time.time(), []
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        ticks = (data.last_tick_timestamp or 0, data.last_tick_start_timestamp or 0)
        if max(ticks) > now:
            reset = data._replace(last_tick_timestamp=now, last_tick_start_timestamp=now)
            instance.update_instigator_state(state.with_data(reset))
            woken.append(state.instigator_name)
    return sorted(woken)
