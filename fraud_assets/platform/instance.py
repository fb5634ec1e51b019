"""Where Dagster keeps runs and events, who asked for a run, and sensors that stand still."""

import time
from typing import Any

from dagster import DagsterInstance, DagsterRun, QueuedRunCoordinator, SubmitRunContext

from fraud_assets.config import environment, names
from fraud_assets.platform.dagster_private import (
    ConfigurableClassData,
    DagsterSqliteStorage,
    DagsterStorage,
    InstigatorType,
    SensorInstigatorData,
)

LOGIN_LENGTH = 200


class StorageByEnvironment(DagsterStorage):
    """PostgreSQL when `DAGSTER_POSTGRES_URL` is set, otherwise SQLite below `DAGSTER_HOME`.

    Is never made itself: Dagster asks it for the storage, and gets one of its own.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return that there is nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Any,  # noqa: ARG003 - Dagster hands over what it read, which is nothing
    ) -> DagsterStorage:
        """Return Dagster's own storage.

        Raises
        ------
        ValueError
            When the address is not one of PostgreSQL.
        """
        url = environment.dagster_database()
        if url is None:
            return DagsterSqliteStorage(str(environment.dagster_home()), inst_data)
        from dagster_postgres import DagsterPostgresStorage

        return DagsterPostgresStorage(url, inst_data=inst_data)


class AttributedRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which notes on each run the login that asked for it.

    The login is what the proxy says in the request header that `FRAUD_USER_HEADER` names. Without
    the variable no header is believed: anybody could send it. A tag that a person wrote into the
    launchpad is never believed, nor that of a run which a person runs again.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run with the login, then queue it.

        Parameters
        ----------
        context : SubmitRunContext

        Returns
        -------
        DagsterRun
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
        """Tell whether Dagster itself tries a run again, under the login of that run.

        Its daemon notes on the run that failed which one it made in its place; no request can.
        """
        parent = self._instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
        return (
            parent is not None
            and parent.tags.get(names.RETRIED_BY_TAG) == run.run_id
            and parent.tags.get(names.USER_TAG) == run.tags[names.USER_TAG]
        )


def wake_sensors(instance: DagsterInstance) -> list[str]:
    """Let sensors go on whose last tick lies in the future, after a clock that was ahead.

    Dagster waits until the clock has passed the last tick; neither stopping and starting a sensor
    nor resetting it in the UI changes that.

    Parameters
    ----------
    instance : DagsterInstance

    Returns
    -------
    list of str
        The names of those that stood still.
    """
    now, woken = time.time(), []
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        ticks = (data.last_tick_timestamp or 0, data.last_tick_start_timestamp or 0)
        if max(ticks) > now:
            was = data._replace(last_tick_timestamp=now, last_tick_start_timestamp=now)
            instance.update_instigator_state(state.with_data(was))
            woken.append(state.instigator_name)
    return sorted(woken)
