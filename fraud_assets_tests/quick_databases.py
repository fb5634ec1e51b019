"""Makes the databases of Dagster and MLflow quick to open and to write, for tests.

Both libraries read all of their migrations for each database that they open, 0.1 s of the processor
each time. And SQLite waits for the disk at each commit, which only a power failure could notice.
"""

import sqlite3
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

_read: dict[str | None, ScriptDirectory] = {}
_from_config = ScriptDirectory.from_config


def make_databases_quick() -> None:
    """Let alembic keep the migrations that it read, and SQLAlchemy's SQLite not wait for disks."""
    ScriptDirectory.from_config = staticmethod(_read_once)
    event.listen(Engine, "connect", _wait_for_no_disk)


def _read_once(config: Config) -> ScriptDirectory:
    place = config.get_alembic_option("script_location")
    if place not in _read:
        _read[place] = _from_config(config)
    return _read[place]


def _wait_for_no_disk(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
