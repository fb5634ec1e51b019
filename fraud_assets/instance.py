"""Where Dagster keeps runs and events: as the environment says, in one `dagster.yaml`."""

import os
from typing import Any

from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from fraud_assets import config


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
        url = config.dagster_database()
        if url is None:
            return DagsterSqliteStorage(os.environ["DAGSTER_HOME"], inst_data)
        from dagster_postgres import DagsterPostgresStorage

        return DagsterPostgresStorage(url, inst_data=inst_data)
